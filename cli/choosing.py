"""Which held events a command is about: named groups, keys, or what a filter finds; and whose they are."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, NoReturn, TypeVar

import typer

from cli.books import HELD
from cli.doors import SERVICES, DoorError, MessagingDoors, NoDoorError, Row, door
from cli.held import groups
from cli.tokens import OperatorAuth

DONE, NOTHING, REFUSED, USAGE = range(4)
"""Exit codes."""

INTERRUPTED: Final = 130

MOST: Final = 100_000
"""Rows that one command looks at."""

HANDLE: Final = re.compile(r"([0-9a-z]{4})-?([0-9a-z]{4})(?:/([0-9]{1,6}))?")
"""The name of a group, and maybe the number of an event in it."""

T = TypeVar("T")

Service = Annotated[str | None, typer.Option(help=f"Only of this service: {', '.join(SERVICES)}.")]
Queue = Annotated[str | None, typer.Option(help="Only of this queue.")]
Reason = Annotated[str | None, typer.Option(help="Only for this reason.")]
Print = Annotated[str | None, typer.Option("--fingerprint", help="Only with this fingerprint.")]
State = Annotated[str | None, typer.Option(help="waiting, parked, quarantined; refused or ignored to look at.")]
Url = Annotated[str | None, typer.Option(help="Address of that service's doors, when they are not this clone's.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON; ask nothing and wait for nothing.")]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows a command is about."""

    service: str | None = None
    queue: str | None = None
    state: str | None = None
    reason: str | None = None
    fingerprint: str | None = None
    url: str | None = None

    def addresses(self) -> dict[str, str]:
        """Return the doors to ask; raise `NoDoorError` when nothing says where they are."""
        owner = self.service or (self.queue.split(".", maxsplit=1)[0] if self.queue else None)
        if self.url:
            return {owner or end(USAGE, "--url is one service's address: name the --service."): self.url.rstrip("/")}
        return {name: door(name) for name in SERVICES if owner in (None, name)}

    def query(self) -> dict[str, str]:
        """Return what is asked for, by name."""
        named = {name: getattr(self, name) for name in ("queue", "state", "reason", "fingerprint")}
        return {name: value for name, value in named.items() if value is not None}


def on_what(what: Sequence[str], wanted: Wanted, act: Callable[..., Awaitable[int]]) -> int:
    """Act on named groups and keys, or on what a filter finds: one of the two."""
    if bool(what) == bool(wanted.query()):
        end(USAGE, "Name groups or keys, or a filter (--reason, --queue, --state, --fingerprint): one of the two.")
    handles = [f"{found[1]}-{found[2]}" for each in what if (found := HANDLE.fullmatch(each)) and not found[3]]
    keys = [each for each in what if "|" in each]
    if len(handles) + len(keys) < len(what):
        end(USAGE, "A group's name looks like 7k3m-9xqd, a key holds a `|`: `./carnet parked` shows them.")

    async def run(doors: MessagingDoors) -> int:
        if wanted.query():
            found, silent = await all_groups(doors, wanted, held=True)
            if silent:
                raise DoorError(silent[0])
            sets = [(group["service"], await doors.standing(group["service"], group["handle"])) for group in found]
        else:
            sets = [await set_of(doors, handle) for handle in handles]
        return await act(doors, sets, keys)

    owners = sorted(by_service(keys))
    only = owners[0] if len(owners) == 1 and not handles else wanted.service
    return with_doors(Wanted(only, queue=wanted.queue, url=wanted.url), run)


async def all_groups(doors: MessagingDoors, wanted: Wanted, *, held: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """Return groups by cause, and a sentence for each service that is away: the others are shown all the same."""
    found: list[dict[str, Any]] = []
    silent: list[str] = []
    for service in doors.services:
        try:
            if held:
                told = await doors.listed(service, wanted.query())
                found += [{"service": service, "reason": "-", "fingerprint": "", **group} for group in told["groups"]]
            else:
                rows = await doors.rows(service, wanted.query(), most=MOST)
                found += groups((service, row) for row in rows)
        except DoorError as error:
            silent.append(str(error))
    return found, silent


async def set_of(doors: MessagingDoors, handle: str) -> tuple[str, Row]:
    """Return whose a set is, and what it is; a service that is away is not the reason unless nobody has it."""
    trouble: list[str] = []
    for service in doors.services:
        try:
            return service, await doors.standing(service, handle)
        except DoorError as error:
            trouble += [] if error.status == 404 else [str(error)]
    if trouble:
        raise DoorError(trouble[0])
    return end(NOTHING, f"Nothing was listed as {handle} within the last 7 days: `./carnet parked` lists anew.")


async def all_rows(doors: MessagingDoors, wanted: Wanted) -> list[tuple[str, Row]]:
    """Return held rows, or those of the state that is wanted, with the services they are of."""
    states = [wanted.state] if wanted.state else HELD
    queries = [{**wanted.query(), "state": state} for state in states]
    return [
        (name, row) for name in doors.services for each in queries for row in await doors.rows(name, each, most=MOST)
    ]


def by_service(keys: Iterable[str]) -> dict[str, list[str]]:
    """Return keys by the services they are of."""
    chosen: dict[str, list[str]] = {}
    for key in keys:
        chosen.setdefault(owner_of(key), []).append(key)
    return chosen


def owner_of(key: str) -> str:
    """Return the service of a key, which begins with its queue's name."""
    owner = key.split(".", maxsplit=1)[0]
    if owner not in SERVICES or "|" not in key:
        end(USAGE, f"{key} is no key and no group's name: `./carnet parked` shows them.")
    return owner


def with_doors(wanted: Wanted, act: Callable[[MessagingDoors], Awaitable[T]]) -> T:
    """Knock, and end the command with a sentence if a door does not open."""

    async def run() -> T:
        async with MessagingDoors.open(wanted.addresses(), OperatorAuth()) as doors:
            return await act(doors)

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except (DoorError, NoDoorError) as error:
        end(REFUSED, str(error))


def end(code: int, sentence: str) -> NoReturn:
    """End the command with a sentence."""
    typer.echo(sentence, err=True)
    raise typer.Exit(code)
