"""`./carnet parked`: what is held and why, replayed or discarded exactly as it was listed."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final, NoReturn, TypeVar

import typer

from cli.books import HELD
from cli.doors import SERVICES, DoorError, MessagingDoors, NoDoorError, Row, door
from cli.held import described, details, groups
from cli.tokens import SECOND, OperatorAuth, operator_token

DONE, NOTHING, REFUSED, USAGE = range(4)
"""Exit codes."""

MOST: Final = 100_000
"""Rows that one command looks at."""

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    help="Events that could not take effect yet: list, show, replay, discard.\n\n"
    "Exit: 0 done, 1 nothing of that kind is held, 2 a service does not answer or refuses, 3 usage.",
)

Service = Annotated[str | None, typer.Option(help=f"Only of this service: {', '.join(SERVICES)}.")]
Queue = Annotated[str | None, typer.Option(help="Only of this queue.")]
Reason = Annotated[str | None, typer.Option(help="Only for this reason.")]
State = Annotated[str | None, typer.Option(help="waiting, parked, quarantined; refused or ignored to look at.")]
Url = Annotated[str | None, typer.Option(help="Address of that service's doors, when they are not this clone's.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]
Keys = Annotated[list[str], typer.Argument(help="Keys as `list --keys` shows them; quote them, they hold a `|`.")]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows a command is about."""

    service: str | None = None
    queue: str | None = None
    state: str | None = None
    reason: str | None = None
    url: str | None = None

    def addresses(self) -> dict[str, str]:
        """Return the doors to ask; raise `NoDoorError` when nothing says where they are."""
        owner = self.service or (self.queue.split(".", maxsplit=1)[0] if self.queue else None)
        if self.url:
            return {owner or _end(USAGE, "--url is one service's address: name the --service."): self.url.rstrip("/")}
        return {name: door(name) for name in SERVICES if owner in (None, name)}

    def queries(self) -> list[dict[str, str]]:
        """Return the questions to ask: one per state, everything held if none is named."""
        named = {"queue": self.queue, "reason": self.reason}
        chosen = {name: value for name, value in named.items() if value is not None}
        return [{**chosen, "state": state} for state in ([self.state] if self.state else HELD)]


@app.command("list")
def list_rows(
    *,
    service: Service = None,
    queue: Queue = None,
    reason: Reason = None,
    state: State = None,
    url: Url = None,
    keys: Annotated[bool, typer.Option("--keys", help="Write one key per line, nothing else.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what is held, grouped by service, queue, state and reason."""
    wanted = Wanted(service, queue, state, reason, url)
    found = _with_doors(wanted, lambda doors: _rows(doors, wanted))
    if keys:
        for _, row in found:
            print(row["key"])
    elif as_json:
        print(json.dumps({"groups": groups(found)}, indent=2))
    else:
        print(*described(groups(found), datetime.now(UTC)), sep="\n")


@app.command()
def show(key: Annotated[str, typer.Argument(help="A key.")], url: Url = None, as_json: AsJson = False) -> None:
    """Show one event's row and its history; that you looked is written in the log."""
    service = _owner(key)
    row = _with_doors(Wanted(service, url=url), lambda doors: doors.show(service, key))
    if as_json:
        print(json.dumps(row, indent=2))
    else:
        print(*details(row), sep="\n")


@app.command()
def replay(
    keys: Keys = [],  # noqa: B006 - typer reads it, nobody changes it
    *,
    service: Service = None,
    queue: Queue = None,
    reason: Reason = None,
    state: State = None,
    because: Annotated[str | None, typer.Option(help="Why, for the log.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Try held events again at once: those named, or all that a filter finds now and no others."""
    wanted = Wanted(service, queue, state, reason, url)
    if bool(keys) == any((queue, reason, state)):
        _end(USAGE, "Name keys, or a filter (--reason, --queue, --state): one of the two.")

    async def act(doors: MessagingDoors) -> int:
        chosen = _by_service(keys) if keys else _keys(await _rows(doors, wanted))
        return sum([await doors.replay(name, part, because) for name, part in chosen.items()])

    _report("replayed", _with_doors(_covering(wanted, keys), act), as_json=as_json)


@app.command()
def discard(
    keys: Keys,
    because: Annotated[str, typer.Option(help="Why, for the log.")],
    second: Annotated[str, typer.Option(help="Who agrees (local stack only).")] = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """End held events without effect and forget what they said. Two operators have to agree.

    The second one's token comes from CARNET_SECOND_OPERATOR_TOKEN; on the local stack --second NAME stands for it.
    """

    async def act(doors: MessagingDoors) -> int:
        token = operator_token(second or "second-operator", variable=SECOND)
        return sum([await doors.discard(name, part, because, token) for name, part in _by_service(keys).items()])

    _report("discarded", _with_doors(_covering(Wanted(url=url), keys), act), as_json=as_json)


async def _rows(doors: MessagingDoors, wanted: Wanted) -> list[tuple[str, Row]]:
    return [
        (service, row)
        for service in doors.services
        for query in wanted.queries()
        for row in await doors.rows(service, query, most=MOST)
    ]


def _keys(rows: Iterable[tuple[str, Row]]) -> dict[str, list[str]]:
    chosen: dict[str, list[str]] = {}
    for service, row in rows:
        chosen.setdefault(service, []).append(row["key"])
    return chosen


def _by_service(keys: Sequence[str]) -> dict[str, list[str]]:
    chosen: dict[str, list[str]] = {}
    for key in keys:
        chosen.setdefault(_owner(key), []).append(key)
    return chosen


def _owner(key: str) -> str:
    """Return the service of a key, which begins with its queue's name."""
    owner = key.split(".", maxsplit=1)[0]
    if owner not in SERVICES or "|" not in key:
        _end(USAGE, f"{key} is no key: `./carnet parked list --keys` shows them.")
    return owner


def _covering(wanted: Wanted, keys: Sequence[str]) -> Wanted:
    """Return what to connect to for keys of one service or of several."""
    owners = sorted(_by_service(keys))
    return Wanted(owners[0], url=wanted.url) if len(owners) == 1 else wanted


def _with_doors(wanted: Wanted, act: Callable[[MessagingDoors], Awaitable[T]]) -> T:
    async def run() -> T:
        async with MessagingDoors.open(wanted.addresses(), OperatorAuth()) as doors:
            return await act(doors)

    try:
        return asyncio.run(run())
    except (DoorError, NoDoorError) as error:
        _end(REFUSED, str(error))


def _report(done: str, count: int, *, as_json: bool) -> NoReturn:
    print(json.dumps({done: count}) if as_json else f"{count} event{'' if count == 1 else 's'} {done}.")
    raise typer.Exit(DONE if count else NOTHING)


def _end(code: int, sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)
