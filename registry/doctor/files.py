"""The stored files: artifacts, predictions, patches and the labels of metrics, each read again."""

from __future__ import annotations

from collections.abc import Iterator

from sqlmodel import Session, col, select

from registry.artifacts import Store
from registry.doctor.found import Examined, each
from registry.tables import Artifact, Attachment, MetricDefinition, Prediction, Run

_MEND = "Put the file back from a backup: it lies in data_dir/artifacts under its digest."


def all_of_them(session: Session, store: Store, found: Examined) -> None:
    """Every file once. One that is not here is off where a verified run rests on it; else it may still be sent."""
    looked: dict[str, bool | None] = {}  # None: it is not here
    for digest, where, needed, size in _named(session):
        if digest not in looked:
            found.count("artifacts")
            looked[digest] = None if store.path(digest) is None else store.intact(digest)
        if looked[digest] is False:
            found.say(where, "Its bytes are others than were sent.", "It cannot be handed out any more.", _MEND)
        elif looked[digest] is None and needed:
            found.say(where, "Its file is gone.", "It cannot be handed out any more.", _MEND)
        elif looked[digest] and needed and size not in (None, store.size(digest)):
            found.say(where, "It has another size than the run declared.", "The run was verified all the same.")


def _named(session: Session) -> Iterator[tuple[str, str, bool, int | None]]:
    """(digest, where, whether it must be here, its size where that is known)."""
    stands = {
        run_id: verdict == "verified"
        for run_id, verdict in session.exec(select(Run.id, Run.verdict).where(col(Run.withdrawn) != "deleted"))
    }
    for row in each(session, Artifact, col(Artifact.run_id), col(Artifact.name), col(Artifact.digest)):
        where = f"the artifact {row.name!r} of run {row.run_id}"
        yield row.digest, where, stands.get(row.run_id, False), row.size
    for row in each(session, Attachment, col(Attachment.run_id), col(Attachment.digest)):
        must = stands.get(row.run_id, False) and row.what != "lock file"
        yield row.digest, f"the {row.what} of run {row.run_id}", must, None
    for row in each(session, Prediction, col(Prediction.run_id), col(Prediction.digest)):
        yield row.digest, f"the predictions for {row.metric} of run {row.run_id}", False, None
    for row in each(session, MetricDefinition, col(MetricDefinition.id)):
        if row.labels is not None:
            yield row.labels, f"the labels of {row.name}@{row.version} of {row.project_id}", False, None
