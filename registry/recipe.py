"""PURE: the shell commands that rebuild a run, and what they cannot promise. No secret, every value quoted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from shlex import quote
from urllib.parse import urlsplit, urlunsplit

from registry.numbers import clean, counted, listed, short, size
from registry.tables import Dataset
from trackrecord.answer import Code
from trackrecord.report import PackageReport, RunReport, SubmoduleReport

_FOLDER = re.compile(r"[a-z0-9][a-z0-9-]{0,80}")
_OBJECT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PACKAGE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,100}[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,80}")
_ORIGIN = re.compile(r"(?:git\+)?(?:https?|ssh)://[!-~]{1,400}")
_PYTHON = re.compile(r"3(?:\.\d{1,3}){1,2}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,100}")
_USERINFO = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,20}://)[^/\s@]{0,400}@")
_SECRET = re.compile(
    r"(?:^|[-_])(?:secret\w*|token|passw(?:or)?d|passphrase|api[-_]?key|access[-_]?key|private[-_]?key|credentials?|auth)"
    r"(?:$|[-_])",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Scripts to paste in their order, each from the same directory, and the gaps: sentences."""

    scripts: tuple[Code, ...]
    gaps: tuple[str, ...]


def recipe(report: RunReport, run_id: str, repository: str, datasets: Sequence[Dataset]) -> Recipe:
    """How to rebuild the run: its code (tree compared), its environment, its command."""
    folder = report.name if _FOLDER.fullmatch(report.name) else run_id.lower()
    code, code_gaps = _code(report, folder, repository)
    environment, environment_gaps = _environment(report, folder)
    command, command_gaps = _command(report, folder, datasets)
    scripts = tuple(script for script in (code, environment, command) if script is not None)
    return Recipe(scripts, (*code_gaps, *environment_gaps, *_data_gaps(datasets), *command_gaps))


