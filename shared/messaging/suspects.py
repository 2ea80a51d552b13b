"""A message that came again may be what ended a process: it is taken alone, and never a third time (rule 6).

A message that the broker hands over again is first taken whole, with nothing else: after a broker's restart a hundred
innocent ones come again, and each costs one commit more. Where that has no end either, its body and then each of its
events are steps of their own, counted before they begin. A step that was begun twice and never ended is not begun
again: its event is parked unexecuted, and its neighbours are applied.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Generic

import structlog

from shared.messaging.cloudevents import SINGLE
from shared.messaging.delivery import Delivery, Incoming
from shared.messaging.failures import Failure, FencedError, OutageError, classify
from shared.messaging.reading import read, unread, unread_again
from shared.messaging.settling import Settler
from shared.messaging.starts import DECODE, LIMIT, WHOLE, Starts
from shared.messaging.store import Commit, Held, Row
from shared.messaging.subscription import E
from shared.messaging.unit import State

_TURN_S: Final = 5.0
"""How long a suspect waits for another flow's; a flow that is paused must not hold up the others for longer."""

log = structlog.get_logger()


@dataclass(slots=True)
class Suspects(Generic[E]):
    """Brings suspects of one flow to their end.

    ``turn`` is the process's: where two suspects are under way and it ends, nobody knows which of them it was.
    """

    settler: Settler[E]
    starts: Starts
    secret: bytes
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def settle(self, delivery: Delivery) -> None:
        """Return once every event of a message has its row."""
        whole = unread(self.settler.subscription, delivery, self.secret)
        try:
            async with self.alone():
                await self._settle(delivery, whole)
        except (FencedError, OutageError):  # whoever lives to say so has not died of it
            with suppress(Exception):
                await self.starts.end(self._name(whole))
            raise

    async def settle_row(self, held: Held, body: bytes) -> bool:
        """Take up a parked message whose body was not read; its row ends when each of its events has one.

        Return whether it did: otherwise the message is parked again.
        """
        delivery = unread_again(held, body)
        whole = unread(self.settler.subscription, delivery, self.secret)
        whole.key, whole.digest, whole.attempts = held.key, held.digest, held.attempts
        if not await self._settle(delivery, whole, held):
            return False
        queue = self.settler.rows.queue
        await self._commit(Row(held.key, held.digest, State.DONE, queue, held.wire_type, expected=held.attempts))
        return True

    async def park(self, item: Incoming, body: bytes | None = None) -> None:
        """Set an event aside unexecuted; ``body`` is what its row already holds of it, sealed."""
        log.error("process_killer_parked", queue=self.settler.rows.queue, type=item.wire_type)
        row = await self.settler.insist(partial(self.settler.rows.killer, item, body))
        await self._commit(row)
        await self.settler.insist(partial(self.starts.set_apart, item.key))

    async def _settle(self, delivery: Delivery, whole: Incoming, held: Held | None = None) -> bool:
        """Take a message one step further than last time; return whether its body was read."""
        message = self._name(whole)
        begun = await self._begin(message, WHOLE)
        if begun[WHOLE] == 1:
            readable = True
            await self._settle_together(read(self.settler.subscription, delivery, self.secret))
        else:
            readable = await self._settle_by_steps(message, delivery, whole, begun, held)
        await self.settler.insist(partial(self.starts.end, message))
        return readable

    def _name(self, whole: Incoming) -> str:
        """Return by what the beginnings of a message are counted."""
        return f"{self.settler.rows.queue}|{whole.digest.hex()}"

    async def _settle_by_steps(
        self, message: str, delivery: Delivery, whole: Incoming, begun: Mapping[str, int], held: Held | None
    ) -> bool:
        log.warning("suspect_message", queue=self.settler.rows.queue, type=whole.wire_type)
        lone = _is_single(delivery)  # taken whole, it was taken alone
        if _ended_in(delivery, begun.get(DECODE, 0) + lone):
            await self.park(whole, held.body if held else None)
            return False
        before = begun
        await self._begin(message, DECODE)
        items = read(self.settler.subscription, delivery, self.secret)
        last = DECODE
        for item in await self._fresh(items):
            step = str(item.position)
            if _ended_in(delivery, before.get(step, 0) + lone):
                await self.park(item)
                continue
            await self._begin(message, step, last)
            await self.settler.settle([item])
            last = step
        return True

    async def _begin(self, message: str, step: str, ended: str | None = None) -> Mapping[str, int]:
        """Count a beginning, once however often it has to be asked."""
        return await self.settler.insist(partial(self.starts.begin, message, step, uuid.uuid4().hex, ended))

    async def _fresh(self, items: Sequence[Incoming]) -> list[Incoming]:
        """Settle together what has a row already, which no handler will see; return the rest."""
        known = await self.settler.insist(partial(self.settler.inbox.seen, [item.key for item in items]))
        if seen := [item for item in items if item.key in known]:
            await self._settle_together(seen)
        return [item for item in items if item.key not in known]

    async def _settle_together(self, items: Sequence[Incoming]) -> None:
        most = self.settler.subscription.flow.batch
        for start in range(0, len(items), most):
            await self.settler.settle(items[start : start + most])

    async def _commit(self, row: Row) -> None:
        """Write one row; where it is there or went on already, somebody did what was to be done."""
        try:
            await self.settler.insist(partial(self._write, row))
        except AlreadyWrittenError:
            log.info("row_known", queue=row.queue)

    async def _write(self, row: Row) -> None:
        try:
            await self.settler.inbox.commit(Commit([row], queue=row.queue))
        except Exception as error:
            if classify(error) is Failure.CONFLICT and await self._went_on(row):
                raise AlreadyWrittenError from None
            raise

    async def _went_on(self, row: Row) -> bool:
        seen = (await self.settler.inbox.seen([row.key])).get(row.key)
        if row.expected is None:
            return seen is not None
        return seen is None or seen.state is not State.WAITING or seen.attempts != row.expected

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Run a block while no other suspect of the process is under way."""
        try:
            async with asyncio.timeout(_TURN_S):
                await self.turn.acquire()
        except TimeoutError:
            yield
            return
        try:
            yield
        finally:
            self.turn.release()


class AlreadyWrittenError(Exception):
    """The row that was to be written is there, or is not as it was any more."""


def _ended_in(delivery: Delivery, beginnings: int) -> bool:
    """Tell whether a step ended its process each time that it was begun.

    Copies of a message share their beginnings, and several processes may have one each in hand: a copy came back once
    for each of its own, and once before the first of them, or somebody alive is at it.
    """
    return beginnings >= LIMIT and (delivery.returns is None or delivery.returns > beginnings)


def _is_single(delivery: Delivery) -> bool:
    return (delivery.content_type or "").partition(";")[0].strip().lower() == SINGLE
