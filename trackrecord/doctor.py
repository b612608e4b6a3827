"""Look whether this machine can record runs and deliver them: one sentence for each thing that must be right."""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from trackrecord import config, homes, witness
from trackrecord.client import Client
from trackrecord.config import Config
from trackrecord.errors import TrackrecordError


@dataclass(frozen=True, slots=True)
class Check:
    """`said` names what was found and, where it is ill, what to do."""

    well: bool
    said: str


def look(told: Config) -> Iterator[Check]:
    """Configuration, registry, token, git, journals, in this order."""
    if told.mode != "online":
        yield Check(False, f"recording is {told.mode}: unset TRACKRECORD_DISABLED and TRACKRECORD_MODE to deliver runs")
    yield from _registry(told)
    yield _git()
    yield from _journals(told)


def _registry(told: Config) -> Iterator[Check]:
    if told.url is None:
        yield Check(False, "no registry is configured: `trackrecord login ADDRESS`")
        return
    yield Check(True, f"the registry is {told.url}, from {told.source}")
    parts = urlsplit(told.url)
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        yield Check(False, "the address is http: tokens travel in the open; use https outside of one machine")
    place = config.file()
    if place.is_file() and stat.S_IMODE(place.stat().st_mode) & 0o077:
        yield Check(False, f"others may read {place}: `chmod 600` it")
    try:
        door = Client(told)
        door.ask("GET", "/readyz", seconds=10)
        yield Check(True, "the registry answers and is ready")
        if told.token is None:
            yield Check(False, "no token is configured: `trackrecord login ADDRESS`")
            return
        who = door.ask("GET", "/api/v1/whoami", seconds=10)
        may = who["role"] != "reader"
        yield Check(may, f"the token is {who['owner']}'s, {who['role']}" + ("" if may else ": it may read, not record"))
        yield from _log(told, door)
    except TrackrecordError as problem:
        yield Check(False, str(problem))


def _log(told: Config, door: Client) -> Iterator[Check]:
    try:
        looked = witness.look(told.home, door)
    except OSError as problem:
        yield Check(False, f"what was seen of the registry's log cannot be kept: {problem}")
        return
    if looked is not None:
        yield Check(looked.well, looked.said)


def _git() -> Check:
    program = shutil.which("git")
    if program is None:
        return Check(False, "git is not installed: runs are recorded without their code and cannot be verified")
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError) as problem:
        return Check(False, f"git does not work: {problem}")
    return Check(True, done.stdout.strip())


def _journals(told: Config) -> Iterator[Check]:
    try:
        told.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        free = shutil.disk_usage(told.home).free
    except OSError as problem:
        yield Check(False, f"journals cannot be kept in {told.home}: {problem.strerror}; set TRACKRECORD_HOME")
        return
    yield Check(free > 200 << 20, f"journals are in {told.home}, {free >> 20} MB are free")
    left = homes.pending(told.home)
    if left:
        yield Check(False, f"{len(left)} runs are not wholly delivered: `trackrecord sync` (running ones stay)")
