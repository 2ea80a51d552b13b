"""`./carnet trace ID`: one event's way through the services, from what caused it to the log, with times."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, NoReturn

import typer
from rich.console import Console

from cli.doors import SERVICES, DoorError, MessagingDoors, NoDoorError, Row, door
from cli.tokens import OperatorAuth
from cli.tree import drawn

FOUND, UNKNOWN, REFUSED = range(3)
"""Exit codes."""

MOST: Final = 300
"""Events of one tree."""

_HIGHEST: Final = 20
"""Causes followed upwards."""

app = typer.Typer()


@dataclass(slots=True)
class Step:
    """One event: its envelope if a row still has it, what became of it where, and the events it caused."""

    source: str
    id: str
    envelope: Row | None = None
    received: list[Row] = field(default_factory=list)
    caused: list["Step"] = field(default_factory=list)
    beside: dict[str, dict[str, int]] = field(default_factory=dict)
    """Events of the same commits that name another cause, by service and type."""
    copies: list[str] = field(default_factory=list)
    """Routing keys of copies that went to insurers."""

    def as_json(self) -> Row:
        """Return the tree below."""
        told = {"source": self.source, "id": self.id, "envelope": self.envelope, "received": self.received}
        return {
            **told,
            "copies": self.copies,
            "beside": self.beside,
            "caused": [each.as_json() for each in self.caused],
        }


class Walk:
    """Asks every service, one event after the other."""

    def __init__(self, doors: MessagingDoors) -> None:
        self._doors = doors
        self._left = MOST
        self.silent: set[str] = set()
        """Sentences about services that do not answer: their part of the tree is missing."""

    async def of(self, source: str | None, event_id: str) -> list[Step]:
        """Return the trees of an event, from their roots; there are several if sources use the same id."""
        answers = await self._ask({"id": event_id, **({"source": source} if source else {})})
        sources = sorted({row["source"] for each in answers for row in each["received"]})
        sources += [each["published"]["source"] for each in answers if each["published"]]
        roots = [await self._root(each, event_id) for each in dict.fromkeys(sources)]
        return [await self._down(root) for root in roots]

    async def _root(self, source: str, event_id: str) -> Step:
        """Follow the causes upwards, as far as the publishers' rows still stand."""
        step = Step(source, event_id)
        for _ in range(_HIGHEST):
            step.envelope = await self._envelope(step)
            cause = (step.envelope or {}).get("cause")
            if cause is None:
                break
            step = Step(*cause.split("|", 1))
        return step

    async def _envelope(self, step: Step) -> Row | None:
        publisher = step.source.removeprefix("/")
        if publisher not in self._doors.services:
            return None
        query = {"id": step.id, "source": step.source}
        received = [row for each in await self._ask(query) for row in each["received"]]
        before = {"before": min(row["at"] for row in received)} if received else {}
        answers = await self._ask({**query, **before}, only=publisher)
        return next((each["published"] for each in answers if each["published"]), None)

    async def _down(self, step: Step) -> Step:
        """Fill in what became of an event and of all that it caused."""
        self._left -= 1
        answers = await self._ask({"id": step.id, "source": step.source})
        step.received = sorted((row for each in answers for row in each["received"]), key=lambda row: row["at"])
        for each in answers:
            step.beside |= {each["service"]: each["beside"]} if each["beside"] else {}
        for envelope in [envelope for each in answers for envelope in each["caused"]]:
            same = next((child for child in step.caused if child.id == envelope["id"]), None)
            child = same or Step(envelope["source"], envelope["id"])
            if envelope["exchange"] == "feedback":
                child.copies.append(envelope["key"])
            child.envelope = child.envelope or envelope
            if same is None and self._left > len(step.caused):
                step.caused.append(child)
        step.caused = [await self._down(child) for child in step.caused]
        return step

    async def _ask(self, query: Mapping[str, str], only: str | None = None) -> list[Row]:
        async def one(service: str) -> Row | None:
            try:
                return {**await self._doors.trace(service, query), "service": service}
            except DoorError as error:
                if error.status == 422:
                    raise
                self.silent.add(str(error))
                return None

        asked = [service for service in self._doors.services if only in (None, service)]
        return [answer for answer in await asyncio.gather(*map(one, asked)) if answer is not None]


@app.command()
def trace(
    event: Annotated[str, typer.Argument(help="An event's id, `source|id`, or a key as `./carnet parked` shows it.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Show one event's way through the services: what caused it, what became of it, and what it caused.

    No personal data is shown. Exit: 0 found, 1 no service knows it, 2 a service does not answer or refuses.
    """
    source, event_id = named(event)
    try:
        trees, silent = asyncio.run(_walk(source, event_id))
    except (DoorError, NoDoorError) as error:
        _end(REFUSED, str(error))
    if as_json:
        print(json.dumps([tree.as_json() for tree in trees], indent=2))
    else:
        console = Console(file=sys.stdout, highlight=False)
        for line in (line for tree in trees for line in drawn(tree, event_id)):
            console.print(line, soft_wrap=True)
    for sentence in silent:
        typer.echo(sentence, err=True)
    if not trees:
        _end(
            REFUSED if silent else UNKNOWN, f"No service has a row of {event}: rows of what was sent stand for 7 days."
        )
    raise typer.Exit(REFUSED if silent else FOUND)


def named(event: str) -> tuple[str | None, str]:
    """Return source and id of what was typed: an id alone, ``source|id``, or an inbox key."""
    parts = event.split("|")
    return (parts[-2], parts[-1]) if len(parts) > 1 else (None, event)


async def _walk(source: str | None, event_id: str) -> tuple[Sequence[Step], Sequence[str]]:
    async with MessagingDoors.open({name: door(name) for name in SERVICES}, OperatorAuth()) as doors:
        walk = Walk(doors)
        trees = await walk.of(source, event_id)
        return trees, sorted(walk.silent)


def _end(code: int, sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)
