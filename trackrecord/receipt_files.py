"""`trackrecord receipt` and `trackrecord verify`: saves a receipt with what goes with it, shows what holds of it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackrecord import keyring, receipt
from trackrecord.answer import SELF_REPORTED, Answer, Facts, Note, Part, Table
from trackrecord.client import Client, path
from trackrecord.config import Config
from trackrecord.errors import TrackrecordError
from trackrecord.keyring import KeySet
from trackrecord.names import file_name
from trackrecord.receipt import Refused, Verified
from trackrecord.statement import MetricSaid, Said

KEYS = "/.well-known/trackrecord/keys.json"
_SUFFIX = ".receipt.sigstore.json"
_TONES = {"verified": "good", "unverified": "warn", "refuted": "bad"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What `verify` came to: the answer to draw, and whether the receipt holds and says verified."""

    answer: Answer
    holds: bool
    verified: bool


def keep_keys(home: Path, door: Client, *, anew: bool = False) -> bytes | None:
    """Keep the registry's public keys on this machine; None: it shows none. Raises TrackrecordError for other keys."""
    try:
        shown = door.ask("GET", KEYS)
    except TrackrecordError as problem:
        if problem.status == 404:
            return None
        raise
    content = json.dumps(shown, indent=1).encode() + b"\n"
    keyring.keep(home, door.url, content, anew=anew)
    return content


def save(told: Config, run: str, folder: Path) -> Answer:
    """Fetch a run's receipt into `folder`. Raises TrackrecordError; OSError where it cannot be written."""
    door = Client(told)
    data = _Shown.read(door.ask("GET", path("runs", run, "receipt")))
    keys = keep_keys(told.home, door)
    folder.mkdir(parents=True, exist_ok=True)
    files = [
        (f"{data.name}{_SUFFIX}", json.dumps(data.bundle, indent=1) + "\n", "the receipt"),
        (f"{data.name}.run.json", data.record, "the run record that it is about"),
        (f"{data.name}.tlog-proof", data.proof, "the proof that the log has it"),
        (f"{data.name}.keys.json", None if keys is None else keys.decode(), "the registry's public keys"),
    ]
    rows = []
    for name, content, what in files:
        if content is not None:
            _write(folder / name, content)
            rows.append((str(folder / name), what))
    parts: list[Part] = [Table(("file", "what it is"), tuple(rows))]
    if data.record is None:
        parts.append(Note("What the run holds is hidden, so its record is not among them.", "warn"))
    parts.append(
        Note(
            "Whoever you give them to verifies them without the registry, with its keys. Those should come from its "
            "operator by another way: keys that merely lie beside a receipt are not trusted."
        )
    )
    parts.append(Note(f"next: trackrecord verify {folder / data.name}{_SUFFIX}"))
    return Answer(f"{data.name}: {data.verdict}", f"receipt {data.receipt}", tuple(parts))


def check(
    told: Config,
    file: Path,
    *,
    key: Path | None = None,
    record: Path | None = None,
    proof: Path | None = None,
    artifacts: Sequence[Path] = (),
) -> Outcome:
    """Verify the receipt in `file` with what lies beside it, offline. Raises TrackrecordError where there is no key."""
    keys = [keyring.read(key.read_bytes(), str(key))] if key else keyring.kept(told.home)
    if not keys:
        raise TrackrecordError(
            "This machine trusts no registry yet, so no receipt can be verified.",
            "Give its keys with --key FILE (a keys.json or PEM, from where you trust), or: trackrecord login ADDRESS.",
        )
    record, proof = record or _beside(file, ".run.json"), proof or _beside(file, ".tlog-proof")
    digests = {str(each): _digest(each) for each in artifacts}
    try:
        verified = receipt.verify(
            file.read_bytes(),
            keys,
            record=record.read_bytes() if record else None,
            proof=proof.read_bytes() if proof else None,
            artifacts=digests,
        )
    except Refused as refused:
        return Outcome(_refusal(file, refused), holds=False, verified=False)
    return Outcome(_shown(verified, keys), holds=True, verified=verified.said.verdict == "verified")


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the registry answers."""

    receipt: str
    name: str
    verdict: str
    bundle: dict[str, Any]
    record: str | None
    proof: str

    @classmethod
    def read(cls, data: Any) -> _Shown:
        try:
            record = data["record"]
            return cls(
                str(data["receipt"]),
                file_name(str(data["name"]), file_name(str(data["run"]), "run")),
                str(data["verdict"]),
                dict(data["bundle"]),
                None if record is None else str(record),
                str(data["proof"]),
            )
        except (KeyError, TypeError, ValueError):
            raise TrackrecordError("This version of trackrecord cannot read the answer.", "Upgrade it.") from None


def _write(file: Path, content: str) -> None:
    """For others to read, too: a journal's files are for nobody else, these are given away."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}.part")
    fresh.write_bytes(content.encode())
    fresh.replace(file)


