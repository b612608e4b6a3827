"""Draws one chart as a picture for a phone. Runs in the child of `registry.charts`; the only importer of matplotlib.

A white card that is legible on light and dark; few lines, named at their ends; colours that colour-blind people can
tell apart (Okabe and Ito); nothing is said by colour alone.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import struct
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from registry.numbers import clean

WIDTH, HEIGHT, DPI = 900, 600, 150
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
INK, QUIET, FAINT = "#1f2328", "#59636e", "#d8dee4"
MEMORY_BYTES = 1 << 30
_LARGEST = 1e300
_POINTS = 2_000
_LABEL = 80
_CJK = ("Noto Sans CJK TC", "Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "Droid Sans Fallback")
_LENGTH = struct.Struct("<I")
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Curve:
    name: str
    xs: Floats
    ys: Floats
    best: tuple[float, float] | None
    rises: bool  # the best is the largest


def serve() -> None:
    """Take charts on standard input and give pictures on standard output until it closes; empty: nothing to draw."""
    source, back = sys.stdin.buffer, sys.stdout.buffer
    _set_up()
    _limit_memory()
    _reply(back, b"ready")
    while len(head := source.read(_LENGTH.size)) == _LENGTH.size:
        body = source.read(_LENGTH.unpack(head)[0])
        try:
            drawn = picture(json.loads(body))
        except (ValueError, ArithmeticError, MemoryError, RuntimeError, LookupError, TypeError):
            drawn = b""
        _reply(back, drawn)


def _reply(back: Any, body: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):
        back.write(_LENGTH.pack(len(body)) + body)
        back.flush()


def _limit_memory() -> None:
    with contextlib.suppress(OSError, ValueError):
        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, used + MEMORY_BYTES))


def _set_up() -> None:
    installed = set(font_manager.get_font_names())
    mpl.rcParams.update(
        {
            "text.parse_math": False,  # "$x_$" in a run's name is a name
            "text.usetex": False,
            "font.family": ["DejaVu Sans", *[name for name in _CJK if name in installed][:1]],
            "font.size": 13,
            "axes.unicode_minus": False,
            "axes.formatter.useoffset": False,
        }
    )
    warnings.filterwarnings("ignore")  # missing glyphs are boxes


def picture(chart: Mapping[str, Any]) -> bytes:
    """The PNG; empty bytes where no finite number is left."""
    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    figure.patch.set_edgecolor(FAINT)
    figure.patch.set_linewidth(2)
    drawn = _bars(figure, chart) if chart["kind"] == "bar" else _lines(figure, chart)
    if not drawn:
        return b""
    out = io.BytesIO()
    figure.savefig(out, format="png", edgecolor=FAINT, pil_kwargs={"compress_level": 4})
    return out.getvalue()


def _lines(figure: Figure, chart: Mapping[str, Any]) -> bool:
    curves = [curve for line in chart["series"][: len(COLOURS)] if (curve := _curve(line)) is not None]
    if not curves:
        return False
    axes = figure.add_axes((0.105, 0.135, 0.65, 0.65))
    _frame(figure, axes, chart)
    low, high = _zoom(curves)
    axes.set_ylim(low, high)
    for number, curve in enumerate(curves):
        few = len(curve.xs) <= 25
        axes.plot(
            curve.xs,
            curve.ys,
            color=COLOURS[number],
            linewidth=2.6 if number == 0 else 2.0,
            marker="o" if few else None,
            markersize=4 if len(curve.xs) > 1 else 9,
            zorder=10 - number,
            solid_capstyle="round",
        )
    axes.margins(x=0.02)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(lambda value, _place: f"{value:.5g}")
    axes.xaxis.set_major_formatter(lambda value, _place: f"{value:.7g}")
    _make_room(figure, axes)
    axes.set_xlabel(_text(chart["x_label"]), color=QUIET, fontsize=12, loc="right", labelpad=2)
    if len(curves) > 1:
        _name_ends(figure, axes, curves)
    _mark_best(axes, curves, " %" if "(%)" in chart["y_label"] else "", _text(chart["x_label"]))
    return True


def _curve(line: Mapping[str, Any]) -> _Curve | None:
    xs, ys = (np.array([_number(value) for value in line[key]], np.float64) for key in ("xs", "ys"))
    count = min(len(xs), len(ys))
    xs, ys = xs[:count], ys[:count]
    best = line.get("best")
    marked = None
    if isinstance(best, int) and 0 <= best < count and np.isfinite(xs[best]) and np.isfinite(ys[best]):
        marked = (float(np.clip(xs[best], -_LARGEST, _LARGEST)), float(np.clip(ys[best], -_LARGEST, _LARGEST)))
    kept = np.isfinite(xs) & np.isfinite(ys)
    if not kept.any():
        return None
    xs, ys = (np.clip(column[kept], -_LARGEST, _LARGEST) for column in (xs, ys))
    order = np.argsort(xs, kind="stable")
    xs, ys = _thinned(xs[order], ys[order])
    rises = marked is None or marked[1] >= float(np.median(ys))
    return _Curve(_text(line["name"]), xs, ys, marked, rises)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _thinned(xs: Floats, ys: Floats) -> tuple[Floats, Floats]:
    """The smallest and largest of each stretch, and both ends: what a picture of this width can show."""
    if len(xs) <= _POINTS:
        return xs, ys
    kept = {0, len(xs) - 1}
    for stretch in np.array_split(np.arange(len(xs)), _POINTS // 2):
        kept |= {int(stretch[ys[stretch].argmin()]), int(stretch[ys[stretch].argmax()])}
    places = sorted(kept)
    return xs[places], ys[places]


def _zoom(curves: Sequence[_Curve]) -> tuple[float, float]:
    """Where it is decided: a long climb from nothing (or fall from a height) may run out of the picture."""
    low = min(float(curve.ys.min()) for curve in curves)
    high = max(float(curve.ys.max()) for curve in curves)
    steep = [float(np.quantile(curve.ys, 0.3 if curve.rises else 0.7)) for curve in curves]
    whole = high - low
    if len(curves) == 1:
        steep = [low if curves[0].rises else high]
    if all(curve.rises for curve in curves) and high - min(steep) < 0.45 * whole:
        low = min(steep)
    elif not any(curve.rises for curve in curves) and max(steep) - low < 0.45 * whole:
        high = max(steep)
    edge = (high - low) * 0.08 or abs(high) * 0.05 or 1.0
    return (low - edge, high + edge * 1.8) if curves[0].rises else (low - edge * 2.4, high + edge)


def _frame(figure: Figure, axes: Axes, chart: Mapping[str, Any]) -> None:
    title = figure.text(0.035, 0.93, _text(chart["title"]), fontsize=16, weight="bold", color=INK, va="center")
    unit = figure.text(0.035, 0.85, _text(chart["y_label"]), fontsize=12.5, color=QUIET, va="center")
    for text in (title, unit):
        _fit(text, WIDTH * 0.93)
    axes.set_facecolor("white")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#afb8c1")
    axes.grid(axis="y", color=FAINT, linewidth=1)
    axes.set_axisbelow(True)
    axes.tick_params(colors=QUIET, labelsize=12, length=0, pad=5)


def _make_room(figure: Figure, axes: Axes) -> None:
    """The numbers at the left decide where the picture begins."""
    axes.set_position((0.105, 0.135, 0.85, 0.65))
    figure.draw_without_rendering()
    widest = max((label.get_window_extent().width for label in axes.get_yticklabels()), default=0.0)
    left = min(0.3, max(0.07, (widest + 38) / WIDTH))
    axes.set_position((left, 0.135, 0.955 - left, 0.65))


def _name_ends(figure: Figure, axes: Axes, curves: Sequence[_Curve]) -> None:
    """Names at the right, at the height where their line ends; those too close are pushed apart, with a thin leader."""
    texts = [
        figure.text(0, 0, curve.name, fontsize=12.5, weight="bold" if number == 0 else "normal")
        for number, curve in enumerate(curves)
    ]
    room = max(_fit(text, WIDTH * 0.32) for text in texts) / WIDTH
    box = axes.get_position()
    axes.set_position((box.x0, box.y0, 1 - box.x0 - room - 0.07, box.height))
    box = axes.get_position()
    low, high = axes.get_ylim()
    ends = [float(np.clip((curve.ys[-1] - low) / (high - low), 0, 1)) for curve in curves]
    places = _apart(ends, 34 / (box.height * HEIGHT))
    left, right = axes.get_xlim()
    for number, (curve, end, place, text) in enumerate(zip(curves, ends, places, texts, strict=True)):
        last = (float(curve.xs[-1]) - left) / ((right - left) or 1.0)
        text.set(x=box.x1 + 0.042, y=box.y0 + place * box.height, va="center", color=_darker(COLOURS[number]))
        xs = [box.x0 + last * box.width + 0.012, box.x1 + 0.016, box.x1 + 0.036]
        ys = [box.y0 + end * box.height, box.y0 + end * box.height, box.y0 + place * box.height]
        figure.add_artist(Line2D(xs, ys, color=COLOURS[number], linewidth=1.1, alpha=0.8))


def _apart(ends: Sequence[float], gap: float) -> list[float]:
    """The same heights, moved so that neighbours are at least `gap` apart and all stay between 0 and 1."""
    order = sorted(range(len(ends)), key=lambda place: ends[place])
    moved = [ends[place] for place in order]
    for place in range(1, len(moved)):
        moved[place] = max(moved[place], moved[place - 1] + gap)
    over = moved[-1] - 1.0
    if over > 0:
        moved[-1] = 1.0
        for place in range(len(moved) - 2, -1, -1):
            moved[place] = min(moved[place], moved[place + 1] - gap)
    placed = [0.0] * len(ends)
    for place, number in enumerate(order):
        placed[number] = moved[place]
    return placed


def _mark_best(axes: Axes, curves: Sequence[_Curve], unit: str, along: str) -> None:
    """A ring at the best step of each line; the value at the best of them."""
    for number, curve in enumerate(curves):
        if curve.best is None:
            continue
        axes.plot(
            [curve.best[0]],
            [curve.best[1]],
            marker="o",
            markersize=11 if number == 0 else 8,
            markerfacecolor="white",
            markeredgecolor=COLOURS[number],
            markeredgewidth=2.6,
            zorder=20 - number,
            linestyle="none",
            clip_on=False,
        )
    marked = [(curve.best, number) for number, curve in enumerate(curves) if curve.best is not None]
    if not marked:
        return
    rises = curves[marked[0][1]].rises
    best, number = max(marked, key=lambda pair: pair[0][1] if rises else -pair[0][1])
    left, right = axes.get_xlim()
    far = (best[0] - left) / ((right - left) or 1.0)
    axes.annotate(
        _fitted(f"best {best[1]:.4g}{unit} at {along} {best[0]:.6g}", 44),
        xy=best,
        xytext=(0, 11 if rises else -11),
        textcoords="offset points",
        ha="right" if far > 0.7 else ("left" if far < 0.3 else "center"),
        va="bottom" if rises else "top",
        fontsize=12.5,
        weight="bold",
        color=_darker(COLOURS[number]),
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5},
        zorder=30,
    )


def _bars(figure: Figure, chart: Mapping[str, Any]) -> bool:
    """Lying dots on a line each, the value written beside: the axis may be zoomed, so no bar claims a length."""
    values = [float(np.clip(_number(value), -_LARGEST, _LARGEST)) for value in chart["series"][0]["ys"][:8]]
    labels = [_text(label) for label in chart["labels"][:8]] + [""] * 8
    pairs = [(label, value) for label, value in zip(labels, values, strict=False) if np.isfinite(value)]
    if not pairs:
        return False
    unit = " %" if "(%)" in chart["y_label"] else ""
    axes = figure.add_axes((0.335, 0.12, 0.455, 0.66))
    _frame(figure, axes, chart)
    low, high = min(value for _, value in pairs), max(value for _, value in pairs)
    edge = (high - low) * 0.2 or abs(high) * 0.05 or 1.0
    axes.set_xlim(low - edge, high + edge)
    axes.set_ylim(len(pairs) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.set_yticks(range(len(pairs)), [label for label, _ in pairs], color=INK, fontsize=13)
    for tick in axes.get_yticklabels():
        _fit(tick, WIDTH * 0.29)
    for place, (_, value) in enumerate(pairs):
        axes.plot([low - edge, high + edge], [place, place], color=FAINT, linewidth=1.4, zorder=1)
        axes.plot(value, place, marker="o", markersize=14 if place == 0 else 11, color=COLOURS[0 if place == 0 else 5])
        axes.text(
            1.03,
            place,
            f"{value:.4g}{unit}",
            transform=axes.get_yaxis_transform(),
            fontsize=14,
            weight="bold" if place == 0 else "normal",
            color=INK,
            va="center",
        )
    return True


def _text(text: object) -> str:
    return clean(str(text), _LABEL)


def _fit(text: Text, most: float) -> float:
    """Make a text at most so many pixels wide: a little smaller, then cut in its middle. How wide it is then."""
    whole = text.get_text()
    letters = len(whole)
    if (width := float(text.get_window_extent().width)) > most:
        text.set_fontsize(float(text.get_fontsize()) * max(0.86, most / width))
    while (width := float(text.get_window_extent().width)) > most and letters > 4:
        letters = min(letters - 1, int(letters * most / width) + 1)
        text.set_text(_fitted(whole, letters))
    return width


def _fitted(text: str, most: int) -> str:
    """Cut in the middle: run names differ at both ends."""
    if len(text) <= most:
        return text
    return f"{text[: most - most // 3 - 1]}…{text[-(most // 3) :]}"


def _darker(colour: str) -> str:
    """The same hue with enough contrast for letters on white."""
    parts = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return "#" + "".join(f"{int(part * 0.72):02x}" for part in parts)
