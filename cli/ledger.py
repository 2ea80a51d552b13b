"""`./carnet ledger`: is everything accounted for, and if not, what is missing; and its repair."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Annotated, Any, Final, NoReturn, TypeVar

import typer

from cli.books import FlowBooks, all_books
from cli.doors import SERVICES, DoorError, MessagingDoors, NoDoorError, Row, door
from cli.held import age
from cli.tokens import OperatorAuth
from shared.messaging.topology import FLOWS, LEDGER, UNKNOWN, UPSTREAM

NOTHING, MISSING, REFUSED, USAGE = range(4)
"""Exit codes."""

DOORS: Final = "/ops/messaging/ledger"

_COLUMNS: Final = ("published", "applied", "ignored", "refused", "quarantined", "parked", "in_flight", "duplicate")

T = TypeVar("T")

app = typer.Typer(
    help="Is everything that was published accounted for? Exit: 0 nothing is missing, 1 something is, 2 a service "
    "does not answer or refuses, 3 usage.",
)


@app.callback(invoke_without_command=True)
def ledger(
    context: typer.Context, *, as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False
) -> None:
    """Print the books of every flow and what is missing."""
    if context.invoked_subcommand is not None:
        return
    summaries, missing = _with_doors(_look)
    books = all_books(summaries, {})
    if as_json:
        print(json.dumps({"flows": [_numbers(flow) for flow in books], "findings": missing}, indent=2))
    else:
        print(*_table(books), "", *_told(missing), sep="\n")
    raise typer.Exit(MISSING if missing else NOTHING)


@app.command()
def repair(
    flow: Annotated[str, typer.Argument(help="A queue, as the findings name it.")],
    *,
    because: Annotated[str | None, typer.Option(help="Why, for the log.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent again, and send nothing.")] = False,
) -> None:
    """Have what never arrived in a queue sent again, straight to it: exactly the messages with unseen events."""
    if flow not in {each.queue for each in FLOWS if each.exchange not in (UPSTREAM, UNKNOWN, LEDGER)}:
        _end(USAGE, f"{flow} is no queue that can be repaired: upstream, insurers have to send again (docs/limits.md).")
    told = _with_doors(lambda doors: repair_flow(doors, flow, because, dry_run=dry_run))
    if not told:
        print(f"Nothing is missing in {flow}.")
    for each in told:
        print(each.sentence(dry_run=dry_run))
    raise typer.Exit(MISSING if any(each.left for each in told) else NOTHING)


@dataclass(frozen=True, slots=True)
class Repaired:
    """What became of one finding."""

    finding: Row
    found: int
    """Unseen events that the publisher still holds."""
    messages: int

    @property
    def left(self) -> bool:
        """Whether not all of it can be repaired."""
        return bool(self.found != self.finding["missing"])

    def sentence(self, *, dry_run: bool) -> str:
        """Return it for a reader."""
        about = f"{self.finding['origin']} {self.finding['slice']}: {self.finding['missing']:,} events missing"
        if self.found > self.finding["missing"]:
            return f"{about}, {self.found:,} without a row: rows were removed, and what they say was applied; not sent."
        verb = "would be sent again" if dry_run else "sent again"
        rest = self.finding["missing"] - self.found
        gone = f"; {rest:,} are not in the publisher's outbox any more and cannot be repaired" if rest else ""
        return f"{about}, {self.found:,} of them {verb} in {self.messages:,} messages{gone}."


async def _look(doors: MessagingDoors) -> tuple[dict[str, Row], list[Row]]:
    summaries = {service: await doors.summary(service) for service in doors.services}
    return summaries, await _findings(doors)


async def _findings(doors: MessagingDoors) -> list[Row]:
    answers = [(service, await doors.ask(service, "GET", DOORS)) for service in doors.services]
    return [{"service": service, **each} for service, answer in answers for each in answer["findings"]]


async def repair_flow(doors: MessagingDoors, flow: str, because: str | None, *, dry_run: bool) -> list[Repaired]:
    """Repair every minute of a queue in which something never arrived."""
    lost = [each for each in await _findings(doors) if each["kind"] == "event-missing" and each["flow"] == flow]
    return [await _repair_minute(doors, finding, because, dry_run=dry_run) for finding in lost]


async def _repair_minute(doors: MessagingDoors, finding: Row, because: str | None, *, dry_run: bool) -> Repaired:
    """Ask the publisher what it sent, the consumer what it never saw, and have just that sent again.

    Where more events have no row than never arrived, rows were removed of events that took effect: which they are,
    nobody can tell, and to send them again would apply them twice.
    """
    queue, publisher = finding["flow"], finding["origin"]
    rows: dict[str, int] = {}
    async for page in _sent(doors, publisher, queue, finding["slice"][:16]):
        events = [event for row in page for event in row["events"]]
        asked = {"queue": queue, "events": events}
        unseen = set((await doors.ask(finding["service"], "POST", f"{DOORS}/unseen", json=asked))["events"])
        rows |= {row["row"]: count for row in page if (count := len(unseen.intersection(row["events"])))}
    found = sum(rows.values())
    if not dry_run and found <= finding["missing"]:
        names = list(rows)
        for start in range(0, len(names), 100):
            body = {"queue": queue, "rows": names[start : start + 100], **({"reason": because} if because else {})}
            await doors.ask(publisher, "POST", f"{DOORS}/resend", json=body)
    return Repaired(finding, found, len(rows))


async def _sent(doors: MessagingDoors, publisher: str, queue: str, minute: str) -> Any:
    after: str | None = None
    while True:
        query = {"queue": queue, "minute": minute, **({"after": after} if after else {})}
        page = await doors.ask(publisher, "GET", f"{DOORS}/sent", params=query)
        yield page["rows"]
        after = page["next"]
        if after is None:
            return


def _numbers(flow: FlowBooks) -> dict[str, Any]:
    """Return a flow's numbers; what insurers published, only they know."""
    counts: dict[str, Any] = {name: getattr(flow, name) for name in _COLUMNS}
    if flow.queue in _UPSTREAM:
        counts["published"] = None
    return {"queue": flow.queue, **counts}


def _table(books: Iterable[FlowBooks]) -> Iterator[str]:
    rows = [["flow", *(name.replace("_", " ") for name in _COLUMNS)]]
    for flow in books:
        _, *counts = _numbers(flow).values()
        rows.append([flow.queue, *("-" if count is None else f"{count:,}" for count in counts)])
    widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
    for name, *cells in rows:
        yield "  ".join(
            [name.ljust(widths[0]), *(cell.rjust(size) for cell, size in zip(cells, widths[1:], strict=True))]
        )


def _told(findings: list[Row]) -> Iterator[str]:
    if not findings:
        yield "Nothing is missing."
        return
    now = datetime.now(UTC)
    for each in findings:
        origin = f" from {each['origin']}" if each["origin"] else ""
        of = f" of {each['slice'][:16]}" if each["slice"] else ""
        yield f"{each['kind']}: {each['missing']:,} in {each['flow']}{origin}{of}, found {age(each['since'], now)} ago"


_UPSTREAM: Final = {flow.queue for flow in FLOWS if flow.exchange in (UPSTREAM, UNKNOWN)}


def _with_doors(act: Callable[[MessagingDoors], Awaitable[T]]) -> T:
    async def run() -> T:
        async with MessagingDoors.open({name: door(name) for name in SERVICES}, OperatorAuth()) as doors:
            return await act(doors)

    try:
        return asyncio.run(run())
    except (DoorError, NoDoorError) as error:
        _end(REFUSED, str(error))


def _end(code: int, sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)
