"""One batch to its end: seen before, handled, committed; and where it fails, the culprit found (rules 1 to 5)."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from time import monotonic
from typing import Final, Generic, TypeVar

import structlog

from shared.errors import CarnetError
from shared.messaging.delivery import Incoming
from shared.messaging.failures import Failure, OutageError, classify, fingerprint
from shared.messaging.outbox import outbox_rows
from shared.messaging.relay import Relay
from shared.messaging.rows import KEPT, RowMaker
from shared.messaging.sifting import sift
from shared.messaging.store import Commit, Inbox, Row
from shared.messaging.subscription import E, Subscription
from shared.messaging.systemic import Failed, Streaks
from shared.messaging.topology import EVENTS, LOGGED
from shared.messaging.unit import State, Unit

_CONFLICTS: Final = 3
"""Conflicts after which a batch is halved (rule 9)."""

_CONFLICTS_ALONE: Final = 20
"""Conflicts after which a lone event is at fault itself: nobody else can still be changing the same row."""

OUTAGE_S: Final = 300.0
"""An outage that lasts longer ends the wait: what is held is given back (rule 12)."""

PROBE_EVERY_S: Final = 5.0
"""How often it is then asked for."""

_BACKOFF_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

T = TypeVar("T")

log = structlog.get_logger()


class StrayOutcomeError(CarnetError):
    """A handler decided about an event that is not in its batch: the decision would be lost without a word."""


@dataclass(slots=True)
class Settler(Generic[E]):
    """Brings batches of one flow to their end, one at a time."""

    subscription: Subscription[E]
    inbox: Inbox
    relay: Relay
    rows: RowMaker
    process: str
    paused: str | None = None
    """The fingerprint of a systemic failure, while there is one."""
    _streaks: Streaks = field(default_factory=Streaks)

    async def settle(self, items: Sequence[Incoming]) -> None:
        """Return once every event has its row; raise only `FencedError`, `OutageError`, or when cancelled."""
        failed: list[Failed] = []
        parts = [list(items)]
        while parts:
            part = parts.pop()
            error = await self._persist(part)
            if error is None:
                continue
            if len(part) > 1:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
                continue
            failed.append(Failed(part[0], fingerprint(error)))
            if self._streaks.is_systemic(failed, len(items)):
                parts.append(await self._wait_for_mending(failed))
                failed = []
        self._streaks.note(failed, len(items))
        for each in failed:
            await self._hold(each)

    async def _persist(self, part: list[Incoming]) -> Exception | None:
        """Commit a part, however long the infrastructure is away; return the error that is the data's own."""
        tokens: list[str] = []
        conflicts, began = 0, monotonic()
        while True:
            try:
                if not await self._took_effect(tokens):
                    tokens.append(uuid.uuid4().hex)
                    await self._commit(part, tokens[-1])
            except Exception as error:
                kind = classify(error)
                if kind is Failure.FENCED:
                    raise
                if kind is Failure.DATA:
                    return error
                conflicts += kind is Failure.CONFLICT
                if conflicts >= (_CONFLICTS if len(part) > 1 else _CONFLICTS_ALONE):
                    return error
                await self._back_off(kind, len(tokens), error, began)
            else:
                return None

    async def _took_effect(self, tokens: Collection[str]) -> bool:
        """Tell whether one of the commits that ended in an error took effect all the same."""
        return bool(tokens) and await self.inbox.last(self.subscription.flow.queue) in tokens

    async def _commit(self, part: list[Incoming], token: str) -> None:
        sifted = await sift(part, self.inbox, ours=self.subscription.flow.exchange in (EVENTS, LOGGED))
        unit = Unit()
        await self._handle(sifted.fresh, unit)
        outcomes = [self.rows.outcome(item, unit, self._unreadable) for item in sifted.fresh]
        unit.emitted += [each for outcome in outcomes if outcome.state is not State.WAITING for each in outcome.then]
        rows = await self.rows.make(sifted.fresh, outcomes)
        outbox = outbox_rows(unit.emitted, self.process)
        tally = sifted.tally + Counter(_ends(rows))
        tally.update(f"emitted.{each.exchange}.{each.event.type}" for each in unit.emitted)
        rows += [self.rows.moved(item) for item in sifted.moved]
        if rows or tally:
            queue = self.subscription.flow.queue
            await self.inbox.commit(Commit(rows, unit.effects, outbox, tally, queue, token))
            self.relay.offer(outbox)

    def _unreadable(self, code: str) -> State:
        """Return what an event becomes that was refused before it was one: one of our own is kept for replay."""
        if self.subscription.refuse is None:
            return State.PARKED
        return State.QUARANTINED if code in self.subscription.keeps else State.REFUSED

    async def _handle(self, items: Sequence[Incoming], unit: Unit) -> None:
        """Have everything decided that this batch will do; nothing is changed yet."""
        for item in items:
            if item.error is not None:
                raise item.error
        refusals = [item.refusal for item in items if item.refusal is not None]
        if refusals and self.subscription.refuse is not None:
            self.subscription.refuse(refusals, unit)
        events = [item.event for item in items if item.event is not None]
        if events:
            await self.subscription.handler(events, unit)
        if not unit.outcomes.keys() <= {id(event) for event in events}:
            raise StrayOutcomeError

    async def _hold(self, failed: Failed) -> None:
        """Write down an event that failed alone: it waits for another attempt, or is parked after the last."""
        log.warning("event_failed", queue=self.subscription.flow.queue, fingerprint=failed.fingerprint)
        tokens: list[str] = []
        began = monotonic()
        while True:
            try:
                if not await self._took_effect(tokens):
                    row = await self.rows.culprit(failed.item, failed.fingerprint)
                    tokens.append(uuid.uuid4().hex)
                    await self.inbox.commit(Commit([row], queue=row.queue, token=tokens[-1]))
            except Exception as error:
                kind = classify(error)
                if kind not in (Failure.INFRASTRUCTURE, Failure.CONFLICT):
                    raise
                if kind is Failure.CONFLICT and await self._persist([failed.item]) is None:
                    return  # it was held before, or somebody else did something about it
                await self._back_off(kind, len(tokens), error, began)
            else:
                return

    async def _wait_for_mending(self, failed: Sequence[Failed]) -> list[Incoming]:
        """Hold the flow, park nothing, and try one event now and then until one does not fail this way any more.

        The events take turns: the one at hand may be bad in itself. Return those that are still to be settled.
        """
        mark = failed[-1].fingerprint
        self.paused = mark
        log.error("flow_paused", queue=self.subscription.flow.queue, fingerprint=mark)
        try:
            for tries, probe in enumerate(cycle([each.item for each in failed])):
                await asyncio.sleep(_BACKOFF_S[min(tries, len(_BACKOFF_S) - 1)])
                error = await self._persist([probe])
                if error is None or fingerprint(error) != mark:
                    break
        finally:
            self.paused = None
        self._streaks.forget()
        log.info("flow_resumed", queue=self.subscription.flow.queue)
        return [each.item for each in failed if error is not None or each.item is not probe]

    async def insist(self, act: Callable[[], Awaitable[T]]) -> T:
        """Do something small until the infrastructure lets it; raise `OutageError` where it never does."""
        tries, began = 0, monotonic()
        while True:
            try:
                return await act()
            except Exception as error:
                kind, tries = classify(error), tries + 1
                if kind not in (Failure.INFRASTRUCTURE, Failure.CONFLICT):
                    raise
                await self._back_off(kind, tries, error, began)

    async def _back_off(self, kind: Failure, tries: int, error: Exception, began: float) -> None:
        if kind is Failure.INFRASTRUCTURE and monotonic() - began > OUTAGE_S:
            raise OutageError from error
        seconds = _BACKOFF_S[min(tries, len(_BACKOFF_S)) - 1] if kind is Failure.INFRASTRUCTURE else 0.005 * tries
        log.info("batch_again", queue=self.subscription.flow.queue, kind=kind.name, error=type(error).__name__)
        await asyncio.sleep(seconds)


def _ends(rows: Iterable[Row]) -> Iterable[str]:
    """Return what the books count: ends. What is held is counted as it stands."""
    for row in rows:
        if row.state not in KEPT:
            yield row.state if row.reason is None else f"{row.state}.{row.reason}"
