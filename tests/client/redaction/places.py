"""Where a run could give a secret away. Every function says whether it was caught: taken out, or refused by line."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

from tests.client.redaction.kinds import Planted
from trackrecord import redact


def _gone(secret: str, kept: object) -> bool:
    """Nor any long part of it."""
    said = kept if isinstance(kept, str) else json.dumps(kept, ensure_ascii=False)
    lines = [secret, *(line for line in secret.split("\n") if len(line) >= 16)]
    return not any(line in said or json.dumps(line)[1:-1] in said for line in lines)


def environment(it: Planted) -> bool:
    kept = [redact.value_of(it.kind.variable, it.value)]
    if not it.kind.named:
        kept.append(redact.value_of("NCCL_NOTE", it.value))
    return _gone(it.secret, kept)


def argv(it: Planted) -> bool:
    flag = "--" + it.kind.variable.lower()
    words = [
        "train.py",
        flag,
        it.value,
        f"{flag.replace('_', '-')}={it.value}",
        f"{it.kind.variable}={it.value}",
        "--lr=1",
    ]
    if not it.kind.named:
        words += ["--note", it.value, it.value, f"--note={it.value}"]
    kept = redact.argv(words)
    return _gone(it.secret, kept) and kept[0] == "train.py" and kept[5] == "--lr=1"


def remote(it: Planted) -> bool:
    if "://" in it.value:
        return _gone(it.secret, redact.text(it.value))
    said = quote(it.value, safe="")
    addresses = [
        f"https://{said}@example.org/x.git",
        f"https://ada:{said}@example.org/x.git",
        f"https://{said}:x-oauth-basic@a.b/x",
    ]
    return all(said not in redact.text(f"origin {address}") for address in addresses)


def patch(it: Planted) -> bool:
    lines = it.value.split("\n") if it.kind.whole else [f'{it.kind.variable} = "{it.value}"']
    hits = list(redact.in_patch(added("a/train.py", ["import os", *lines, "print(1)"])))
    return bool(hits) and all(hit.path == "a/train.py" and 41 <= hit.line <= 40 + len(lines) for hit in hits)


def params(it: Planted) -> bool:
    given = {"model": {it.kind.variable.lower(): it.value, "layers": 3}, "lr": 0.1}
    if not it.kind.named:
        given |= {"notes": [it.value, "fine"], "deep": {"er": {"note": f"see {it.value}"}}, it.value: 1}
    kept = redact.mapping(given)
    return _gone(it.secret, kept) and kept["model"]["layers"] == 3 and kept["lr"] == 0.1


def notebook(it: Planted) -> bool:
    source = it.value if it.kind.whole else f'os.environ["{it.kind.variable}"] = "{it.value}"\nimport torch'
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": source.splitlines(keepends=True)}
    book = json.dumps({"cells": [cell], "nbformat": 4}, indent=1)
    hits = [*redact.in_patch(added("x.ipynb", book.split("\n")))]
    return bool(hits) and bool([*redact.in_file("cell 1", source.encode())]) and _gone(it.secret, redact.text(source))


def packed(it: Planted) -> bool:
    plain = f"{it.kind.variable}={it.value}" if it.kind.named else it.value
    said = base64.b64encode(plain.encode()).decode()
    hits = [*redact.in_patch(added("k.yaml", [f"data: {said}"]))]
    return bool(hits) and said not in redact.text(f"sent {said} to") and said not in redact.argv(["--x", said])


def split(it: Planted) -> bool:
    if it.kind.whole:
        return patch(it)  # over several lines as it is
    at = it.value.index(it.secret) + len(it.secret) // 2
    first, second = it.value[:at], it.value[at:]
    ways = [
        [f'{it.kind.variable} = ("{first}"', f'    "{second}")'],
        [f'{it.kind.variable} = "{first}" + \\', f'    "{second}"'],
        [f"export {it.kind.variable}={first}\\", second],
        [f"run --{it.kind.variable.lower()} \\", f"    '{it.value}'"],
    ]
    return all(
        {hit.line for hit in redact.in_patch(added("x", ["one", *way, "two"]))} & {41, 42}
        and it.secret not in redact.text("\n".join(way)).replace("\\\n", "").replace('("', "").replace('"\n    "', "")
        for way in ways
    )


def console(it: Planted) -> bool:
    said = [
        f"12:00:01 INFO {it.kind.variable}={it.value}",
        f"{{'{it.kind.variable.lower()}': '{it.value}', 'lr': 0.1}}",
    ]
    if not it.kind.named:
        said += [f"request with {it.value} failed", f"KeyError: '{it.value}'"]
    if it.kind.whole:
        said = [it.value, "\n".join(f"{it.value}\nafter".split("\n"))]
    return all(_gone(it.secret, redact.text(f"epoch 1\n{line}\nepoch 2")) for line in said)


def added(path: str, lines: list[str]) -> bytes:
    """A patch that adds lines after line 39 of a file."""
    body = "".join(f"+{line}\n" for line in lines)
    head = f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -39,1 +39,{len(lines) + 1} @@\n before\n"
    return (head + body).encode()


PLACES: list[Callable[[Planted], bool]] = [environment, argv, remote, patch, params, notebook, packed, split, console]
