"""Two small services: the shop keeps what happened and tells it; the till notes what it was told."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

from shared.contracts.event import Data, Event
from shared.messaging.failures import RacedError
from shared.messaging.topology import EVENTS, UPSTREAM, Flow
from shared.messaging.unit import Unit
from tests.fakes.messaging import NOON

HAPPENED = Flow("shop", "thing.happened.v1", UPSTREAM, batch=20)
KEPT = Flow("till", "thing.kept.v1", EVENTS)

Kind = Literal["good", "ignored", "refused", "bad", "killer"]


class ThingData(Data):
    """A new version of a thing; ``needs`` names an event that has to be kept before this one may be."""

    thing: str
    version: int
    kind: Kind = "good"
    needs: str | None = None


class ThingHappenedV1(Event):
    """Something happened."""

    TYPE: ClassVar[str] = "thing.happened.v1"
    type: Literal["thing.happened.v1"] = "thing.happened.v1"
    data: ThingData


class ThingKeptV1(Event):
    """A thing is kept."""

    TYPE: ClassVar[str] = "thing.kept.v1"
    type: Literal["thing.kept.v1"] = "thing.kept.v1"
    data: ThingData


class BugError(Exception):
    """A bug that one kind of event meets as long as nobody mends it."""


class Bugs(Protocol):
    """What is wrong with the shop's handler."""

    async def meet(self, kind: Kind) -> None:
        """Raise `BugError`, or never return, if this kind of event meets a bug."""


class Place(NamedTuple):
    """Where a thing stands: its latest version, and how many versions of it there were."""

    version: int = 0
    times: int = 0


class Shelf:
    """The shop's storage: how each event took effect, once or more often, and the place of each thing."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[int, ...]] = {}
        """By event, the versions that it brought: one, if all is well."""
        self.latest: dict[str, Place] = {}

    async def known(self, events: Collection[str]) -> set[str]:
        """Return which of these events are kept."""
        return {name for name in events if name in self.kept}

    async def find(self, things: Collection[str]) -> Mapping[str, Place]:
        """Return the places of these things."""
        return {name: self.latest[name] for name in things if name in self.latest}

    async def keep(self, events: Sequence[ThingHappenedV1], _session: object) -> None:
        """Write down each event; nothing here would show that it came before."""
        for event in events:
            self.kept[event.id] = (*self.kept.get(event.id, ()), event.data.version)

    async def save(self, changed: Mapping[str, Place], read: Mapping[str, Place], _session: object) -> None:
        """Write places, if each is as it was read."""
        if any(self.latest.get(name) != read.get(name) for name in changed):
            raise RacedError
        self.latest |= changed


class Tally:
    """The till's storage: how often it was told of each event."""

    def __init__(self) -> None:
        self.told: dict[str, tuple[int, ...]] = {}

    async def note(self, events: Sequence[ThingKeptV1], _session: object) -> None:
        """Write down each event under the one that caused it."""
        for event in events:
            name = (event.causationid or "|").split("|")[1]
            self.told[name] = (*self.told.get(name, ()), event.data.version)


async def keep_things(events: Sequence[ThingHappenedV1], unit: Unit, *, shelf: Any, near: Shelf, bugs: Bugs) -> None:
    """Keep each event that nothing speaks against, the latest version of each thing, and tell.

    ``shelf`` is read over the network; ``near`` is the storage itself, for the transaction to write to.
    """
    known = await shelf.known({event.data.needs for event in events if event.data.needs})
    read = await shelf.find({event.data.thing for event in events})
    latest = dict(read)
    kept = []
    for event in events:
        data = event.data
        await bugs.meet(data.kind)
        if data.kind == "ignored":
            unit.ignore(event, "unwanted")
        elif data.kind == "refused":
            unit.refuse(event, "unfit")
        elif data.needs and data.needs not in known:
            unit.wait(event, "need-unknown")
        else:
            kept.append(event)
            before = latest.get(data.thing, Place())
            latest[data.thing] = Place(max(before.version, data.version), before.times + 1)
    unit.apply(partial(near.keep, kept))
    changed = {name: place for name, place in latest.items() if place != read.get(name)}
    if changed:
        unit.apply(partial(near.save, changed, dict(read)))
    for event in kept:
        unit.emit(ThingKeptV1.new(source="/shop", time=NOON, data=event.data, cause=event))


async def note_things(events: Sequence[ThingKeptV1], unit: Unit, *, near: Tally) -> None:
    """Note each thing that was told."""
    unit.apply(partial(near.note, list(events)))
