"""The command as a child process: its stdin is ours; its output comes to us, through a pseudo-terminal where ours is a
terminal and through pipes elsewhere; signals go to it; its end becomes our end.
"""

from __future__ import annotations

import fcntl
import os
import resource
import select
import shutil
import signal
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from trackrecord.errors import TrackrecordError

_PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT)
# What a terminal sends to every process of its foreground: the child has it already.
_OF_THE_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
_FOR_THE_LOOP = (signal.SIGCHLD, signal.SIGWINCH, signal.SIGTSTP)
_PIECE = 1 << 16


@dataclass(slots=True)
class Channel:
    """One way out of the child: read from `source`, written to our `target`s as it is."""

    source: int
    target: int  # 1 or 2
    terminal: bool

    def read(self) -> bytes:
        """What there is; empty at its end, which a pseudo-terminal says with an error."""
        try:
            return os.read(self.source, _PIECE)
        except OSError:
            return b""

    def write(self, data: bytes) -> bool:
        """Everything, as it is. False: nobody reads it any more, and so the child is told in the same way."""
        return write_all(self.target, data)

    def close(self) -> None:
        """The child's next write fails as it would have failed without us."""
        os.close(self.source)

    def resize(self) -> None:
        """Give the child's terminal the size of ours."""
        if self.terminal:
            with suppress(OSError):
                size = fcntl.ioctl(self.target, termios.TIOCGWINSZ, b"\0" * 8)
                fcntl.ioctl(self.source, termios.TIOCSWINSZ, size)


class Child:
    """A started command. Signals that reach us from now on reach it; `heard` is readable when the loop must look."""

    def __init__(self, words: Sequence[str], environ: Mapping[str, str]) -> None:
        """Start it. Raises TrackrecordError with status 127 (not found) or 126 (it cannot be run)."""
        self.pid = 0
        self.status: int | None = None
        self._early: list[int] = []
        closed = _hold_closed()
        self.heard = self._listen()
        self.channels, actions, ends = _channels(closed)
        try:
            # No shell, and what Python changed for itself (SIGPIPE, SIGXFSZ) is as it was before.
            defaults = [signal.SIGPIPE, signal.SIGXFSZ]
            self.pid = os.posix_spawnp(words[0], list(words), environ, file_actions=actions, setsigdef=defaults)
        except OSError as problem:
            raise trouble(words[0], problem) from None
        finally:
            for each in ends:
                os.close(each)
        for number in self._early:
            self.send(number)

    def send(self, number: int) -> None:
        """Pass a signal on."""
        if not self.pid:
            self._early.append(number)
        elif self.status is None:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, number)

    def ended(self) -> bool:
        """Whether it has ended; `status` is then what `os.wait` said."""
        if self.status is None:
            with suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                self.status = status if pid else None
        return self.status is not None

    def heard_signals(self) -> bytes:
        """The numbers of the signals since the last call."""
        try:
            return os.read(self.heard, 4096)
        except BlockingIOError:
            return b""

    def resize(self) -> None:
        """The window has another size: the child's terminals get it, and it is told again, for it may have looked."""
        for channel in self.channels:
            channel.resize()
        self.send(signal.SIGWINCH)

    def stop_with_it(self) -> None:
        """Ctrl-Z: stop it, if it is not already, and ourselves; returns when we go on."""
        self.send(signal.SIGTSTP)
        before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, before)

    def _listen(self) -> int:
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in (*_PASSED_ON, *_OF_THE_TERMINAL, *_FOR_THE_LOOP):
            # What whoever started us had ignored (nohup) stays so, for us and for the child.
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._caught)
        return reading

    def _caught(self, number: int, _: object) -> None:
        if number in _PASSED_ON or (number in _OF_THE_TERMINAL and not _in_foreground()):
            self.send(number)


def write_all(target: int, data: bytes) -> bool:
    """Write everything, also into a file that does not wait. False: nobody reads it any more."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(target, view) :]
        except BlockingIOError:
            select.select([], [target], [], 1.0)
        except OSError:
            return False
    return True


def leave(status: int) -> NoReturn:
    """End as the child ended: with its exit code, or by the signal that killed it."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        with suppress(OSError, ValueError):  # SIGKILL has no handler that could be set
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        os._exit(128 + number)
    os._exit(os.waitstatus_to_exitcode(status))


def _hold_closed() -> set[int]:
    """The standard streams that are closed; held, so that nothing of ours takes their numbers. The child has none."""
    closed: set[int] = set()
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            closed.add(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
    return closed


def _channels(closed: set[int]) -> tuple[list[Channel], list[tuple[int, int, int]], set[int]]:
    """The ways out, what the child does with them at its start, and their ends that are the child's alone.

    stdout and stderr that are one file for us are one for the child: their order stays.
    """
    made: dict[tuple[int, ...], tuple[Channel, int]] = {}
    actions: list[tuple[int, int, int]] = []
    for target in sorted({1, 2} - closed):
        seen = os.fstat(target)
        key = (seen.st_dev, seen.st_ino)
        if key not in made:
            terminal = os.isatty(target)
            source, end = _terminal(target) if terminal else os.pipe()
            made[key] = Channel(source, target, terminal), end
            made[key][0].resize()
        actions.append((os.POSIX_SPAWN_DUP2, made[key][1], target))
    return [channel for channel, _ in made.values()], actions, {end for _, end in made.values()}


def _terminal(like: int) -> tuple[int, int]:
    """A pseudo-terminal that changes no byte: what becomes of line ends is left to the real one."""
    source, end = os.openpty()
    settings = termios.tcgetattr(like)
    settings[1] &= ~termios.OPOST
    termios.tcsetattr(end, termios.TCSANOW, settings)
    return source, end


def _in_foreground() -> bool:
    """Whether a terminal's Ctrl-C reaches us and the child alike."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def trouble(program: str, problem: OSError) -> TrackrecordError:
    # A folder of PATH that may not be looked into is no program that may not be run.
    hidden = isinstance(problem, PermissionError) and "/" not in program and shutil.which(program, os.F_OK) is None
    if hidden or isinstance(problem, FileNotFoundError | NotADirectoryError):
        if os.path.exists(program) and "/" in program:
            return TrackrecordError(f"{program} names a program in its first line that is not there.", status=126)
        hint = "Is its environment active? The command stands after --: trackrecord run -- python train.py"
        return TrackrecordError(f"There is no program {program}.", hint, status=127)
    hint = "A script needs a first line such as #!/usr/bin/env python3 and `chmod +x`, or its interpreter before it."
    return TrackrecordError(f"{program} cannot be run: {problem.strerror}.", hint, status=126)
