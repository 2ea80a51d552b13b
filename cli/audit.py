"""`./carnet audit`: exports the log, and verifies it without any code of the service that wrote it."""

import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import httpx
import typer
from typer.core import TyperCommand
from typer.exceptions import Exit, TyperException

from cli.doors import DEMO, NoDoorError, door
from cli.exporting import export as export_log
from cli.handover import handover
from cli.tokens import OperatorAuth
from deploy.local.places import default_home
from verifier.checkpoints import parse_checkpoint
from verifier.command import INCOMPLETE, TAMPERED, USAGE, VALID, run
from verifier.faults import FaultError
from verifier.notes import parse_note
from verifier.policies import PolicyError

PATIENCE_S: Final = 60.0
"""How long a checkpoint of what the log holds now may take: its merge delay."""

app = typer.Typer(help="The log of everything that happened.", no_args_is_help=True)
app.command()(handover)

Url = Annotated[str | None, typer.Option(help="Address of audit's doors; this clone's own by default.")]
Policy = Annotated[
    Path | None, typer.Option(help="Whose signatures count (C2SP tlog-policy); this clone's own by default.")
]
Since = Annotated[Path | None, typer.Option(help="A checkpoint that was kept: the log must have grown from it.")]


class Command(TyperCommand):
    """A command whose usage errors end with 3: 2 has a meaning of its own here."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; see typer."""
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            _end(USAGE, f"usage: {error}")


@app.callback()
def audit() -> None:
    """Ask the log of everything that happened."""


@app.command(cls=Command)
def verify(
    folder: Annotated[Path | None, typer.Argument(help="An export; without one, the running log.")] = None,
    *,
    url: Url = None,
    policy: Policy = None,
    since: Since = None,
) -> None:
    """Verify the whole log. Exit: 0 valid, 1 tampered, 2 incomplete or unreachable, 3 usage."""
    if folder is not None:
        raise Exit(_verified(folder, policy, since))
    with tempfile.TemporaryDirectory() as place:
        _export(Path(place), url)
        raise Exit(_verified(Path(place), policy, since))


@app.command(cls=Command)
def export(
    folder: Annotated[Path, typer.Argument(help="Where to write it; an export that was cut off goes on.")],
    url: Url = None,
) -> None:
    """Write the log into a folder: tlog-tiles, and what the entries say. Exit: 0 written, 2 unreachable, 3 usage."""
    size = _export(folder, url)
    typer.echo(f"{size:,} entries written to {folder}: `carnet-verify --policy POLICY export {folder}` verifies them.")


def _verified(folder: Path, policy: Path | None, since: Path | None) -> int:
    try:
        return run(Namespace(what="export", policy=policy or _own_policy(), folder=folder, since=since))
    except PolicyError as error:
        _end(USAGE, f"usage: policy: {error}")
    except OSError as error:
        _end(USAGE, f"usage: {error.filename}: {error.strerror}")


def _export(folder: Path, url: str | None) -> int:
    """Export the log as it is now, and return how many entries it has."""
    try:
        with _client(url) as client:
            if not (folder / "checkpoint.part").exists():
                _wait(client)
            return export_log(client, folder).size
    except (httpx.HTTPError, FaultError, NoDoorError, OSError, LookupError, TypeError, ValueError) as error:
        _end(INCOMPLETE, f"incomplete: the log cannot be read to its end ({type(error).__name__}: {error})")


def _wait(client: httpx.Client) -> None:
    """Wait until what the log holds now is signed; raise `LookupError` if that takes longer than it may."""
    answer = client.get("/ops/log/head")
    answer.raise_for_status()
    size, deadline = int(answer.json()["size"]), time.monotonic() + PATIENCE_S
    while True:
        answer = client.get("/checkpoint")
        if answer.is_success and parse_checkpoint(parse_note(answer.content).text).size >= size:
            return
        if time.monotonic() > deadline:
            raise LookupError(f"no checkpoint of {size} entries within {PATIENCE_S:.0f} s")
        time.sleep(0.2)


@contextmanager
def _client(url: str | None) -> Iterator[httpx.Client]:
    base = (url or door("audit")).rstrip("/")
    with httpx.Client(base_url=base, auth=OperatorAuth(), trust_env=False, timeout=30) as client:
        yield client


def _own_policy() -> Path:
    """Return the policy of this clone's stack, or of its demonstration if only that was started."""
    known = [home / "keys" / "policy" for home in (default_home(), default_home() / DEMO)]
    return next((place for place in known if place.exists()), known[0])


def _end(code: int, verdict: str) -> NoReturn:
    typer.echo(verdict, err=code not in (VALID, TAMPERED))
    raise Exit(code)