def without_userinfo(url: str) -> str:
    """The address without a name and password in it; git@host:path has none and stays."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if not parts.scheme or "@" not in parts.netloc:
        return url
    host = parts.netloc.rpartition("@")[2]
    user = "git@" if parts.scheme == "ssh" and parts.netloc.startswith("git@") else ""
    return urlunsplit((parts.scheme, user + host, parts.path, "", ""))


def _script(lines: Sequence[str]) -> str:
    """In a subshell: a failing line ends the script and not the terminal it was pasted into."""
    return "\n".join(["(", "set -eu", *lines, ")"])


def _code(report: RunReport, folder: str, repository: str) -> tuple[Code | None, list[str]]:
    code, gaps = report.code, []
    start = code.base or code.commit
    source = without_userinfo(repository or code.remote or "")
    if code.problem:
        gaps.append(f"code: {clean(code.problem, 200).rstrip('.')}")
    if code.left_out:
        gaps.append(f"{counted(len(code.left_out), 'file')} not in the tree: {listed(_cleaned(code.left_out), 4)}")
    if code.base is None and code.commit:
        gaps.append("no commit of it is on a remote" + ("; its commits come as a bundle" if code.bundle else ""))
    bundled = code.base is None and code.bundle is not None and _DIGEST.fullmatch(code.bundle) is not None
    if not (start and _OBJECT.fullmatch(start) and code.tree and _OBJECT.fullmatch(code.tree)):
        return None, [*gaps, "the code cannot be rebuilt: no commit and tree were recorded"]
    if not source and not bundled:
        return None, [*gaps, "the code cannot be rebuilt: neither the project nor the run names a repository"]
    lines = [f"mkdir {folder}", f"cd {folder}"]
    if bundled:
        lines += [f"trackrecord fetch {code.bundle} -o code.bundle"]
        source = "code.bundle"
    lines += [f"git clone --quiet --no-checkout -c core.autocrlf=false -- {quote(source)} code", "cd code"]
    lines += [f"git checkout --quiet --detach {start}"]
    if code.patch and _DIGEST.fullmatch(code.patch):
        lines += [f"trackrecord fetch {code.patch} -o ../code.patch"]
        lines += ["git apply --index --binary --whitespace=nowarn ../code.patch"]
    lines += [
        f'test "$(git write-tree)" = {code.tree} || {{ echo "this is not the tree of the run" >&2; exit 1; }}',
        f'echo "tree rebuilt: {code.tree}"',
    ]
    for number, module in enumerate(code.submodules, 1):
        inner = _submodule(module, f"submodule-{number}")
        if inner is None:
            gaps.append(f"the submodule {clean(module.path, 100)} cannot be rebuilt: {clean(_why(module), 200)}")
        lines += inner or []
    return Code(_script(lines), "1. The code, compared with the recorded tree", f"{folder}-code.sh"), gaps


def _submodule(module: SubmoduleReport, name: str) -> list[str] | None:
    """The lines that put a submodule together in its place; None where what was recorded does not suffice.

    Its remote is cloned, not `git submodule update`: that asks for a commit that nobody may have pushed.
    """
    start, source = module.base or module.commit, without_userinfo(module.remote or "")
    bundled = module.base is None and module.bundle is not None and _DIGEST.fullmatch(module.bundle) is not None
    inside = PurePosixPath(module.path)
    if inside.is_absolute() or ".." in inside.parts or not inside.parts or "\0" in module.path:
        return None
    if not (start and _OBJECT.fullmatch(start) and module.tree and _OBJECT.fullmatch(module.tree)):
        return None
    if not (source or bundled):
        return None
    place, lines = quote(f"./{module.path}"), []
    if bundled:
        source = f"../{name}.bundle"
        lines.append(f"trackrecord fetch {module.bundle} -o {source}")
    lines += [
        f"git clone --quiet --no-checkout -c core.autocrlf=false -- {quote(source)} {place}",
        f"git -C {place} checkout --quiet --detach {start}",
    ]
    if module.patch and _DIGEST.fullmatch(module.patch):
        lines.append(f"trackrecord fetch {module.patch} -o ../{name}.patch")
        lines.append(f"git -C {place} apply --index --binary --whitespace=nowarn - < ../{name}.patch")
    told = quote(f"the submodule {module.path} is not what it was")
    lines.append(f'test "$(git -C {place} write-tree)" = {module.tree} || {{ echo {told} >&2; exit 1; }}')
    return lines


def _why(module: SubmoduleReport) -> str:
    return (module.problem or "no commit and tree were recorded").rstrip(".")


def _environment(report: RunReport, folder: str) -> tuple[Code | None, list[str]]:
    about, gaps = report.environment, []
    if not about.lock_files:
        gaps.append("no lock file was recorded: packages are pinned by their installed versions, without hashes")
    if about.gpus:
        gpus = listed(sorted({clean(gpu.name, 60) for gpu in about.gpus}), 3)
        gaps.append(f"it ran on {gpus}" + (f", driver {clean(about.driver, 30)}" if about.driver else ""))
    if not about.packages:
        return None, [*gaps, "no packages were recorded"]
    lines, odd = _requirements(about.packages)
    gaps += odd
    lines += [
        f"# its lock file {clean(path, 60)}: trackrecord fetch {digest}"
        for path, digest in sorted(about.lock_files.items())
        if _DIGEST.fullmatch(digest)
    ]
    python = about.python if _PYTHON.fullmatch(about.python) else "3"
    script = _script(
        [
            f"mkdir -p {folder}",
            f"cd {folder}",
            "cat > requirements.txt <<'END_OF_REQUIREMENTS'",
            *lines,
            "END_OF_REQUIREMENTS",
            "if command -v uv >/dev/null; then",
            f"  uv venv --quiet --python {python} venv",
            "  uv pip install --quiet --python venv/bin/python -r requirements.txt",
            "else",
            f"  python3 -m venv venv  # it ran with Python {python}",
            "  venv/bin/python -m pip install --quiet -r requirements.txt",
            "fi",
        ]
    )
    title = f"2. The environment: Python {clean(about.python, 20)}, {counted(len(about.packages), 'package')}"
    return Code(script, title, f"{folder}-environment.sh"), gaps


def _requirements(packages: Sequence[PackageReport]) -> tuple[list[str], list[str]]:
    lines, conda, local, odd, special = [], [], [], [], []
    for package in sorted(packages, key=lambda package: package.name.lower()):
        known = _PACKAGE.fullmatch(package.name) and _VERSION.fullmatch(package.version)
        said = clean(f"{package.name} {package.version}", 120)
        origin = without_userinfo(package.origin) if package.origin else ""
        if origin.startswith("conda"):
            conda.append(said)
            lines.append(f"# {said}: {clean(origin, 200)}")
        elif not known:
            odd.append(said)
            lines.append(f"# {said}: not a name and version that can be installed")
        elif origin and not _ORIGIN.fullmatch(origin):
            local.append(said)
            lines.append(f"# {said}: came from a local place")
        elif origin:
            lines.append(f"{package.name} @ {origin}")
        else:
            lines.append(f"{package.name}=={package.version}")
            special += [said] if "+" in package.version else []
    gaps = []
    if conda:
        gaps.append(f"from conda, not from an index, install by hand: {listed(conda, 4)}")
    if local:
        gaps.append(f"not from an index but from a local place, install by hand: {listed(local, 4)}")
    if special:
        gaps.append(f"from an index of their own, which is not recorded: {listed(special, 4)}")
    if odd:
        gaps.append(f"left out of the requirements: {listed(odd, 4)}")
    return lines, gaps


def _command(report: RunReport, folder: str, datasets: Sequence[Dataset]) -> tuple[Code | None, list[str]]:
    command, gaps = report.command, []
    if not report.seeds:
        gaps.append("no seeds were observed")
    if not command.argv:
        return None, [*gaps, "the command was not recorded"]
    argv, hidden = _argv(command.argv)
    if hidden:
        gaps.append("a value in the command looked like a secret and is not shown")
    directory = command.directory or ""
    if directory.startswith("/") or ".." in PurePosixPath(directory).parts:
        gaps.append("it was started outside its repository")
        directory = ""
    lines = [f"# data: {_data_line(each)}" for each in datasets]
    seeds = [f"{clean(key, 40)}={clean(str(value), 40)}" for key, value in report.seeds.items()]
    lines += [f"# seeds seen: {', '.join(seeds)}"] if seeds else []
    lines += [f'here="$PWD/{folder}"', f'cd "$here"/code/{quote(directory)}' if directory else 'cd "$here"/code']
    variables = report.environment.variables
    for name in sorted(variables):
        if _VARIABLE.fullmatch(name) and not _SECRET.search(name):
            value = _USERINFO.sub(r"\1", variables[name])
            elsewhere = value.startswith(("/", "~"))  # a place on that machine
            lines.append(f"# it had {name}={clean(value)}" if elsewhere else f"export {name}={quote(_one_line(value))}")
    program = PurePosixPath(argv[0]).name
    words = [quote(_one_line(word)) for word in argv]
    if re.fullmatch(r"python[0-9.]*", program):
        words[0] = '"$here"/venv/bin/python'
    elif program.endswith(".py"):
        words.insert(0, '"$here"/venv/bin/python')
    else:
        words.insert(0, 'PATH="$here/venv/bin:$PATH"')
    lines.append(" ".join(words))
    return Code(_script(lines), "3. The data and the command", f"{folder}-run.sh"), gaps


def _argv(argv: Sequence[str]) -> tuple[list[str], bool]:
    """Values of flags that smell of a secret are left out; the client has done so before, this looks again."""
    words, hidden, next_is_secret = [], False, False
    for word in argv:
        flag, equals, value = word.partition("=")
        secret = bool(_SECRET.search(flag)) and flag.startswith("-")
        if next_is_secret and not word.startswith("-"):
            word, hidden = "REDACTED", True
        elif secret and equals and value:
            word, hidden = f"{flag}=REDACTED", True
        else:
            word = _USERINFO.sub(r"\1", word)
        next_is_secret = secret and not equals
        words.append(word)
    return words, hidden


def _data_gaps(datasets: Sequence[Dataset]) -> list[str]:
    if not datasets:
        return ["no dataset was declared"]
    partial = [f"{clean(each.name, 60)} ({clean(each.partial, 80)})" for each in datasets if each.partial]
    return [f"only partly covered by its digest: {listed(partial, 3)}"] if partial else []


def _data_line(each: Dataset) -> str:
    count = "" if each.count is None else f", {counted(each.count, 'item')}"
    split = f", {clean(each.split, 30)} split" if each.split else ""
    return f"{clean(each.name, 80)} sha256:{each.digest}{split}{count}, {size(each.size)}"


def _cleaned(texts: Sequence[str]) -> list[str]:
    return [clean(text, 100) for text in texts]


def _one_line(text: str) -> str:
    """NUL cannot be in a command; half characters cannot be written."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def tree_words(report: RunReport) -> str:
    """The code in a few words: commit, and what was changed on top of it."""
    code = report.code
    changed = f" with {counted(len(code.changed), 'uncommitted file')}" if code.dirty else ""
    return f"commit {short(code.commit)}{changed}, tree {short(code.tree)}"
