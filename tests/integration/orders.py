"""Events in many orders at two workers of a service, on a real database: what stands each time."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from itertools import permutations
from random import Random
from typing import Any, Final

import orjson
from pymongo.asynchronous.database import AsyncDatabase

from shared.messaging.mongo_inbox import MongoInbox
from shared.messaging.subscription import Subscription
from tests.fakes.arrivals import WORKERS, Body, Room
from tests.fakes.messaging import ManualClock

ORDERS: Final = 12
"""Of the 120 that five events have: the first, the last, and some between; all of them are tried in memory."""

Database = AsyncDatabase[dict[str, Any]]
Stands = Mapping[str, Sequence[str]]
"""By collection, the fields that all orders must agree about: not when, nor in how many steps, it came to be."""
Flows = Callable[[ManualClock], Sequence[Subscription[Any]]]


async def ends_on(
    database: Database,
    bodies: Sequence[Body],
    flows: Flows,
    stands: Stands,
    *,
    user: str | None = None,
    telling: bool = False,
) -> list[dict[str, Any]]:
    """Return the different states in which events end; the first of each order comes twice.

    ``flows`` makes a service's subscriptions on the database; ``user`` is who publishes upstream; ``telling``: what the
    service tells others must agree as well, event by event.
    """
    every = list(permutations(bodies))
    ends: list[dict[str, Any]] = []
    for order in [every[0], every[-1], *Random(1).sample(every, min(ORDERS, len(every)) - 2)]:
        inboxes = {name: MongoInbox(database.client, database, name) for name in WORKERS}
        for each in inboxes.values():
            await each.prepare()
        clock = ManualClock()
        room = Room(flows(clock), [], _nothing, user=user, clock=clock, inbox_of=inboxes.__getitem__)
        await room.arrive(order)
        state = await _left(database, stands)
        if telling:
            state["told"] = sorted([_said(event) async for event in _told(database)])
        if state not in ends:
            ends.append(state)
        for name in await database.list_collection_names():
            await database[name].delete_many({})
    return ends


async def _left(database: Database, stands: Stands) -> dict[str, Any]:
    rows: dict[str, Any] = {
        name: [row async for row in database[name].find({}, dict.fromkeys(("_id", *fields), 1)).sort("_id", 1)]
        for name, fields in stands.items()
    }
    ends = database["inbox"].find({"state": {"$nin": ["done", "ignored"]}}, {"_id": 0, "state": 1, "reason": 1})
    return {**rows, "held": sorted([(row["state"], row.get("reason", "")) async for row in ends])}


async def _told(database: Database) -> AsyncIterator[dict[str, Any]]:
    async for row in database["outbox"].find({}, {"body": 1}):
        document = orjson.loads(row["body"])
        for event in document if isinstance(document, list) else [document]:
            yield event


def _said(event: Mapping[str, Any]) -> str:
    """Return an event without what differs each time: its id, its time and the box."""
    data = {name: value for name, value in event["data"].items() if name != "sealed"}
    return repr((event["type"], event.get("subject"), sorted(data.items(), key=str)))


def _nothing(_room: Room) -> None:
    """What stands is read from the database."""
