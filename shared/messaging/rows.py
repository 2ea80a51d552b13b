"""What became of an event, as the row that the inbox keeps of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, NamedTuple, Protocol

from shared.clock import Clock
from shared.errors import RefusedError
from shared.messaging.delivery import Incoming, Refusal
from shared.messaging.starts import KILLER
from shared.messaging.store import Row
from shared.messaging.unit import Outcome, State, Unit

DELAYS: Final = (timedelta(seconds=1), timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=10))
"""How long an event waits before each further attempt; after the last it is parked (rule 2)."""

KEPT: Final = (State.WAITING, State.PARKED, State.QUARANTINED)
"""States in which an event keeps its body."""


class RowBody(NamedTuple):
    """What a row keeps of its event, and the row it belongs to."""

    key: str
    body: bytes


class RowSealer(Protocol):
    """Seals what a row keeps of an event; a body opens only in its own row."""

    async def seal(self, rows: Sequence[RowBody]) -> Sequence[bytes]:
        """Return the sealed bodies, in order."""

    async def unseal(self, rows: Sequence[RowBody]) -> Sequence[bytes | RefusedError]:
        """Return the bodies, in order; ``erased`` or ``seal-broken`` in the place of one that does not open."""


class AlreadySealed:
    """For what came by `events`: the personal part of it is a sealed box as it is."""

    async def seal(self, rows: Sequence[RowBody]) -> Sequence[bytes]:
        """Return the bodies as they are."""
        return [row.body for row in rows]

    async def unseal(self, rows: Sequence[RowBody]) -> Sequence[bytes | RefusedError]:
        """Return the bodies as they are."""
        return [row.body for row in rows]


@dataclass(frozen=True, slots=True)
class RowMaker:
    """Makes the inbox rows of one flow."""

    queue: str
    sealer: RowSealer
    clock: Clock
    delays: Sequence[timedelta] = DELAYS

    def outcome(self, item: Incoming, unit: Unit, unreadable: Callable[[str], State]) -> Outcome:
        """Return what the handler said of an event, or what its refusal means: ``unreadable`` says it of a code.

        Waiting turns into its last state when the delays are used up.
        """
        if item.refusal is not None:
            error = item.refusal.error
            return Outcome(unreadable(error.code), error.code, error.field)
        return self._in_time(item, unit.outcome_of(item.event))

    async def make(self, items: Sequence[Incoming], outcomes: Sequence[Outcome]) -> list[Row]:
        """Return a row per event; the bodies of those that may still be processed are sealed in one call."""
        kept = [place for place, outcome in enumerate(outcomes) if outcome.state in KEPT]
        sealed = await self.sealer.seal([RowBody(items[place].key, items[place].raw) for place in kept]) if kept else []
        bodies = dict(zip(kept, sealed, strict=True))
        pairs = zip(items, outcomes, strict=True)
        return [self._row(item, outcome, bodies.get(place)) for place, (item, outcome) in enumerate(pairs)]

    def moved(self, item: Incoming) -> Row:
        """Return the end of a row whose event has one under its own key from now on."""
        assert item.former is not None  # noqa: S101 - only such events move
        return Row(item.former, item.digest, State.DONE, self.queue, item.wire_type, expected=item.attempts)

    async def culprit(self, item: Incoming, fingerprint: str) -> Row:
        """Return the row of an event that failed alone: it waits for another attempt, or is parked."""
        item = item if item.former is None else replace(item, key=item.former, former=None)
        outcome = self._in_time(item, Outcome(State.WAITING, "failed"))
        body = (await self.sealer.seal([RowBody(item.key, item.raw)]))[0]
        return replace(self._row(item, outcome, body), fingerprint=fingerprint)

    async def killer(self, item: Incoming, body: bytes | None = None) -> Row:
        """Return the row of an event that ends every process that takes it up; ``body``: what its row holds of it."""
        if body is None:
            body = (await self.sealer.seal([RowBody(item.key, item.raw)]))[0]
        return self._row(item, Outcome(State.PARKED, KILLER), body)

    def _in_time(self, item: Incoming, outcome: Outcome) -> Outcome:
        if outcome.state is State.WAITING and (item.attempts or 0) >= len(self.delays):
            return Outcome(outcome.last, outcome.reason, then=outcome.then)
        return outcome

    def _row(self, item: Incoming, outcome: Outcome, body: bytes | None) -> Row:
        attempts = item.attempts or 0
        waits = outcome.state is State.WAITING
        return Row(
            key=item.key,
            digest=item.digest,
            state=outcome.state,
            queue=self.queue,
            wire_type=item.wire_type,
            reason=outcome.reason,
            field=outcome.field,
            attempts=attempts + waits,
            due=self.clock.now() + self.delays[attempts] if waits else None,
            last=outcome.last,
            user=item.user,
            body=body,
            expected=item.attempts if item.former is None else None,
            origin=item.delivery.origin if item.delivery is not None else None,
        )


def as_reuse(item: Incoming) -> Incoming:
    """Return the refusal of an event that came under a used id with other content; it has a row of its own."""
    delivery = item.delivery
    refusal = Refusal(
        error=RefusedError("id-reuse"),
        position=item.position,
        refused_id=item.event.id if item.event is not None else None,
        message_id=delivery.message_id if delivery else None,
        user=item.user,
        wire_type=item.wire_type,
    )
    return replace(item, key=f"{item.key}#{item.digest.hex()}", event=None, refusal=refusal)
