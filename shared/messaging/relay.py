"""Sends what the outbox holds: at once after a commit, again when unsure, for others when they died (rule 7)."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import Enum, auto
from typing import Final, Protocol

import structlog

from shared.messaging.failures import Failure, ReturnedError, classify
from shared.messaging.losses import losses
from shared.messaging.store import Outbox, OutboxRow, Place

_IN_FLIGHT: Final = 64
"""Messages published together."""

_HINTS: Final = 2_000
_HINT_BYTES: Final = 64 * 1024 * 1024
"""What is remembered between commit and publishing; what is beyond is reread from the collection."""

_MARK_EVERY_S: Final = 0.5
"""How long confirmations are gathered before they are noted: a process that dies meanwhile has them sent again."""

_BEAT_S: Final = 5.0

_RETURNED: Final = 1_000
"""Returned messages after which a sweep ends; the next one goes on behind them."""

log = structlog.get_logger()


class _Fate(Enum):
    """What became of a try to publish."""

    CONFIRMED = auto()
    RETURNED = auto()
    UNKNOWN = auto()


class Publisher(Protocol):
    """Publishes one message and returns once the broker has confirmed it."""

    async def publish(self, row: OutboxRow) -> None:
        """Raise if the message was not confirmed in time; `ReturnedError` if the broker said that it has no place."""


class Relay:
    """Publishes outbox rows; the collection is the truth and the hints only save the rereading."""

    def __init__(self, outbox: Outbox, publisher: Publisher, owner: str) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._owner = owner
        self._hints: dict[str, OutboxRow] = {}
        self._hint_bytes = 0
        self._offered = asyncio.Event()
        self._flying: set[str] = set()
        """What is being published, or confirmed and not noted yet."""
        self._confirmed: set[str] = set()
        self._to_mark = asyncio.Event()
        self._swept: Place | None = None
        """Where the last sweep stopped behind what was returned to it; none where it came to the end."""
        self.confirmed = self.failed = 0
        """Messages that the broker confirmed to this process, and tries that it did not."""

    def offer(self, rows: Iterable[OutboxRow]) -> None:
        """Take note of rows just committed; never blocks and never fails."""
        for row in rows:
            if len(self._hints) < _HINTS and self._hint_bytes + len(row.body) <= _HINT_BYTES:
                self._hints[row.id] = row
                self._hint_bytes += len(row.body)
        self._offered.set()

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_hints())
            tasks.create_task(self._mark_at_intervals())
            tasks.create_task(self._every(_BEAT_S, self._sweep))

    async def drain(self, seconds: float) -> None:
        """Send what was offered, for at most so long; what is left is sent by another process later."""
        try:
            async with asyncio.timeout(seconds):
                while rows := self._take():
                    await self._send(rows)
                await self._mark()
        except TimeoutError:
            log.warning("relay_drain_incomplete", left=len(self._hints))

    async def _send_hints(self) -> None:
        while True:
            await self._offered.wait()
            self._offered.clear()
            while rows := self._take():
                await self._send(rows)

    def _take(self) -> list[OutboxRow]:
        return [row for row_id in list(self._hints)[:_IN_FLIGHT] if (row := self._forget(row_id))]

    def _forget(self, row_id: str) -> OutboxRow | None:
        row = self._hints.pop(row_id, None)
        if row is not None:
            self._hint_bytes -= len(row.body)
        return row

    async def _sweep(self) -> None:
        """Tell that this process lives, take over from those that do not, and send what has waited too long."""
        await self._outbox.beat(self._owner)
        for silent, adopted in (await self._outbox.adopt(self._owner)).items():
            log.warning("outbox_adopted", owner=silent, count=adopted)
        returned = 0
        while returned < _RETURNED:
            rows = await self._outbox.unsent(self._owner, _IN_FLIGHT, after=self._swept)
            if not rows:
                self._swept = None
                return
            for row in rows:
                self._forget(row.id)
            fates = await self._send(rows)
            returned += fates[_Fate.RETURNED]
            if not fates[_Fate.RETURNED] and not fates[_Fate.CONFIRMED]:
                return  # the broker is away, or these are in flight already: at the next beat
            if fates[_Fate.CONFIRMED] and not await self._mark():
                return
            if fates[_Fate.RETURNED]:  # what no queue takes holds up nobody behind it
                self._swept = Place(rows[-1].created, rows[-1].id)
            await self._outbox.beat(self._owner)

    async def _send(self, rows: Sequence[OutboxRow]) -> Counter[_Fate]:
        """Publish together and return what became of them.

        A row is never in flight twice at once, which aio-pika does not survive.
        """
        fresh = {row.id: row for row in rows if row.id not in self._flying}
        self._flying.update(fresh)
        sent: set[str] = set()
        fates: Counter[_Fate] = Counter()
        try:
            results = await asyncio.gather(*(self._publish(row) for row in fresh.values()))
            fates.update(results)
            sent = {row_id for row_id, fate in zip(fresh, results, strict=True) if fate is _Fate.CONFIRMED}
        except asyncio.CancelledError:
            self.offer(fresh.values())  # for `drain`
            raise
        finally:
            self._flying.difference_update(fresh.keys() - sent)
        self.confirmed += len(sent)
        self.failed += len(fresh) - len(sent)
        self._confirmed |= sent
        self._to_mark.set()
        return fates

    async def _mark_at_intervals(self) -> None:
        while True:
            await self._to_mark.wait()
            await asyncio.sleep(_MARK_EVERY_S)
            await self._mark()

    async def _mark(self) -> bool:
        """Note the confirmations in one write; tell whether that worked, the sweep sends again what was not marked."""
        self._to_mark.clear()
        ids, self._confirmed = self._confirmed, set()
        try:
            if ids:
                await self._outbox.mark_sent(ids)
        except asyncio.CancelledError:
            self._confirmed |= ids  # for `drain`
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the rows stay unsent
            log.warning("outbox_marking_failed", error=type(error).__name__)
            return False
        finally:
            self._flying -= ids - self._confirmed
        return True

    async def _publish(self, row: OutboxRow) -> _Fate:
        try:
            with losses():
                await self._publisher.publish(row)
        except Exception as error:  # noqa: BLE001 - whatever it is, the row stays unsent
            log.warning("publish_failed", error=type(error).__name__, exchange=row.exchange, key=row.key)
            return _Fate.RETURNED if isinstance(error, ReturnedError) else _Fate.UNKNOWN
        return _Fate.CONFIRMED

    async def _every(self, seconds: float, act: "Act") -> None:
        while True:
            try:
                await act()
            except Exception as error:
                if classify(error) is not Failure.INFRASTRUCTURE:
                    raise
                log.warning("outbox_sweep_failed", error=type(error).__name__)
            await asyncio.sleep(seconds)


class Act(Protocol):
    """Something done at intervals."""

    async def __call__(self) -> None:
        """Do it once."""
