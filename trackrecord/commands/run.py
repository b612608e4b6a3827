"""Any command as a run: zero lines of code in it."""

from __future__ import annotations

from pathlib import Path

import click

from trackrecord import wrapper
from trackrecord.commands import mended
from trackrecord.wrapper.told import Told


class _Dataset(click.ParamType[tuple[str, Path]]):
    name = "NAME=PATH"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Path]:
        name, _, path = str(value).partition("=")
        if not name or not Path(path).exists() or not path:
            self.fail(f"{value!r} is not NAME=PATH with a path that is there, such as digits/test=data/test.npy")
        return name, Path(path)


@click.command("run", context_settings={"allow_interspersed_args": False})
@click.option("-p", "--project", help="The project; left out: the name of the repository's folder.")
@click.option("--dataset", type=_Dataset(), multiple=True, help="Input data: a name and a file or folder; repeatable.")
@click.option(
    "--artifact", type=click.Path(path_type=Path), multiple=True, help="A file that COMMAND makes; repeatable."
)
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND…")
@mended
def command(
    project: str | None, dataset: tuple[tuple[str, Path], ...], artifact: tuple[Path, ...], words: tuple[str, ...]
) -> None:
    """Run COMMAND and record it, without a line of code in it.

    \b
    trackrecord run -- python train.py --lr 0.1
    trackrecord run -p milestone-1 --dataset digits/test=data/test.npy --artifact model.pt -- python train.py
    trackrecord run --project milestone-1 -- torchrun --nproc_per_node 2 train.py
    trackrecord run -- uv run python -m package.train +optimizer.lr=0.1

    Its flags are the parameters. Code, packages and hardware are recorded as they are when it starts. Lines that are
    nothing but numbers by name (step=3 loss=0.31) are the metrics: they are read from what it prints, and the run says
    so. Where the script calls trackrecord.run() itself, that is the run, and here it is only shown: it names its own
    data and artifacts.

    On a terminal a panel under the output shows what is recorded; elsewhere it is printed once at the end, on stderr.
    Output, signals and exit code are those of COMMAND. With TRACKRECORD_DISABLED=1 it just runs.
    """
    wrapper.run(words, Told(project, dataset, artifact))
