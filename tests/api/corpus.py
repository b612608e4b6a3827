"""Bad input, by name: what attacked the neighbours, and what numbers and texts can be. MARK must never come back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from tests.api.scene import RUN, batch, ended, report
from trackrecord.report import AttemptReport, MetricRules, ProjectRules

MARK = "Zx9Sentinel7qQ"
LONG = MARK * 20_000


def changed(whole: Any, path: str, value: bytes) -> bytes:
    """The report as JSON, with raw bytes in the place that `path` names: `points.0.values.0`."""
    data = asdict(whole)
    at: Any = data
    *above, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in above:
        at = at[part]
    at[last] = "@@HERE@@"
    return json.dumps(data).encode().replace(b'"@@HERE@@"', value)


def text(value: str) -> bytes:
    return json.dumps(value).encode()


def text_of(**values: str) -> bytes:
    return json.dumps(values).encode()


# Texts that no short, machine-read field takes: an id, a digest, a metric, a name, an address, a file name.
TEXTS: dict[str, bytes] = {
    "up": text(f"../../etc/{MARK}"),
    "up windows": text(f"..\\..\\{MARK}"),
    "absolute": text(f"/etc/{MARK}"),
    "percent": text(f"%2e%2e%2f{MARK}"),
    "twice percent": text(f"%252e%252e%252f{MARK}"),
    "file url": text(f"file:///etc/{MARK}"),
    "metadata url": text(f"http://169.254.169.254/{MARK}"),
    "nul": b'"a\\u0000' + MARK.encode() + b'"',
    "lone surrogate": b'"a\\ud800' + MARK.encode() + b'"',
    "reversed surrogates": b'"\\udc00\\ud800' + MARK.encode() + b'"',
    "newline": text(f"a\n{MARK}"),
    "newline at the end": text(f"{MARK}\n"),
    "ansi": text(f"\x1b[31m{MARK}"),
    "right to left": text(f"\u202e{MARK}"),
    "zero width": text(f"a\u200b{MARK}"),
    "homoglyph": text(f"t\u0435st/{MARK}"),
    "fullwidth": text("\uff41\uff43\uff43" + MARK),
    "script": text(f"<script>{MARK}</script>"),
    "shout": text(f"<!channel> {MARK}"),
    "sql": text(f"x'; DROP TABLE run; -- {MARK}"),
    "wildcards": text("%" * 5_000 + MARK),
    "glob": text(f"**/{MARK}"),
    "empty": b'""',
    "blank": b'"   "',
    "long": text(LONG),
    "combining": text("a" + "\u0301" * 500 + MARK),
    "option": text(f"--upload-pack=touch {MARK}"),
    "ext": text(f"ext::sh -c {MARK}"),
    "crlf": text(f"a\r\nX-Injected: {MARK}"),
    "formula": text(f"=cmd|{MARK}!A1"),
    "braces": text("{{7*7}}" + MARK + "${jndi:ldap://x}"),
}

# What no whole number takes.
NUMBERS: dict[str, bytes] = {
    "nan": b"NaN",
    "infinity": b"Infinity",
    "minus infinity": b"-Infinity",
    "1e999": b"1e999",
    "text nan": b'"nan"',
    "text number": b'"1"',
    "2**63": str(2**63).encode(),
    "2**64": str(2**64).encode(),
    "minus": b"-1",
    "float": b"1.5",
    "1e5": b"1e5",
    "5,000 digits": b"9" * 5_000,
    "long fraction": b"0." + b"9" * 100_000,
    "true": b"true",
    "null": b"null",
    "list": b"[1]",
    "object": b'{"a": 1}',
    "hex": b"0x10",
    "leading zero": b"01",
    "plus": b"+1",
    "bare dot": b".5",
}

# What is no body at all, whatever the address.
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "space": b"   ",
    "not json": MARK.encode(),
    "null": b"null",
    "list": b"[]",
    "text": text(MARK),
    "number": b"3",
    "byte order mark": b"\xef\xbb\xbf{}",
    "utf-16": "{}".encode("utf-16"),
    "utf-16 without mark": "{}".encode("utf-16-le"),
    "utf-32": "{}".encode("utf-32"),
    "not utf-8": b'{"project": "\xff\xfe' + MARK.encode() + b'"}',
    "overlong utf-8": b'{"project": "\xc0\xaf"}',
    "raw surrogate": b'{"project": "\xed\xa0\x80"}',
    "raw nul": b'{"project": "a\x00b"}',
    "raw newline": b'{"project": "a\nb"}',
    "deep lists": b"[" * 100_000,
    "deep closed lists": b'{"project": ' + b"[" * 900 + b"]" * 900 + b"}",
    "deep objects": b'{"a":' * 50_000,
    "two values": b"{} {}",
    "trailing comma": b'{"project": "a",}',
    "comment": b"{} // " + MARK.encode(),
    "single quotes": b"{'project': 'a'}",
    "same key twice": b'{"project": "a", "project": "b"}',
    "same key twice, escaped": b'{"project": "a", "pr\\u006fject": "b"}',
    "unknown field": b'{"verified": true, "' + MARK.encode() * 40 + b'": 1}',
    "half": b'{"project": "mil',
    "form": b"project=a&name=" + MARK.encode(),
    "multipart": b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + MARK.encode() + b"\r\n--x--\r\n",
    "xml": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "pickle": b"\x80\x04\x95.",
    "gzip": b"\x1f\x8b\x08\x00",
}

_RUN, _BATCH, _END = f"/api/v1/runs/{RUN}", f"/api/v1/runs/{RUN}/batches/main/7", f"/api/v1/runs/{RUN}/finish"
_RULES = ProjectRules(
    repository="https://host/code.git",
    metrics=[MetricRules(name="a", split="test", dataset="d", dataset_digest="d" * 64)],
)
_TOKEN = {"owner": "ada", "role": "runner", "project": None, "label": "", "days": None}
ADDRESSES = (_RUN, _BATCH, _END, "/api/v1/projects/milestone-9", "/api/v1/tokens")

_TEXT_PLACES = [
    (_RUN, report(), "project"),
    (_RUN, report(), "code.commit"),
    (_RUN, report(), "code.tree"),
    (_RUN, report(), "code.patch"),
    (_BATCH, batch(), "points.0.metric"),
    (_BATCH, batch(), "datasets.0.digest"),
    (_BATCH, batch(), "points.0.values.0"),
    (_END, ended(), "state"),
    ("/api/v1/projects/milestone-9", _RULES, "metrics.0.name"),
    ("/api/v1/projects/milestone-9", _RULES, "metrics.0.dataset_digest"),
    ("/api/v1/projects/milestone-9", _RULES, "metrics.0.direction"),
    ("/api/v1/projects/milestone-9", _RULES, "allowed_refs.0"),
    ("/api/v1/projects/milestone-9", _RULES, "repository"),
]
_MAY_BE = {  # (what, where): odd, but a good value there; a name is a label and nothing opens it
    ("empty", "repository"),
    *((url, place) for url in ("file url", "metadata url") for place in ("points.0.metric", "metrics.0.name")),
}
_NUMBER_PLACES = [
    (_RUN, report(), "started_ms"),
    (_BATCH, batch(), "points.0.steps.0"),
    (_BATCH, batch(), "points.0.times.0"),
    (_BATCH, batch(artifacts=[], datasets=batch().datasets), "datasets.0.size"),
    (_END, ended(), "finished_ms"),
    (_END, ended(), "dropped"),
    ("/api/v1/projects/milestone-9", _RULES, "metrics.0.decimals"),
]


def bad_texts() -> Iterator[tuple[str, str, bytes]]:
    for address, whole, place in _TEXT_PLACES:
        for name, value in TEXTS.items():
            if (name, place) not in _MAY_BE:
                yield f"{place}: {name}", address, changed(whole, place, value)


def bad_numbers() -> Iterator[tuple[str, str, bytes]]:
    for address, whole, place in _NUMBER_PLACES:
        for name, value in NUMBERS.items():
            if not (name == "null" and place.endswith("size")):
                yield f"{place}: {name}", address, changed(whole, place, value)


def bad_bodies() -> Iterator[tuple[str, str, bytes]]:
    for address in ADDRESSES:
        for name, value in BODIES.items():
            yield f"{address}: {name}", address, value


def bad_wholes() -> Iterator[tuple[str, str, bytes]]:
    """Reports whose parts are fine and whose whole is not."""
    points = asdict(batch())["points"][0]
    yield "columns of other length", _BATCH, json.dumps({"points": [{**points, "steps": [1]}]}).encode()
    yield "a metric twice", _BATCH, json.dumps({"points": [points, points]}).encode()
    many = {"metric": "a", "steps": [1] * 200_001, "times": [1] * 200_001, "values": [1] * 200_001}
    yield "too many points", _BATCH, json.dumps({"points": [many]}).encode()
    none = {"steps": [], "times": [], "values": []}
    yield (
        "too many metrics",
        _BATCH,
        json.dumps({"points": [{**none, "metric": f"m{n}"} for n in range(2_001)]}).encode(),
    )
    yield "bool for a value", _BATCH, changed(batch(), "points.0.values.0", b"true")
    yield (
        "artifact out of its folder",
        _BATCH,
        json.dumps({"artifacts": [{"name": f"../{MARK}", "digest": "a" * 64, "size": 1}]}).encode(),
    )
    yield "long note", _BATCH, json.dumps({"notes": [MARK * 100]}).encode()
    yield from _bad_attempts()
    yield from _bad_reports()
    yield "unknown writer's head", _END, changed(ended(), "writers", b'{"../x": {"batches": 1, "head": "aa"}}')
    yield "short head", _END, changed(ended(), "writers", b'{"main": {"batches": 1, "head": "aa"}}')
    yield "rule without its metric", "/api/v1/projects/milestone-9", changed(_RULES, "metrics.0.rule", b'"at_best_of"')
    yield "margin below zero", "/api/v1/projects/milestone-9", changed(_RULES, "metrics.0.margin", b"-0.1")
    yield "nan margin", "/api/v1/projects/milestone-9", changed(_RULES, "metrics.0.margin", b"NaN")
    yield (
        "password in the address",
        "/api/v1/projects/milestone-9",
        changed(_RULES, "repository", text(f"https://ada:{MARK}@host/code.git")),
    )
    for name, change in {
        "unknown role": {"role": MARK},
        "no owner": {"owner": ""},
        "owner with a newline": {"owner": f"a\n{MARK}"},
        "days in the past": {"days": -1},
        "endless days": {"days": 10**9},
        "days as text": {"days": "3"},
        "more fields": {"digest": MARK},
        "bad project": {"project": f"../{MARK}"},
    }.items():
        yield f"token: {name}", "/api/v1/tokens", json.dumps({**_TOKEN, **change}).encode()


def _bad_attempts() -> Iterator[tuple[str, str, bytes]]:
    again = batch(attempts=[AttemptReport(number=2, report=report())])
    for number in (b"1", b"0", b"-2", b"10001", b"1e9", b'"2"', str(2**63).encode()):
        yield f"attempt {number.decode()}", _BATCH, changed(again, "attempts.0.number", number)
    one: dict[str, Any] = asdict(again)["attempts"][0]
    yield "an attempt twice", _BATCH, json.dumps({"attempts": [one, one]}).encode()
    many_again = {"attempts": [{**one, "number": 2 + number} for number in range(101)]}
    yield "too many attempts", _BATCH, json.dumps(many_again).encode()
    yield "nan in an attempt", _BATCH, changed(again, "attempts.0.report.params", b'{"a": NaN}')
    yield "deep attempt", _BATCH, changed(again, "attempts.0.report.params", b'{"a":' * 30 + b"1" + b"}" * 30)
    yield "short commit of an attempt", _BATCH, changed(again, "attempts.0.report.code.commit", text(MARK))
    yield "long parameter of an attempt", _BATCH, changed(again, "attempts.0.report.params", text_of(a=LONG))
    yield "an attempt's own field", _BATCH, changed(again, "attempts.0.report.verdict", text(MARK))


def _bad_reports() -> Iterator[tuple[str, str, bytes]]:
    yield (
        "too many parameters",
        _RUN,
        changed(report(), "params", json.dumps({f"p{n}": n for n in range(10_001)}).encode()),
    )
    yield "same flat name", _RUN, changed(report(), "params", b'{"a": {"b": 1}, "a.b": 2}')
    yield "deep parameters", _RUN, changed(report(), "params", b'{"a":' * 30 + b"1" + b"}" * 30)
    yield "long parameter", _RUN, changed(report(), "params", json.dumps({"a": LONG}).encode())
    yield "long key", _RUN, changed(report(), "params", json.dumps({LONG: 1}).encode())
    yield "nul in a key", _RUN, changed(report(), "params", b'{"a\\u0000": 1}')
    yield "surrogate in a key", _RUN, changed(report(), "params", b'{"a\\udfff": 1}')
    yield "nan in a parameter", _RUN, changed(report(), "params", b'{"a": NaN}')
    yield "huge parameter", _RUN, changed(report(), "params", b'{"a": 1e999}')
    yield "huge whole parameter", _RUN, changed(report(), "params", b'{"a": ' + b"9" * 400 + b"}")
    yield "parameters as a list", _RUN, changed(report(), "params", b"[1, 2]")
    yield "float seed", _RUN, changed(report(), "seeds", b'{"a": 1.5}')
    yield "name of an id", _RUN, changed(report(), "name", text(RUN))
    yield "two words for a name", _RUN, changed(report(), "name", text(f"a {MARK}"))
    for field in ("owner", "verified", "verdict", "created_at", "received_at", "token_id", "late", "headline"):
        yield f"server's own {field}", _RUN, changed(report(), field, text(MARK))
    yield "short commit", _RUN, changed(report(), "code.commit", b'"abc1234"')
    yield "branch for a commit", _RUN, changed(report(), "code.commit", b'"HEAD"')
    yield "upper case commit", _RUN, changed(report(), "code.commit", text("A" * 40))
    yield "unknown inner field", _RUN, changed(report(), "code.verified", b"true")


# Addresses that name nothing: ids, digests and queries spelled wrongly.
PATHS: tuple[str, ...] = (
    "/api/v1/runs/../../etc/passwd",
    "/api/v1/runs/%2e%2e%2f%2e%2e%2fetc",
    "/api/v1/runs/%252e%252e%252f",
    "/api/v1/runs/%00",
    "/api/v1/runs/%ff%fe",
    "/api/v1/runs/%ED%A0%80",
    f"/api/v1/runs/{RUN}%0a",
    f"/api/v1/runs/{RUN.lower()}",
    "/api/v1/runs/" + "A" * 10_000,
    "/api/v1/runs/01JD00000000000000000000IL",
    f"/api/v1/runs/{RUN}/history",
    f"/api/v1/runs/{RUN}/history?metric=",
    f"/api/v1/runs/{RUN}/history?metric=%00",
    f"/api/v1/runs/{RUN}/history?metric=a&points=1e5",
    f"/api/v1/runs/{RUN}/history?metric=a&points=-1",
    f"/api/v1/runs/{RUN}/history?metric=a&points=" + "9" * 5_000,
    f"/api/v1/runs/{RUN}/history?metric=a&points=nan",
    "/api/v1/artifacts/abc",
    "/api/v1/artifacts/" + "A" * 64,
    "/api/v1/artifacts/../" + "a" * 64,
    "/api/v1/projects/..",
    "/api/v1/projects/%2e%2e",
    "/api/v1/projects/" + "a" * 65,
    "/api/v1/projects/Milestone",
    "/api/v1/projects/-a",
    "/api/v1/projects/a%0a",
    "/api/v1/projects/a%20b",
    "/api/v1/answers/" + MARK,
    "/api/v1/answers/" + "a" * 10_000,
    "/api/v1/answers/__init__",
    "/api/v1/answers/..%2fbest",
    "/api/v1/answers/best?words=" + "a" * 5_000,
    "/api/v1/answers/best?project=../x",
    "/api/v1/answers/show?words=%00",
    "/api/v1/answers/show?words=%ED%A0%80",
    "/api/v1/answers/show?words=" + MARK * 3 + "%27%3b",
    "/api/v1/answers/best?words=milestone-1%20top=" + "9" * 400,
    "/api/v1/answers/best?words=milestone-1%20where=__class__%3E1",
    "/api/v1/nothing",
    "/api/v1/",
    "/api/v2/runs",
    "//api/v1/whoami",
    "/api/v1/whoami/",
    "/api/v1/whoami;/../x",
    "/docs",
    "/redoc",
    "/.git/config",
)
