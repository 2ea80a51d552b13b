"""One batch to its end: seen before, handled, committed; and where it fails, the culprit found (rules 1 to 5)."""

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Generic

import structlog

from shared.messaging.delivery import Incoming
from shared.messaging.failures import Failure, classify, fingerprint
from shared.messaging.outbox import outbox_rows
from shared.messaging.relay import Relay
from shared.messaging.rows import KEPT, RowMaker, as_reuse
from shared.messaging.store import Commit, Inbox, Row, Seen
from shared.messaging.subscription import E, Subscription
from shared.messaging.unit import Outcome, State, Unit

_CONFLICTS: Final = 3
"""Conflicts after which a batch is halved (rule 9)."""

_CONFLICTS_ALONE: Final = 20
"""Conflicts after which a lone event is at fault itself: nobody else can still be changing the same row."""

_SYSTEMIC: Final = 10
"""The fewest events with one fingerprint that speak of a common cause rather than of themselves."""

_BACKOFF_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

log = structlog.get_logger()


@dataclass(slots=True)
class Failed:
    """An event that fails alone, and how."""

    item: Incoming
    error: Exception
    fingerprint: str


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
    _streak: Counter[str] = field(default_factory=Counter)

    async def settle(self, items: Sequence[Incoming]) -> None:
        """Return once every event has its row; raise only `FencedError`, or when cancelled."""
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
            failed.append(Failed(part[0], error, fingerprint(error)))
            if self._is_systemic(failed, len(items)):
                await self._wait_for_mending(failed[-1])
                parts.append([each.item for each in failed])
                failed.clear()
        self._note_streak(failed, len(items))
        if failed:
            await self._hold(failed)

    async def _persist(self, part: list[Incoming]) -> Exception | None:
        """Commit a part, however long the infrastructure is away; return the error that is the data's own."""
        conflicts = tries = 0
        while True:
            try:
                await self._commit(part, first=tries == 0)
            except Exception as error:
                kind = classify(error)
                if kind is Failure.FENCED:
                    raise
                if kind is Failure.DATA:
                    return error
                tries += 1
                conflicts += kind is Failure.CONFLICT
                if conflicts >= (_CONFLICTS if len(part) > 1 else _CONFLICTS_ALONE):
                    return error
                await self._back_off(kind, tries, error)
            else:
                return None

    async def _commit(self, part: list[Incoming], *, first: bool) -> None:
        tally: Counter[str] = Counter()
        fresh = await self._unseen(part, tally)
        if not first:
            tally.clear()  # what this batch itself committed in a try of unknown fate is no duplicate
        unit = Unit()
        refusals = [item.refusal for item in fresh if item.refusal is not None]
        if refusals and self.subscription.refuse is not None:
            self.subscription.refuse(refusals, unit)
        events = [item.event for item in fresh if item.event is not None]
        if events:
            await self.subscription.handler(events, unit)
        parks = self.subscription.refuse is None
        outcomes = [self.rows.outcome(item, unit, parks=parks) for item in fresh]
        await self._write(fresh, outcomes, unit, tally)

    async def _write(
        self, items: Sequence[Incoming], outcomes: Sequence[Outcome], unit: Unit, tally: Counter[str]
    ) -> None:
        rows = await self.rows.make(items, outcomes)
        outbox = outbox_rows(unit.emitted, self.process)
        for row in rows:
            if row.state not in KEPT:
                tally[row.state if row.reason is None else f"{row.state}.{row.reason}"] += 1
        for emitted in unit.emitted:
            tally[f"emitted.{emitted.exchange}.{emitted.event.type}"] += 1
        if rows:
            queue = self.subscription.flow.queue
            await self.inbox.commit(Commit(rows, unit.effects, outbox, tally, queue))
            self.relay.offer(outbox)
        elif tally:
            await self.inbox.count(self.subscription.flow.queue, tally)

    async def _unseen(self, part: Sequence[Incoming], tally: Counter[str]) -> list[Incoming]:
        """Return what is still to be done; a known key with another digest comes back as a refusal."""
        known = dict(await self.inbox.seen([item.key for item in part])) if part else {}
        fresh: list[Incoming] = []
        reused: list[Incoming] = []
        for item in part:
            seen = known.get(item.key)
            if item.attempts is not None:
                if seen is not None and seen.state is State.WAITING and seen.attempts == item.attempts:
                    fresh.append(item)
            elif seen is None:
                known[item.key] = Seen(item.digest, State.DONE, 0)
                fresh.append(item)
            elif seen.digest == item.digest:
                tally["redelivered" if item.delivery and item.delivery.redelivered else "duplicate"] += 1
            else:
                reused.append(as_reuse(item))
        return fresh + (await self._unseen(reused, tally) if reused else [])

    async def _hold(self, failed: Sequence[Failed]) -> None:
        """Give culprits their rows: waiting for another attempt, or parked after the last."""
        for each in failed:
            log.warning("event_failed", queue=self.subscription.flow.queue, fingerprint=each.fingerprint)
            row = await self.rows.culprit(each.item, each.fingerprint)
            while (error := await self._commit_row(row)) is not None:
                await self._back_off(classify(error), 1, error)

    async def _commit_row(self, row: Row) -> Exception | None:
        try:
            await self.inbox.commit(Commit([row], queue=row.queue))
        except Exception as error:
            if classify(error) is Failure.DATA:
                raise
            known = await self.inbox.seen([row.key]) if classify(error) is Failure.CONFLICT else {}
            return None if row.key in known else error
        return None

    def _is_systemic(self, failed: Sequence[Failed], size: int) -> bool:
        """Half a batch with one fingerprint, or three batches running, is no event's own fault (rule 5)."""
        mark = failed[-1].fingerprint
        alike = sum(each.fingerprint == mark for each in failed)
        return alike >= max(_SYSTEMIC, math.ceil(size / 2)) or (self._streak[mark] >= 2 and alike * 2 >= size)

    def _note_streak(self, failed: Sequence[Failed], size: int) -> None:
        marks = Counter(each.fingerprint for each in failed)
        heavy = {mark for mark, count in marks.items() if count * 2 >= size}
        self._streak = Counter({mark: self._streak[mark] + 1 for mark in heavy})

    async def _wait_for_mending(self, failed: Failed) -> None:
        """Hold the flow, park nothing, and try one event now and then until it no longer fails this way."""
        self.paused = failed.fingerprint
        log.error("flow_paused", queue=self.subscription.flow.queue, fingerprint=failed.fingerprint)
        tries = 0
        while True:
            tries += 1
            await asyncio.sleep(_BACKOFF_S[min(tries, len(_BACKOFF_S)) - 1])
            error = await self._persist([failed.item])
            if error is None or fingerprint(error) != failed.fingerprint:
                break
        self.paused = None
        log.info("flow_resumed", queue=self.subscription.flow.queue)

    async def _back_off(self, kind: Failure, tries: int, error: Exception) -> None:
        seconds = _BACKOFF_S[min(tries, len(_BACKOFF_S)) - 1] if kind is Failure.INFRASTRUCTURE else 0.005 * tries
        log.info("batch_again", queue=self.subscription.flow.queue, kind=kind.name, error=type(error).__name__)
        await asyncio.sleep(seconds)
