"""What a run uses of its machine, sampled lightly in the background: processor, memory, GPUs, as `system/…` points.

Two readings make the values of one sample; looking (/proc, NVML) is apart from that.
"""

from __future__ import annotations

import importlib
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trackrecord import journal
from trackrecord.journal import Journal

_FIRST_S, _EVERY_S = 1.0, 15.0


@dataclass(frozen=True, slots=True)
class Reading:
    """Counters at one moment. None is what this machine does not tell."""

    at: float  # monotonic, in seconds
    cpu_s: float  # processor time of this process and its descendants, those that have ended included
    memory: int | None = None  # resident bytes of the same processes; pages that they share count in each
    machine_cpu: tuple[int, int] | None = None  # ticks since boot: all, and those with nothing to do
    machine_memory: tuple[int, int] | None = None  # in the same unit: all, and what is still to be had
    gpus: tuple[tuple[float, int], ...] = ()  # of each that this process may use: percent, bytes in use


def values(before: Reading, after: Reading) -> dict[str, float]:
    """PURE: the metrics of the time between two readings."""
    found: dict[str, float] = {}
    if after.at > before.at:
        # A descendant that nobody waited for takes its time out of the sum: never less than nothing.
        found["system/cpu_percent"] = 100 * max(0.0, after.cpu_s - before.cpu_s) / (after.at - before.at)
    if after.memory is not None:
        found["system/memory_bytes"] = float(after.memory)
    if before.machine_cpu and after.machine_cpu and after.machine_cpu[0] > before.machine_cpu[0]:
        all_, idle = (late - early for early, late in zip(before.machine_cpu, after.machine_cpu, strict=True))
        found["system/machine_cpu_percent"] = 100 * min(1.0, max(0.0, 1 - idle / all_))
    if after.machine_memory and after.machine_memory[0]:
        found["system/machine_memory_percent"] = 100 * (1 - after.machine_memory[1] / after.machine_memory[0])
    for index, (percent, used) in enumerate(after.gpus):
        found[f"system/gpu{index}_percent"] = percent
        found[f"system/gpu{index}_memory_bytes"] = float(used)
    return {name: round(value, 2) for name, value in found.items()}


