"""`./carnet bench`: each benchmark measures Carnet and the usual way of doing it in the same run."""

import os
import sys
from typing import Annotated, NoReturn

import typer

from deploy.local.places import CLONE

app = typer.Typer(help="Measure, beside the usual way of doing it.", no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure, beside the usual way of doing it; nothing else should run on the machine meanwhile."""


@app.command()
def messaging(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Repetitions of each side; medians are shown.")] = 3,
    scale: Annotated[float, typer.Option(min=0.01, help="Share of the usual number of events.")] = 1.0,
    only: Annotated[str, typer.Option(help="Some of: consuming, whole-way, workers, rules, growth, soak.")] = "",
    soak: Annotated[float, typer.Option(min=0.1, metavar="MINUTES", help="How long memory is looked at.")] = 10.0,
) -> None:
    """Events through a service and on their whole way, workers, rules, growth, memory; about half an hour."""
    parts = [word for part in only.replace(" ", "").split(",") if part for word in ("--only", part)]
    options = ["--rounds", str(rounds), "--scale", str(scale), "--soak", str(soak), *(["--json"] if as_json else [])]
    _become("bench.messaging", *options, *parts)


@app.command()
def drivers(
    rounds: Annotated[int, typer.Option(min=10, help="Measured batches per driver and kind of work.")] = 200,
) -> None:
    """Motor beside PyMongo's async API on Carnet's own insert path; about a minute."""
    _become("bench.drivers", "--rounds", str(rounds))


@app.command()
def letters(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Repetitions of each side; medians are shown.")] = 3,
) -> None:
    """Letters typeset in lots, and one PDF at a time; about a minute."""
    _become("bench.letters", "--rounds", str(rounds), *(["--json"] if as_json else []))


@app.command()
def deposits(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Repetitions of each side; medians are shown.")] = 3,
    scale: Annotated[float, typer.Option(min=0.05, help="Share of the usual number of documents.")] = 1.0,
) -> None:
    """Documents of 77 kB over HTTP, beside one majority commit and a GridFS file; about two minutes."""
    _become("bench.deposits", "--rounds", str(rounds), "--scale", str(scale), *(["--json"] if as_json else []))


@app.command()
def reads(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Repetitions of each side; medians are shown.")] = 3,
    rate: Annotated[float, typer.Option(min=1, help="Readers per second.")] = 200.0,
) -> None:
    """A traced list of twenty documents, and the same list without its trace; about two minutes."""
    _become("bench.reads", "--rounds", str(rounds), "--rate", str(rate), *(["--json"] if as_json else []))


@app.command()
def openings(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Repetitions of each side; medians are shown.")] = 3,
) -> None:
    """Records opened at the deadline, by the job and one transaction each; about a minute."""
    _become("bench.openings", "--rounds", str(rounds), *(["--json"] if as_json else []))


@app.command()
def audit(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Repetitions of each row; medians are shown.")] = 3,
    most: Annotated[int, typer.Option(min=3, max=8, help="Proofs of logs of up to ten to this power of leaves.")] = 7,
) -> None:
    """The log appended to, witnessed, proved and verified; about three minutes."""
    _become("bench.audit", "--rounds", str(rounds), "--most", str(most), *(["--json"] if as_json else []))


def _become(module: str, *arguments: str) -> NoReturn:
    """Go on as the benchmark: it handles Ctrl-C itself, and this command imports nothing that it measures."""
    os.chdir(CLONE)
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - no shell is what is wanted
