"""An answer is data: parts that Slack, the terminal, JSON and the page each draw in their own way.

All text in here is plain: no markup, nothing escaped. Whoever draws it escapes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, assert_never

Tone = Literal["plain", "good", "warn", "bad"]
Align = Literal["left", "right"]
Cell = str | int | float | None

# What a verified number is and is not; said wherever one is shown as a result.
SELF_REPORTED = (
    "The number is the run's own report; the registry checked who, when, which code, which data and that nothing "
    "changed since."
)


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence or two. `tone` may add a word or a sign, never the only carrier of meaning."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Facts:
    """Short labelled values, in order: `(("commit", "3f2a…"), ("owner", "ada"))`."""

    pairs: tuple[tuple[str, str], ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns. Cells are drawn as they are; numbers arrive already rounded for reading, as text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    align: tuple[Align, ...] = ()
    cut: int = 0  # how many further rows there are that this table does not show


@dataclass(frozen=True, slots=True)
class Code:
    """Text to copy into a shell or a file. `filename` is what it is saved as."""

    text: str
    title: str = ""
    filename: str = "script.sh"


@dataclass(frozen=True, slots=True)
class Series:
    """One line or one bar group: `xs` and `ys` of equal length, finite numbers only. `best` is the index to mark."""

    name: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    best: int | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """Numbers to draw. `alt` is the whole chart as a sentence with its numbers, for those who cannot see it.

    kind "line": every series over its `xs`. kind "bar": one series, one bar per entry of `labels`.
    """

    title: str
    kind: Literal["line", "bar"]
    series: tuple[Series, ...]
    alt: str
    x_label: str = ""
    y_label: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A place on the web. `url` may start with "/": then it is a page of the registry itself."""

    text: str
    url: str


Part = Note | Facts | Table | Code | Chart | Link


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A next question worth asking: a button in Slack, a link on the page, a command in the terminal."""

    label: str
    question: str
    words: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back to a question. `text` says the whole of it in one plain sentence (notifications read it)."""

    title: str
    text: str
    parts: tuple[Part, ...] = ()
    tone: Tone = "plain"
    follow_ups: tuple[FollowUp, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """JSON-ready; every part carries its kind: `{"part": "table", "columns": …}`."""
        return {
            "title": self.title,
            "text": self.text,
            "tone": self.tone,
            "parts": [{"part": kind_of(part), **asdict(part)} for part in self.parts],
            "follow_ups": [asdict(follow_up) for follow_up in self.follow_ups],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Answer:
        """Read `as_json` back. A part kind that this version does not know becomes a Note that says so."""
        return cls(
            title=data["title"],
            text=data["text"],
            tone=data.get("tone", "plain"),
            parts=tuple(_part(part) for part in data.get("parts", ())),
            follow_ups=tuple(FollowUp(**follow_up) for follow_up in data.get("follow_ups", ())),
        )


def kind_of(part: Part) -> str:
    """The part's name on the wire. mypy names this function when a part kind is added."""
    match part:
        case Note():
            return "note"
        case Facts():
            return "facts"
        case Table():
            return "table"
        case Code():
            return "code"
        case Chart():
            return "chart"
        case Link():
            return "link"
        case _:
            assert_never(part)


def _part(data: Mapping[str, Any]) -> Part:
    fields = {key: value for key, value in data.items() if key != "part"}
    match data["part"]:
        case "note":
            return Note(**fields)
        case "facts":
            pairs = tuple((str(label), str(value)) for label, value in fields.pop("pairs"))
            return Facts(pairs, **fields)
        case "table":
            columns, rows = tuple(fields.pop("columns")), tuple(tuple(row) for row in fields.pop("rows"))
            return Table(columns, rows, **{**fields, "align": tuple(fields.get("align", ()))})
        case "code":
            return Code(**fields)
        case "chart":
            series = tuple(
                Series(**{**line, "xs": tuple(line["xs"]), "ys": tuple(line["ys"])}) for line in fields["series"]
            )
            return Chart(**{**fields, "series": series, "labels": tuple(fields.get("labels", ()))})
        case "link":
            return Link(**fields)
        case unknown:
            return Note(f"(this version of trackrecord cannot draw a {unknown}; upgrade it)", "warn")