class Sampler(threading.Thread):
    """Writes a sample into the run's journal: after a second, then every 15 seconds. A forked child has none."""

    def __init__(self, target: Journal, started: float) -> None:
        """`started`: when the run began, by `time.monotonic()`; a sample's step is the whole seconds since then."""
        super().__init__(name="trackrecord-usage", daemon=True)
        self._journal, self._started_at = target, started
        self._stop_asked = threading.Event()

    def stop(self) -> None:
        """No more samples. One that is being taken meanwhile finds the journal closed, and is lost."""
        self._stop_asked.set()

    def run(self) -> None:
        """Whatever this machine refuses to tell ends the samples, never the training."""
        try:
            self._sample()
        except Exception:  # noqa: BLE001 - a guest in somebody's training: its thread must not print a trace
            return

    def _sample(self) -> None:
        gpus = _Gpus()
        looking = Looking(gpus)
        try:
            before, pause = looking.look(), _FIRST_S
            while not self._stop_asked.wait(pause):
                after, pause = looking.look(), _EVERY_S
                step = max(0, int(time.monotonic() - self._started_at))
                found = values(before, after)
                self._journal.append([journal.POINTS, time.time_ns() // 1_000_000, step, found])
                before = after
        finally:
            gpus.close()


@dataclass(slots=True)
class Looking:
    """Looks at this process, its descendants and its machine."""

    gpus: _Gpus | None = None
    _strangers: set[str] = field(default_factory=set)  # no descendants, and they cannot become some

    def look(self) -> Reading:
        """A reading of now; without /proc, of processor time only."""
        gpus = self.gpus.read() if self.gpus is not None else ()
        at = time.monotonic()
        try:
            listed = [name for name in os.listdir("/proc") if name.isdigit()]
            ticks, pages = self._family(listed)
        except (OSError, ValueError, IndexError):
            own = os.times()
            return Reading(at, own.user + own.system + own.children_user + own.children_system, gpus=gpus)
        return Reading(
            at,
            ticks / os.sysconf("SC_CLK_TCK"),
            pages * os.sysconf("SC_PAGE_SIZE"),
            _machine_cpu(_read("/proc/stat")),
            _machine_memory(_read("/proc/meminfo")),
            gpus,
        )

    def _family(self, listed: list[str]) -> tuple[int, int]:
        """Clock ticks and resident pages of this process and its descendants."""
        own = str(os.getpid())
        fields = {own: _fields(own)}
        for pid in listed:
            if pid not in self._strangers and pid != own:
                try:
                    fields[pid] = _fields(pid)
                except OSError:  # it has ended meanwhile
                    continue
        family = _descendants(own, {pid: found[1].decode() for pid, found in fields.items()})
        self._strangers &= set(listed)
        self._strangers |= fields.keys() - family
        ticks = sum(int(number) for pid in family for number in fields[pid][11:15])
        return ticks, sum(int(fields[pid][21]) for pid in family)


class _Gpus:
    """The GPUs that this process may use, by NVML where its Python package is there."""

    def __init__(self) -> None:
        self._nvml: Any = None
        self._handles: list[Any] = []
        try:
            self._nvml = importlib.import_module("pynvml")
            self._nvml.nvmlInit()
            found = [self._nvml.nvmlDeviceGetHandleByIndex(n) for n in range(self._nvml.nvmlDeviceGetCount())]
            identities = [_text(self._nvml.nvmlDeviceGetUUID(handle)) for handle in found]
            self._handles = [found[n] for n in visible(identities, os.environ)]
        except Exception:  # noqa: BLE001 - not installed, no driver, no permission: there are no GPUs to tell of
            self._handles = []

    def read(self) -> tuple[tuple[float, int], ...]:
        try:
            return tuple(
                (
                    float(self._nvml.nvmlDeviceGetUtilizationRates(handle).gpu),
                    int(self._nvml.nvmlDeviceGetMemoryInfo(handle).used),
                )
                for handle in self._handles
            )
        except Exception:  # noqa: BLE001 - a driver that answers in part (MIG): the other values are still worth it
            self._handles = []
            return ()

    def close(self) -> None:
        try:
            if self._nvml is not None:
                self._nvml.nvmlShutdown()
        except Exception:  # noqa: BLE001, S110 - it was never there
            pass


def visible(identities: list[str], env: Mapping[str, str]) -> list[int]:
    """PURE: which GPUs CUDA_VISIBLE_DEVICES leaves, in its order; it names them by number or by (part of) their id."""
    told = env.get("CUDA_VISIBLE_DEVICES")
    if told is None:
        return list(range(len(identities)))
    found: list[int] = []
    for name in (each.strip() for each in told.split(",")):
        number = (
            int(name)
            if name.isdigit()
            else next((n for n, id_ in enumerate(identities) if name and id_.startswith(name)), -1)
        )
        if not 0 <= number < len(identities):
            break  # as CUDA does: what follows a name that is none does not count
        found.append(number)
    return found


def _descendants(own: str, parents: Mapping[str, str]) -> set[str]:
    """PURE: `own` and every process below it."""
    children: dict[str, list[str]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    found, open_ = {own}, [own]
    while open_:
        for child in children.get(open_.pop(), ()):
            if child not in found:
                found.add(child)
                open_.append(child)
    return found


def _fields(pid: str) -> list[bytes]:
    """The fields of /proc/PID/stat behind the program's name, which may hold anything: state, parent, …"""
    stat = _read(f"/proc/{pid}/stat")
    return stat[stat.rindex(b")") + 2 :].split(b" ", 22)


def _machine_cpu(stat: bytes) -> tuple[int, int] | None:
    """All ticks and idle ones (waiting for a disk is idle too); guests are counted in user time already."""
    head = stat.partition(b"\n")[0].split()
    if len(head) < 6 or head[0] != b"cpu":
        return None
    ticks = [int(each) for each in head[1:9]]
    return sum(ticks), ticks[3] + ticks[4]


def _machine_memory(meminfo: bytes) -> tuple[int, int] | None:
    rows = dict(line.partition(b":")[::2] for line in meminfo.splitlines()[:5])
    try:
        return int(rows[b"MemTotal"].split()[0]), int(rows[b"MemAvailable"].split()[0])
    except (KeyError, ValueError, IndexError):
        return None


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
