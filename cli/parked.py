"""`./carnet parked`: what is held and why, replayed or discarded exactly as it was seen."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from cli.acting import Acting, discard_set, replay_set
from cli.books import HELD
from cli.choosing import (
    DONE,
    HANDLE,
    NOTHING,
    REFUSED,
    AsJson,
    Print,
    Queue,
    Reason,
    Service,
    State,
    Url,
    Wanted,
    all_groups,
    all_rows,
    by_service,
    end,
    on_what,
    owner_of,
    set_of,
    with_doors,
)
from cli.doors import MessagingDoors, Row
from cli.held import described, details, set_details
from cli.tokens import SECOND, operator_token

_SHOWN: Final = 20
"""Rows of a set that are shown."""

app = typer.Typer(
    help="Events that could not take effect yet: list, show, replay, discard.\n\n"
    "Exit: 0 done, 1 nothing of that kind is held, 2 a service does not answer or refuses, 3 usage.",
)

What = Annotated[list[str], typer.Argument(help="Names of groups as `list` shows them, or keys of events in quotes.")]
Because = Annotated[str | None, typer.Option(help="Why, for the log.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.callback(invoke_without_command=True)
def parked(context: typer.Context) -> None:
    """List, show, replay or discard events that are held."""
    if context.invoked_subcommand is None:
        list_rows()


@app.command("list")
def list_rows(
    *,
    service: Service = None,
    queue: Queue = None,
    reason: Reason = None,
    fingerprint: Print = None,
    state: State = None,
    url: Url = None,
    keys: Annotated[bool, typer.Option("--keys", help="Write one key per line, nothing else.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what is held, grouped by cause; a group's name stands for exactly the events that were listed."""
    wanted = Wanted(service, queue, state, reason, fingerprint, url)
    if keys:
        for _, row in with_doors(wanted, lambda doors: all_rows(doors, wanted)):
            print(row["key"])
        return
    held = state in (None, *HELD)
    found, silent = with_doors(wanted, lambda doors: all_groups(doors, wanted, held=held))
    if as_json:
        print(json.dumps({"groups": found}, indent=2))
    else:
        _write(described(found, _now(), held=held))
    for sentence in silent:
        typer.echo(sentence, err=True)
    if silent:
        raise typer.Exit(REFUSED)


@app.command()
def show(
    what: Annotated[str, typer.Argument(help="A group's name, an event of it as NAME/3, or a key.")],
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Show a group and what became of it, or one event and its history; a look at one event is written in the log."""

    async def look(doors: MessagingDoors) -> tuple[Row, list[Row] | None]:
        named = HANDLE.fullmatch(what)
        if named is None:
            return await doors.show(owner_of(what), what), None
        handle = f"{named[1]}-{named[2]}"
        service, told = await set_of(doors, handle)
        if named[3] is None:
            return told, await doors.set_rows(service, handle, 0, _SHOWN)
        rows = await doors.set_rows(service, handle, max(0, int(named[3]) - 1), 1)
        return await doors.show(service, rows[0]["key"] if rows else end(NOTHING, "It has not so many.")), None

    told, rows = with_doors(Wanted(None if HANDLE.fullmatch(what) else owner_of(what), url=url), look)
    if as_json:
        print(json.dumps(told if rows is None else {**told, "rows": rows}, indent=2))
    else:
        _write(details(told, _now()) if rows is None else set_details(told, rows, _now()))


@app.command()
def replay(
    what: What = [],  # noqa: B006 - typer reads it, nobody changes it
    *,
    service: Service = None,
    queue: Queue = None,
    reason: Reason = None,
    fingerprint: Print = None,
    state: State = None,
    because: Because = None,
    dry_run: DryRun = False,
    rate: Annotated[float, typer.Option(min=0.1, max=10_000, help="Events a second.")] = 500.0,
    canary: Annotated[bool | None, typer.Option(help="Try one first; by default on a terminal.")] = None,
    yes: Yes = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Try held events again: groups by name, single ones by key, or all that a filter finds now and no others."""
    wanted = Wanted(service, queue, state, reason, fingerprint, url)
    acting = Acting(because, _console(quiet=as_json), rate=rate, dry_run=dry_run, asks=not (yes or as_json))
    acting.canary = acting.console.is_terminal and not as_json if canary is None else canary

    async def act(doors: MessagingDoors, sets: Sequence[tuple[str, Row]], keys: Sequence[str]) -> int:
        return sum([await replay_set(doors, name, told, acting) for name, told in sets]) + sum(
            [await doors.replay(name, part, because) for name, part in by_service(keys).items() if not dry_run]
        )

    _report("replayed", on_what(what, wanted, act), acting, as_json=as_json)


@app.command()
def discard(
    what: What,
    because: Annotated[str, typer.Option(help="Why, for the log.")],
    second: Annotated[str, typer.Option(help="Who agrees (local stack only).")] = "",
    *,
    dry_run: DryRun = False,
    yes: Yes = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """End held events without effect and forget what they said. Two operators have to agree.

    The second one's token comes from CARNET_SECOND_OPERATOR_TOKEN; on the local stack --second NAME stands for it.
    """
    acting = Acting(because, _console(quiet=as_json), dry_run=dry_run, asks=not (yes or as_json))

    async def act(doors: MessagingDoors, sets: Sequence[tuple[str, Row]], keys: Sequence[str]) -> int:
        token = "" if dry_run else operator_token(second or "second-operator", variable=SECOND)
        return sum([await discard_set(doors, name, told, token, acting) for name, told in sets]) + sum(
            [await doors.discard(name, part, because, token) for name, part in by_service(keys).items() if not dry_run]
        )

    _report("discarded", on_what(what, Wanted(url=url), act), acting, as_json=as_json)


def _report(done: str, count: int, acting: Acting, *, as_json: bool) -> NoReturn:
    if as_json:
        print(json.dumps({done: count}))
    elif not acting.dry_run:
        print(f"{count:,} event{'' if count == 1 else 's'} {done}.")
    raise typer.Exit(DONE if count or acting.dry_run else NOTHING)


def _console(*, quiet: bool = False) -> Console:
    return Console(file=sys.stdout, highlight=False, quiet=quiet)


def _write(lines: Iterable[Text]) -> None:
    console = _console()
    for line in lines:
        console.print(line, soft_wrap=True)


def _now() -> datetime:
    return datetime.now(UTC)
