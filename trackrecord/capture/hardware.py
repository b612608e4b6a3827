"""Look at the machine: system, processor, memory, GPUs and driver. torch is asked only where it is imported already."""

from __future__ import annotations

import importlib
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackrecord import redact
from trackrecord.params import clean
from trackrecord.report import GpuReport

# Variables that change what a training computes. Nothing else of the environment is ever read.
_VARIABLES = re.compile(
    r"^(?:CUDA_(?:VISIBLE_DEVICES|LAUNCH_BLOCKING|DEVICE_ORDER|MODULE_LOADING)|CUBLAS_WORKSPACE_CONFIG|CUDNN_\w+|NCCL_\w+"
    r"|(?:OMP|MKL|OPENBLAS|NUMEXPR|VECLIB)_\w+|PYTORCH_\w+|TORCH_\w+|TORCHINDUCTOR_\w+|XLA_\w+|JAX_\w+|NVIDIA_TF32_OVERRIDE"
    # TensorFlow's by name: Terraform's variables begin with TF_ too.
    r"|TF_(?:DETERMINISTIC|CUDNN|XLA|GPU|ENABLE|DISABLE|FORCE|NUM|USE)_\w+"
    r"|HIP_VISIBLE_DEVICES|ROCR_VISIBLE_DEVICES|PYTHONHASHSEED|PYTHONOPTIMIZE)$"
)


@dataclass(frozen=True, slots=True)
class Gpus:
    """The GPUs that this process may use, with the driver's version and CUDA's."""

    found: list[GpuReport]
    driver: str | None = None
    cuda: str | None = None


def system() -> str:
    """ "Linux 6.1.0 (Debian GNU/Linux 12)", "Darwin 24.1.0 (macOS 15.1)"."""
    name = f"{platform.system()} {platform.release()}"
    mac = platform.mac_ver()[0]
    try:
        distribution = f"macOS {mac}" if mac else platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        distribution = platform.version() if sys.platform == "win32" else ""
    return clean(f"{name} ({distribution})" if distribution else name, 300)


def cpu() -> str:
    """The processor's name; /proc/cpuinfo, because asking in other ways takes seconds."""
    found = re.search(r"^(?:model name|Model|cpu model|Hardware)\s*:\s*(.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    name = _sysctl("machdep.cpu.brand_string") if sys.platform == "darwin" else found[1].strip() if found else ""
    return clean(name or platform.processor() or platform.machine(), 300)


def cpu_count() -> int | None:
    """The processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count()


def memory() -> int | None:
    """The machine's memory in bytes."""
    if sys.platform == "darwin":
        told = _sysctl("hw.memsize")
        return int(told) if told.isdigit() else None
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):  # no such question on this system
        return None


def gpus() -> Gpus:
    """By NVML where its Python package is there, else by nvidia-smi, else by /proc; a Mac's is its processor."""
    if sys.platform == "darwin":
        return Gpus([GpuReport(name=cpu())] if platform.machine() == "arm64" else [])
    found = _by_nvml() or _by_smi() or _by_proc()
    torch: Any = sys.modules.get("torch")
    cuda = getattr(getattr(torch, "version", None), "cuda", None)
    return Gpus(_visible(found.found), found.driver, str(cuda) if cuda else found.cuda)


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The allow-listed variables, cleaned."""
    return {
        name: clean(str(redact.value_of(name, value)), 1000)
        for name, value in sorted(environ.items())
        if _VARIABLES.match(name)
    }


def _by_nvml() -> Gpus | None:
    try:
        nvml: Any = importlib.import_module("pynvml")
        nvml.nvmlInit()
    except Exception:  # noqa: BLE001 - not installed, no driver, no permission: all mean "ask otherwise"
        return None
    try:
        found = []
        for index in range(nvml.nvmlDeviceGetCount()):
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            size = int(nvml.nvmlDeviceGetMemoryInfo(handle).total)
            found.append(GpuReport(name=_text(nvml.nvmlDeviceGetName(handle)), memory_bytes=size))
        version = int(nvml.nvmlSystemGetCudaDriverVersion())
        return Gpus(found, _text(nvml.nvmlSystemGetDriverVersion()), f"{version // 1000}.{version % 1000 // 10}")
    except Exception:  # noqa: BLE001 - a driver that answers in part: ask otherwise
        return None
    finally:
        nvml.nvmlShutdown()


def _by_smi() -> Gpus | None:
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    query = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run([program, *query], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    rows = [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines() if line.count(",") == 2]
    found = [GpuReport(name=name, memory_bytes=int(size) << 20 if size.isdigit() else None) for name, size, _ in rows]
    return Gpus(found, rows[0][2]) if rows else None


def _by_proc() -> Gpus:
    names = [
        found[1].strip()
        for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
        if (found := re.search(r"^Model:\s*(.+)$", _read(path), re.MULTILINE))
    ]
    version = re.search(r"Kernel Module(?: for \S+)?\s+([0-9.]+)", _read("/proc/driver/nvidia/version"))
    return Gpus([GpuReport(name=name) for name in names], version[1] if version else None)


def _visible(found: list[GpuReport]) -> list[GpuReport]:
    """Only those that CUDA_VISIBLE_DEVICES leaves, where it names them by number."""
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    if told is None:
        return found
    names = [name.strip() for name in told.split(",") if name.strip()]
    if any(not name.isdigit() for name in names):
        return [] if names == ["-1"] else found
    return [found[int(name)] for name in names if int(name) < len(found)]


def _sysctl(name: str) -> str:
    """What macOS says of itself; empty where it does not."""
    try:
        done = subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