def _beside(file: Path, suffix: str) -> Path | None:
    if not file.name.endswith(_SUFFIX):
        return None
    found = file.with_name(file.name.removesuffix(_SUFFIX) + suffix)
    return found if found.is_file() else None


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _refusal(file: Path, refused: Refused) -> Answer:
    rows = [*((each.what, "ok", each.how) for each in refused.checked), (refused.what, "NO", refused.message)]
    parts: list[Part] = [Table(("checked", "", "what was found"), tuple(rows))]
    parts.append(Note("This receipt does not hold. Do not rely on anything that it says.", "bad"))
    if refused.hint:
        parts.append(Note(refused.hint))
    return Answer(f"{file.name}: does not hold", "", tuple(parts))


def _shown(verified: Verified, keys: Sequence[KeySet]) -> Answer:
    said = verified.said
    rows = [(each.what, "ok", each.how) for each in verified.checked]
    rows += [(each.what, "-", each.how) for each in verified.skipped]
    note = {
        "verified": "The receipt holds: every check that the project asks for had passed.",
        "unverified": "The receipt holds, and what it says is: unverified. Not every check had passed.",
        "refuted": "The receipt holds, and what it says is: refuted. A check contradicts the run's report.",
    }[said.verdict]
    parts: list[Part] = [
        Facts(tuple(_facts(verified.id, said))),
        Table(("checked here", "", "what was found"), tuple(rows)),
        *_judgement(said),
        Note(note, _TONES[said.verdict]),  # type: ignore[arg-type]
        Note(SELF_REPORTED),
    ]
    return Answer(f"{said.name} of {said.project}: {said.verdict}", "", tuple(parts))


def _facts(receipt_id: str, said: Said) -> list[tuple[str, str]]:
    pairs = [("run", f"{said.name} ({said.run})"), ("verdict", said.verdict), *_value(said.metric)]
    commit = said.commit or "none"
    pairs.append(("commit", f"{commit} with uncommitted changes, kept as a patch" if said.dirty else commit))
    tries = "once" if said.tries == 1 else f"{said.tries} times by then, this run included"
    pairs.append(("tried", f"{tries} (same code and parameters up to the seed)"))
    pairs.append(("issued", f"{said.at:%Y-%m-%d %H:%M:%S} UTC by {said.verifier}, number {said.number} of the run"))
    badges = [word for word in ("live", "recomputed") if f"TRACKRECORD_{word.upper()}" in said.properties]
    if badges:
        pairs.append(("badges", ", ".join(badges)))
    pairs.append(("receipt", receipt_id))
    return pairs


def _value(metric: MetricSaid | None) -> list[tuple[str, str]]:
    if metric is None:
        return [("value", "none: the project defines no metric")]
    at = "" if metric.step is None else f" at step {metric.step}"
    pairs = [("value", f"{metric.name} = {metric.value or 'none that counts'}{at}")]
    if metric.recomputed is not None:
        pairs.append(("recomputed", f"{metric.recomputed}, by the registry from the run's predictions"))
    about = f"version {metric.version}: {metric.rule} value, {metric.direction} is better, split {metric.split}"
    pairs.append(("metric", f"{about}, dataset {metric.dataset} ({metric.dataset_digest[:16]}…)"))
    return pairs


def _judgement(said: Said) -> list[Part]:
    rows = [(name, "failed", reason) for name, reason in sorted(said.failed.items())]
    rows += [(name, "passed", reason) for name, reason in sorted(said.evidence.items())]
    parts: list[Part] = []
    if rows:
        parts.append(Table(("the registry's checks", "", "reason"), tuple(rows)))
    parts.append(Table(("not checked by the registry",), tuple((each,) for each in said.not_checked)))
    return parts
