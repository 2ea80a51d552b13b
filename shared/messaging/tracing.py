"""Where one event came from, what became of it, and what was published because of it: names and times, never data."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from bson.binary import Binary
from pymongo import DESCENDING
from pymongo.asynchronous.database import AsyncDatabase

from shared.messaging import instants
from shared.messaging.topology import FLOWS, Flow
from shared.mongo import Document
from verifier.leaves import event_name

OWN_SOURCES: Final = tuple(sorted({f"/{flow.consumer}" for flow in FLOWS}))

_SHOWN: Final = ("state", "reason", "fingerprint", "attempts", "due", "at", "changed", "history")
_BACK: Final = (timedelta(seconds=2), timedelta(seconds=30), timedelta(minutes=5))
"""How far back a publisher looks for the row of an event that somebody else received, one after the other."""

_SLACK: Final = timedelta(seconds=2)
"""What the clocks of two services may differ by."""

_MOST: Final = 400
"""Messages that one look reads; a message has up to 200 events and 1 MiB."""

_LOOK: Final = dict.fromkeys(("body", "exchange", "key", "created", "sent"), 1)


class Tracer:
    """Reads what a service's inbox and outbox still say of an event.

    There is no index by event id, which would cost every event: an inbox row is found by its key, and the messages
    of a commit by the instant that all rows of the commit share.
    """

    def __init__(self, service: str, database: AsyncDatabase[Document], flows: Sequence[Flow]) -> None:
        self._service = service
        self._inbox = database["inbox"]
        self._outbox = database["outbox"]
        self._leaves = database["leaves"]
        self._flows = flows

    async def received(self, event_id: str, sources: Iterable[str]) -> list[Document]:
        """Return what became of an event in each flow of this service that got it, from whichever of these sources."""
        keys = {f"{flow.queue}|{source}|{event_id}": (flow, source) for flow in self._flows for source in sources}
        found = self._inbox.find({"_id": {"$in": list(keys)}}, dict.fromkeys(_SHOWN, 1))
        rows = []
        for row in await found.to_list():
            flow, source = keys[row.pop("_id")]
            row |= {"service": self._service, "queue": flow.queue, "type": flow.key, "source": source}
            row["history"] = [_without_person(each) for each in row.get("history", [])]
            rows.append({**row, **await self._place(source, event_id)})
        return sorted(rows, key=lambda row: row["at"])

    async def caused(self, cause: str, rows: Sequence[Document]) -> tuple[list[Document], dict[str, int]]:
        """Return what was published because of an event, and how much of the same commits names another cause.

        ``cause`` is its source and id, ``rows`` are those of `received`.
        """
        commits = list({row[name] for row in rows for name in ("at", "changed") if name in row})
        found = self._outbox.find({"created": {"$in": commits}}, _LOOK).limit(_MOST)
        events = [event for row in await found.to_list() for event in _events(row)]
        mine = [event for event in events if event.get("cause") == cause]
        beside = Counter(event["type"] for event in events if event.get("cause") != cause)
        return mine, dict(beside)

    async def published(self, event_id: str, before: datetime | None) -> Document | None:
        """Return the envelope of an event that this service published; ``before`` is when somebody received it."""
        latest = (before or instants.now()) + _SLACK
        looks: list[Document] = [{"created": {"$gte": latest - _SLACK - back, "$lte": latest}} for back in _BACK]
        for look in [*looks, *([] if before else [{"unsent": True}])]:
            async for row in self._outbox.find(look, _LOOK).sort("created", DESCENDING).limit(_MOST):
                if event_id.encode() in row["body"] and (found := _named(row, event_id)):
                    return found
        return None

    async def _place(self, source: str, event_id: str) -> Document:
        """Return the event's place in the log, which only audit keeps."""
        entry = await self._leaves.find_one({"event": Binary(event_name(source, event_id))}, {"_id": 1})
        return {} if entry is None else {"entry": entry["_id"]}


def _named(row: Document, event_id: str) -> Document | None:
    return next((event for event in _events(row) if event.get("id") == event_id), None)


def _events(row: Document) -> Iterator[dict[str, Any]]:
    """Yield the envelopes of a message, without what they say and whom they are about."""
    body = orjson.loads(bytes(row["body"]))
    for event in body if isinstance(body, list) else [body]:
        told = {name: event.get(name) for name in ("id", "source", "type", "time")}
        told |= {name: row.get(name) for name in ("exchange", "key", "created", "sent")}
        told["cause"] = event.get("causationid")
        yield {name: value for name, value in told.items() if value is not None}


def _without_person(act: Document) -> Document:
    """Return an act without the free text that somebody gave as a reason."""
    return {name: act[name] for name in ("at", "act", "by", "with") if name in act}
