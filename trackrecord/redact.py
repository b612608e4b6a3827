"""PURE: secrets out, before anything leaves the machine. Commit ids and digests stay as they are."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# What known services call their keys. Every pattern is linear: one pass, bounded repeats or single classes.
_SHAPES: tuple[tuple[str, str], ...] = (
    ("a Slack token", r"\bxox[abeoprs]-(?=[0-9A-Za-z-]{0,100}[0-9])[0-9A-Za-z-]{10,}|\bxapp-[0-9]-[0-9A-Za-z-]{10,}"),
    ("a Slack webhook", r"https://hooks\.slack\.com/(?:services|workflows)/[0-9A-Za-z/_-]{10,}"),
    ("a GitHub token", r"\bgh[pousr]_[0-9A-Za-z]{36,}|\bgithub_pat_[0-9A-Za-z_]{22,}"),
    ("a GitLab token", r"\bgl(?:pat|ptt|dt|rt)-[0-9A-Za-z_-]{20,}"),
    ("an AWS key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("a Hugging Face token", r"\bhf_[0-9A-Za-z]{30,}"),
    ("an API key", r"\bsk-(?=[0-9A-Za-z_-]{0,200}[0-9])(?=[0-9A-Za-z_-]{0,200}[A-Z])[0-9A-Za-z_-]{20,}"),
    ("an API key", r"\b[rs]k_(?:live|test)_[0-9A-Za-z]{16,}"),
    ("a Google key", r"\bAIza[0-9A-Za-z_-]{35}"),
    ("a trackrecord token", r"\btrk_[0-9A-Za-z]{36}"),
    ("a W&B key", r"\bwandb_v1_[0-9A-Za-z_-]{20,}"),
    ("an npm token", r"\bnpm_[0-9A-Za-z]{36}"),
    ("a PyPI token", r"\bpypi-AgEI[0-9A-Za-z_-]{20,}"),
    ("a JSON web token", r"\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}"),
    (
        "an authorization header",
        r"(?i)\bauthorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:bearer|basic|token)\s{1,3}[^\s\"']{8,}",
    ),
    ("a bearer token", r"(?i)\bbearer\s{1,3}(?=[0-9A-Za-z._~+/=-]{0,400}[0-9])[0-9A-Za-z._~+/=-]{20,}"),
)
_PEM = re.compile(
    r"-----BEGIN (?:[A-Z]{1,12} ){0,3}PRIVATE KEY-----(?:.{0,20000}?-----END [A-Z ]{1,40}-----)?", re.DOTALL
)
_KNOWN = [(kind, re.compile(pattern)) for kind, pattern in _SHAPES]
_URL = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]{1,30}://)([^\s/@:\"'<>]{0,300})(?::([^\s/@\"'<>]{0,300}))?@")

_SECRET_WORDS = {
    "token",
    "secret",
    "secrets",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "apikey",
    "credential",
    "credentials",
    "auth",
    "bearer",
}
_KEYS_OF = {
    "api",
    "access",
    "secret",
    "private",
    "ssh",
    "account",
    "storage",
    "signing",
    "encryption",
    "service",
    "wandb",
    "openai",
    "deploy",
}
_PASSES_OF = {"", "db", "user", "smtp", "mail", "git", "ftp", "http", "proxy", "admin", "root"}
_TEXT_TOKENS = {
    "pad",
    "eos",
    "bos",
    "unk",
    "sep",
    "cls",
    "mask",
    "special",
    "start",
    "end",
    "stop",
    "image",
    "audio",
    "decoder",
    "prefix",
    "extra",
    "blank",
    "no",
    "per",
}
_TAKEN_OUT = re.compile(r"\[redacted: [^\[\]]{0,100}\]")  # its words are ours, not the name's
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

# In code: a name that can only be a secret, and a long literal that looks drawn by lot.
_ASSIGNED = re.compile(
    r"(?i)\b[a-z0-9_.]{0,40}(?:api_?key|secret_?key|access_?key|client_?secret|auth_?token|access_?token|bot_?token|password|passwd|passphrase)"
    r"[\"']?\]?\s{0,4}(?::\s{0,3}str\s{0,3})?[:=]\s{0,4}[\"']([^\"'\s]{10,200})[\"']"
)


# Something of this stands in every line that could be a hit: a large patch is mostly lines without.
_HINT = re.compile(
    rb"(?i)xox|xapp-|hooks\.slack|gh[pousr]_|github_pat|gl[pdr]|AKIA|ASIA|hf_|sk-|[rs]k_|AIza|trk_|wandb|npm_|pypi-|eyJ"
    rb"|authorization|bearer|private key|://|key|token|secret|passw|passphrase"
)


_PIECE, _OVERLAP = 4_000, 500  # bytes of a line that are looked at together: one line may be a whole minified program


@dataclass(frozen=True, slots=True)
class Hit:
    """Something in a patch that looks like a secret: where, and what it looks like. Never the thing itself."""

    path: str
    line: int
    kind: str


def smells(name: str) -> bool:
    """Whether a name promises a secret: `api_key`, `HF_TOKEN`, `dbPassword`; not `max_tokens`, `pad_token`."""
    words = [word.lower() for word in _WORDS.findall(_TAKEN_OUT.sub(" ", name))]
    for before, word in zip(["", *words], words, strict=False):
        if word in _SECRET_WORDS and not (word == "token" and before in _TEXT_TOKENS):
            return True
        if (word in {"key", "keys"} and before in _KEYS_OF) or (word == "pass" and before in _PASSES_OF):
            return True
    return False


def text(value: str) -> str:
    """The text without userinfo in URLs and without anything of a known shape."""
    value = url(value)
    if "-----BEGIN" in value:
        value = _PEM.sub("[redacted: a private key]", value)
    for kind, pattern in _KNOWN:
        value = pattern.sub(f"[redacted: {kind}]", value)
    return value


def url(value: str) -> str:
    """URLs without what stands before the @: all of it for the web, the password elsewhere (ssh://git@… needs git)."""
    return _URL.sub(_without_userinfo, value) if "://" in value and "@" in value else value


def value_of(name: str, value: Any) -> Any:
    """A value under its name: gone when the name smells (numbers and switches are no secrets), else cleaned inside."""
    if isinstance(value, Mapping):
        return {text(str(key)): value_of(str(key), each) for key, each in value.items()}
    if isinstance(value, list):
        return [value_of(name, each) for each in value]
    if not isinstance(value, str):
        return value
    return f"[redacted: {name}]" if value and smells(name) and not value.startswith("[redacted") else text(value)


def mapping(values: Mapping[str, Any]) -> dict[str, Any]:
    """A nested dictionary, each value judged by its own name and by its shape. A name may hide one, too."""
    return {text(key): value_of(key, value) for key, value in values.items()}


def argv(words: Sequence[str]) -> list[str]:
    """A command line: `--token x`, `--token=x`, `TOKEN=x` and `-Dtoken=x` lose x."""
    kept: list[str] = []
    secret_next = ""
    for word in words:
        name, equals, value = word.partition("=")
        if secret_next and not (word.startswith("-") and len(word) > 1 and not word[1].isdigit()):
            kept.append(f"[redacted: {secret_next}]")
            secret_next = ""
        elif equals and value and smells(name):
            kept.append(f"{name}=[redacted: {name.lstrip('-')}]")
            secret_next = ""
        else:
            secret_next = word.lstrip("-") if word.startswith("-") and not equals and smells(word) else ""
            kept.append(text(word))
    return kept


def kind_in(line: str) -> str | None:
    """What a line of code gives away, as words; None: nothing that we know."""
    if "PRIVATE KEY-----" in line and _PEM.search(line):
        return "a private key"
    for kind, pattern in _KNOWN:
        if pattern.search(line):
            return kind
    if "://" in line and any(found[3] and _drawn_by_lot(found[3], 6) for found in _URL.finditer(line)):
        return "a password in a URL"
    found = _ASSIGNED.search(line)
    return "a password or key" if found and _drawn_by_lot(found[1], 10) else None


def in_patch(patch: bytes) -> Iterator[Hit]:
    """Every hit of a unified diff, with the file and its line there. Binary parts are packed and not read."""
    path, old, new, packed = "?", 0, 0, False
    for raw in patch.split(b"\n"):
        if raw.startswith(b"diff --git "):
            path, packed = _path(raw), False
        elif raw.startswith(b"GIT binary patch"):
            packed = True
        elif raw.startswith(b"+++ b/"):
            path = raw[6:].decode("utf-8", "backslashreplace").rstrip("\t")
        elif raw.startswith(b"@@ "):
            found = re.match(rb"@@ -(\d+)(?:,\d+)? \+(\d+)", raw)
            old, new = (int(found[1]), int(found[2])) if found else (0, 0)
        elif not packed and raw[:1] in b"+- " and raw:
            kind = _kind_in_long(raw[1:]) if _HINT.search(raw) else None
            if kind:
                yield Hit(path, old if raw[:1] == b"-" else new, kind)
            old += raw[:1] != b"+"
            new += raw[:1] != b"-"


def in_file(path: str, content: bytes) -> Iterator[Hit]:
    """Every hit of a whole text file."""
    for number, raw in enumerate(content.split(b"\n"), 1):
        kind = _kind_in_long(raw)
        if kind:
            yield Hit(path, number, kind)


def _kind_in_long(line: bytes) -> str | None:
    """`kind_in` for a line of any length, in pieces that overlap by more than any secret is long."""
    pieces = (line[at : at + _PIECE] for at in range(0, max(len(line), 1), _PIECE - _OVERLAP))
    return next((kind for piece in pieces if (kind := kind_in(piece.decode("utf-8", "replace")))), None)


def _path(header: bytes) -> str:
    """The file of a `diff --git a/x b/x` line; both names are the same there, since renames are off."""
    names = header[len(b"diff --git ") :].decode("utf-8", "backslashreplace")
    half = names[len(names) // 2 + 1 :]
    return half.strip('"').removeprefix("b/")


def _without_userinfo(found: re.Match[str]) -> str:
    scheme, user, password = found[1], found[2], found[3]
    if scheme.lower() in {"http://", "https://"}:
        return scheme
    return f"{scheme}[redacted]@" if kind_in(user) else f"{scheme}{user}@" if password is not None or user else scheme


def _drawn_by_lot(value: str, long: int) -> bool:
    """Whether a literal looks random: long, letters and digits, many different ones; not a placeholder."""
    if len(value) < long or any(sign in value for sign in "{}<>$*()"):
        return False
    mixed = any(sign.isdigit() for sign in value) and any(sign.isalpha() for sign in value)
    counts = Counter(value)
    bits = -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
    return mixed and bits >= (2.2 if long < 10 else 3.0)
