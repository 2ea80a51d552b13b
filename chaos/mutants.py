"""Carnet with one rule broken: each of these must turn the verdict of a brief run red, or the rig proves nothing.

Only the rig loads this module into a process (`chaos.mutated`); nothing that runs in production knows of it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import Any, Final

_LATER_S: Final = 0.25
"""How long after the answer a mutant gets round to its trace."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A rule that is broken, and the brief run that must notice."""

    rule: str
    broken: str
    """How, in words for the reader."""
    apply: Callable[[], None]
    faults: tuple[str, ...]
    red: tuple[str, ...]
    """Properties of which at least one must be violated."""
    service: str | None = None
    """The only service that is broken; all of them otherwise."""

    def caught_by(self, violated: Sequence[str]) -> bool:
        """Tell whether a run that violated these properties has noticed this broken rule."""
        return not set(self.red).isdisjoint(violated)


def _inbox_off() -> None:
    """Nothing was ever seen, and a row that is there already is written again."""
    inbox: Any = import_module("shared.messaging.mongo_inbox")
    make = inbox.MongoInbox.__init__

    def init(self: Any, *words: Any) -> None:
        make(self, *words)
        self._inbox = _Forgetful(self._inbox)

    async def seen(self: Any, keys: Sequence[str]) -> Mapping[str, Any]:  # noqa: ARG001 - as the method it replaces
        return {}

    inbox.MongoInbox.__init__, inbox.MongoInbox.seen = init, seen
    _trust_every_retry()


class _Forgetful:
    """An inbox collection in which a second row of an event takes the place of the first."""

    def __init__(self, collection: Any) -> None:
        self._collection = collection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    async def insert_many(self, rows: Sequence[Mapping[str, Any]], **more: Any) -> None:
        replace_one = import_module("pymongo").ReplaceOne
        writes = [replace_one({"_id": row["_id"]}, row, upsert=True) for row in rows]
        await self._collection.bulk_write(writes, **more)


def _confirms_off() -> None:
    """A message counts as published as soon as it was handed to the library."""
    amqp: Any = import_module("shared.messaging.amqp")
    publish = amqp.AmqpPublisher.publish
    flying: set[asyncio.Task[None]] = set()

    async def careless(self: Any, row: Any) -> None:
        task = asyncio.create_task(_quietly(publish, self, row))
        flying.add(task)
        task.add_done_callback(flying.discard)

    amqp.AmqpPublisher.publish = careless


def _ack_before_commit() -> None:
    """A message is acknowledged as soon as it is there."""
    consumer: Any = import_module("shared.messaging.consumer")
    offer = consumer.Consumer.offer

    async def hasty(self: Any, delivery: Any) -> None:
        await delivery.acknowledge()
        await offer(self, replace(delivery, acknowledge=_nothing))

    consumer.Consumer.offer = hasty


def _epoch_off() -> None:
    """A sequencer that was in charge once never asks whether it still is."""
    log: Any = import_module("services.audit.adapters.mongo_log")
    ask = log.MongoLog.head

    async def head(self: Any) -> Any:
        if self._epoch is not None:
            self._epoch = log.to_head(await self._at.head.find_one({"_id": "head"})).epoch
        return await ask(self)

    log.MongoLog.head = head


def _adoption_without_silence() -> None:
    """Whatever is unsent is taken from its owner, dead or alive, however young it is."""
    outbox: Any = import_module("shared.messaging.mongo_outbox")

    async def adopt(self: Any, owner: str) -> Counter[str]:
        others = {"owner": {"$ne": owner}, "unsent": True}
        taken = Counter([row["owner"] async for row in self._rows.find(others, {"owner": 1})])
        await self._rows.update_many(others, {"$set": {"owner": owner}})
        return taken

    outbox.MongoOutbox.adopt = adopt


def _retry_without_compare_and_set() -> None:
    """A retry is written whatever became of its row since it was read."""
    inbox: Any = import_module("shared.messaging.mongo_inbox")
    transition = inbox._transition  # noqa: SLF001

    def unguarded(row: Any, now: Any) -> Any:
        update = transition(row, now)
        return import_module("pymongo").UpdateOne({"_id": row.key}, update._doc)  # noqa: SLF001

    inbox._transition = unguarded  # noqa: SLF001
    _trust_every_retry()


def _trust_every_retry() -> None:
    """Whoever read a waiting row takes it up, whatever became of it since."""
    sifting: Any = import_module("shared.messaging.sifting")
    sifting._is_as_read = lambda item, known: True  # noqa: ARG005, SLF001


def _dead_letter_off() -> None:
    """What the broker gives up delivering is gone; `chaos.trials.broken` does it, as the rig declares the queues."""


def _trace_after_bytes() -> None:
    """The answer leaves first."""
    tracing: Any = import_module("services.records.handlers.tracing")
    write = tracing.Tracer.write
    writing: set[asyncio.Task[None]] = set()

    async def late(self: Any, *words: Any, **more: Any) -> None:
        task = asyncio.create_task(_after(_LATER_S, partial(write, self, *words, **more)))
        writing.add(task)
        task.add_done_callback(writing.discard)

    tracing.Tracer.write = late


async def _quietly(publish: Any, *words: Any) -> None:
    with suppress(Exception):
        await publish(*words)


async def _after(seconds: float, write: Callable[[], Any]) -> None:
    await asyncio.sleep(seconds)
    await write()


async def _nothing() -> None:
    return None


MUTANTS: Final[Mapping[str, Mutant]] = {
    "inbox-off": Mutant(
        "1", "nothing is remembered of what was seen", _inbox_off, ("requeue", "repeat"), ("doubled", "books")
    ),
    "confirms-off": Mutant(
        "7", "what was not confirmed counts as published", _confirms_off, ("kill-broker",), ("lost",)
    ),
    "ack-before-commit": Mutant(
        "0", "messages are acknowledged before their commit", _ack_before_commit, ("kill-worker",), ("lost",)
    ),
    "epoch-off": Mutant(
        "13",
        "a sequencer that was overtaken appends on",
        _epoch_off,
        ("overtake",),
        ("log",),
        service="audit",
    ),
    "adoption-without-silence": Mutant(
        "7", "messages are taken from a sender that lives", _adoption_without_silence, ("alarm",), ("adoption",)
    ),
    "retry-without-compare-and-set": Mutant(
        "2", "a retry overwrites what another did", _retry_without_compare_and_set, ("freeze-retry",), ("doubled",)
    ),
    "dead-letter-off": Mutant(
        "8", "what was delivered too often is dropped", _dead_letter_off, ("wear-out",), ("lost",)
    ),
    "trace-after-bytes": Mutant(
        "§5", "the answer leaves before its trace", _trace_after_bytes, ("kill-api",), ("reads",), service="records"
    ),
}
