"""What a service states about its publishing, and what it was told by others (rule 8).

- ``statements``  {_id: {flow, origin, minute}, events, at}: what others say they sent and this service has not heard
- ``stated``      {_id: "until", minute}: up to where everything was stated for good

A minute is stated again whenever its numbers change. What a consumer has heard in full needs no memory: its row goes.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

from pymongo import DeleteOne, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase

from shared.contracts.ledger import LedgerStatedV1, LedgerStatedV1Data, StatedV1
from shared.messaging import instants
from shared.messaging.acts import Perform
from shared.messaging.ledger.counts import Counted, Route, by_minute
from shared.messaging.mongo_outbox import KEPT_FOR_S
from shared.messaging.publications import fed_by
from shared.messaging.topology import EVENTS, LEDGER, LOGGED, Flow
from shared.messaging.unit import Emitted, Unit
from shared.mongo import Document

SETTLED_AFTER: Final = timedelta(minutes=15)
"""A minute so old, of which nothing is unsent, is not stated any more."""

_TOGETHER: Final = 20
"""Minutes in a statement."""

_STATED: Final = (EVENTS, LOGGED)

_UNTIL: Final = "until"


class Sent(NamedTuple):
    """Whose events of which minute, for which queue."""

    flow: str
    origin: str
    minute: datetime


class Speaker:
    """States how much this service sent."""

    def __init__(self, service: str, database: AsyncDatabase[Document]) -> None:
        self._service = service
        self._has_listeners = bool(fed_by(service))
        self._counted = Counted(database)
        self._stated = database["stated"]
        self._said: dict[tuple[datetime, str], dict[str, int]] = {}

    async def state(self, perform: Perform) -> datetime:
        """State what changed since it was stated last; return the minute before which nothing changes any more."""
        row = await self._stated.find_one({"_id": _UNTIL})
        since = row["minute"] if row else datetime.min.replace(year=1970, tzinfo=instants.now().tzinfo)
        now = by_minute(await self._sent(since))
        news = {minute: types for minute, types in now.items() if self._said.get(minute) != types}
        minutes = sorted(news) if self._has_listeners else ()
        for start in range(0, len(minutes), _TOGETHER):
            part = {minute: news[minute] for minute in minutes[start : start + _TOGETHER]}
            await perform(partial(self._speak, part))
        unsent = [minute for minute, _ in await self._counted.unsent()]
        until = min([instants.minute_of(instants.now() - SETTLED_AFTER), *unsent])
        self._said = {minute: types for minute, types in now.items() if minute[0] >= until}
        if until > since:
            await self._stated.update_one({"_id": _UNTIL}, {"$set": {"minute": until}}, upsert=True)
        return max(until, since)

    async def _sent(self, since: datetime) -> Counter[tuple[datetime, Route]]:
        """Return what left, by minute; what is unsent is asked last, so that nothing counts that has not left."""
        emitted = await self._counted.emitted(since)
        emitted.subtract({key: count for key, count in (await self._counted.unsent()).items() if key in emitted})
        return Counter({key: count for key, count in emitted.items() if count > 0 and key[1].exchange in _STATED})

    async def _speak(self, part: Mapping[tuple[datetime, str], Mapping[str, int]], unit: Unit) -> None:
        counts = [
            StatedV1(exchange=exchange, type=wire_type, minute=instants.minute_name(minute), events=events)
            for (minute, exchange), types in part.items()
            for wire_type, events in sorted(types.items())
        ]
        data = LedgerStatedV1Data(counts=counts)
        event = LedgerStatedV1.new(source=f"/{self._service}", time=instants.now(), data=data)
        unit.emitted.append(Emitted(LEDGER, event.type, event))


class Statements:
    """What other services state, as far as it is not heard in full."""

    def __init__(self, database: AsyncDatabase[Document], flows: Collection[Flow]) -> None:
        self._rows = database["statements"]
        self._flows = [flow for flow in flows if flow.exchange in _STATED]

    async def prepare(self) -> None:
        """Have what nobody could repair be forgotten with the rows that it would be repaired from."""
        await self._rows.create_index("at", expireAfterSeconds=KEPT_FOR_S)

    async def hear(self, events: Sequence[LedgerStatedV1], unit: Unit) -> None:
        """Note what concerns this service's queues; a number that did not grow changes nothing."""
        changes = [_noted(sent, count, event.time) for event in events for sent, count in self._heard(event).items()]
        if changes:
            unit.apply(partial(self._note, changes))

    async def open(self) -> dict[Sent, tuple[int, datetime]]:
        """Return what was stated and not heard in full: how many events, and when that number was stated."""
        rows = await self._rows.find({}).to_list()
        return {Sent(**row["_id"]): (row["events"], row["at"]) for row in rows}

    async def close(self, heard: Mapping[Sent, int]) -> None:
        """Forget what was heard in full, unless more was stated meanwhile."""
        gone = [DeleteOne({"_id": sent._asdict(), "events": {"$lte": count}}) for sent, count in heard.items()]
        if gone:
            await self._rows.bulk_write(gone, ordered=False)

    def _heard(self, event: LedgerStatedV1) -> Counter[Sent]:
        total: Counter[Sent] = Counter()
        origin = event.source.removeprefix("/")
        for each in event.data.counts:
            for flow in self._flows:
                if flow.exchange == each.exchange and flow.key in (each.type, "#"):
                    total[Sent(flow.queue, origin, instants.minute_named(each.minute))] += each.events
        return total

    async def _note(self, changes: Sequence[UpdateOne], session: Any) -> None:
        await self._rows.bulk_write(changes, ordered=True, session=session)


def _noted(sent: Sent, events: int, at: datetime) -> UpdateOne:
    grown = {"$gt": [events, {"$ifNull": ["$events", 0]}]}
    values = {"events": {"$cond": [grown, events, "$events"]}, "at": {"$cond": [grown, at, "$at"]}}
    return UpdateOne({"_id": sent._asdict()}, [{"$set": values}], upsert=True)
