"""A small service as a process of its own: it keeps things, tells that it did, and notes what it was told.

Run as ``python -m tests.integration.shared.messaging.stand``. Failpoints come from the environment and wrap the
production code from here; production code knows nothing of them:

- ``STAND_DIE=before-ack``: killed (SIGKILL) in the place of the first acknowledgement;
- ``STAND_DIE=before-publish``: killed in the place of the first publication;
- ``STAND_OUTAGE_S``, ``STAND_PROBE_S``: how long an outage lasts until messages are given back, shortened;
- ``STAND_MENDED``: what no handler could bear, this one can;
- ``STAND_PUBLISH=never``: publishing begins and never ends; ``STAND_STUCK_MS``: when that is told, shortened;
- ``STAND_REREAD_MS``, ``STAND_SILENT_MS``, ``STAND_BEAT_S``: the outbox's times, shortened.
"""

import asyncio
import os
import signal
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Literal, NoReturn

import uvloop

from shared.contracts.event import Data, Event
from shared.http import health
from shared.logging import configure_logging
from shared.messaging import consumer, mongo_outbox, relay, runtime, settling, topology, worker
from shared.messaging.amqp import AmqpPublisher
from shared.messaging.delivery import Delivery
from shared.messaging.runtime import open_runtime
from shared.messaging.subscription import Subscription, of_contract
from shared.messaging.unit import Unit
from shared.settings import ServiceSettings

HAPPENED = topology.Flow("stand", "thing.happened.v1")
KEPT = topology.Flow("stand", "thing.kept.v1")
FLOWS = (HAPPENED, KEPT)


KILLER, RELAPSE, UNREADABLE = 666_666, 666_667, 666_668
"""Numbers that end the process: in the handler; in the handler, but only in a retry; when the message is read."""


class ThingData(Data):
    """What happened; a negative number is one that no handler can bear."""

    n: int


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


async def keep(events: Sequence[ThingHappenedV1], unit: Unit, *, things: Any) -> None:
    """Insert one row per event and tell; nothing about a row would show that its event came before."""
    numbers = {event.data.n for event in events}
    if KILLER in numbers:
        os._exit(9)
    if RELAPSE in numbers:
        await _relapse(things.database["inbox"])
    if min(numbers) < 0 and "STAND_MENDED" not in os.environ:
        raise ArithmeticError
    unit.apply(partial(_insert, things, [{"event": event.id} for event in events]))
    for event in events:
        unit.emit(ThingKeptV1.new(source="/stand", time=event.time, data=event.data, cause=event))


async def note(events: Sequence[ThingKeptV1], unit: Unit, *, told: Any) -> None:
    """Insert one row per thing that was told, named after the event that caused it."""
    unit.apply(partial(_insert, told, [{"event": (event.causationid or "|").split("|")[1]} for event in events]))


async def _relapse(inbox: Any) -> NoReturn:
    """Fail at first sight, kill the process in each retry."""
    if await inbox.find_one({"state": "waiting"}):
        _die()
    raise ArithmeticError


def _admit(document: Any, raw: bytes, delivery: Delivery) -> ThingHappenedV1:
    if document["data"]["n"] == UNREADABLE:
        _die()
    return of_contract(ThingHappenedV1)(document, raw, delivery)


async def _insert(collection: Any, rows: list[dict[str, str]], session: Any) -> None:
    await collection.insert_many(rows, session=session)


def _die(*_given: object, **_named: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit


async def _never(*_given: object) -> NoReturn:
    await asyncio.Event().wait()
    raise AssertionError


def _set_failpoints() -> None:
    """Replace what the environment names."""
    environment = os.environ
    runtime.FLOWS = FLOWS  # type: ignore[attr-defined]
    if environment.get("STAND_DIE") == "before-ack":
        consumer.Consumer._acknowledge = _die  # type: ignore[method-assign]
    if environment.get("STAND_DIE") == "before-publish":
        AmqpPublisher.publish = _die  # type: ignore[method-assign]
    if environment.get("STAND_PUBLISH") == "never":
        AmqpPublisher.publish = _never  # type: ignore[assignment, method-assign]
    health.STUCK_AFTER_MS = int(environment.get("STAND_STUCK_MS", "30000"))  # type: ignore[misc]
    mongo_outbox.REREAD_AFTER_MS = int(environment.get("STAND_REREAD_MS", "5000"))  # type: ignore[misc]
    mongo_outbox.SILENT_AFTER_MS = int(environment.get("STAND_SILENT_MS", "30000"))  # type: ignore[misc]
    relay._BEAT_S = float(environment.get("STAND_BEAT_S", "5"))  # type: ignore[misc]
    settling.OUTAGE_S = float(environment.get("STAND_OUTAGE_S", "300"))  # type: ignore[misc]
    settling.PROBE_EVERY_S = float(environment.get("STAND_PROBE_S", "5"))  # type: ignore[misc]


async def _work() -> None:
    settings = ServiceSettings()
    configure_logging("stand", "worker", settings.log_level)
    async with open_runtime("stand", settings) as opened:
        things, told = opened.database["things"], opened.database["told"]
        await worker.run_worker(
            opened,
            [
                Subscription(HAPPENED, _admit, partial(keep, things=things)),
                Subscription(KEPT, of_contract(ThingKeptV1), partial(note, told=told)),
            ],
        )


if __name__ == "__main__":
    _set_failpoints()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_work())
