"""Refusals and quarantines: the row's outcome, and the word to the log and to the sender."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from services.ingest.domain.insurers import Insurer, Insurers
from shared.clock import Clock
from shared.contracts.event import Event
from shared.contracts.ingest import BeneficiaryRefusedV1, MessageRefusedV1, RefusedData, ReimbursementRefusedV1
from shared.contracts.insurers import BeneficiaryRegisteredV1, ReimbursementSettledV1
from shared.errors import RefusedError
from shared.messaging.delivery import Refusal
from shared.messaging.reading import is_presentable
from shared.messaging.unit import State, Unit

SOURCE: Final = "/ingest"

Refused: TypeAlias = type[BeneficiaryRefusedV1] | type[ReimbursementRefusedV1] | type[MessageRefusedV1]

_ANSWERS: Final[Mapping[str, Refused]] = {
    BeneficiaryRegisteredV1.TYPE: BeneficiaryRefusedV1,
    ReimbursementSettledV1.TYPE: ReimbursementRefusedV1,
}


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the events of one batch are turned away, at one instant."""

    unit: Unit
    insurers: Insurers
    now: datetime

    def insurer(self, event: Event) -> Insurer:
        """Return who published an event; its admission verified the source."""
        return self.insurers.by_source[event.source]

    def refuse(self, event: Event, error: RefusedError) -> None:
        """End an event that broke a rule: nothing of it is kept."""
        self.unit.refuse(event, error.code, error.field)
        self._announce(event, error.code, error.field, self.unit)

    def quarantine(self, event: Event, reason: str) -> None:
        """Set an event aside, sealed, for a person to decide."""
        self.unit.quarantine(event, reason)
        self._announce(event, reason, None, self.unit)

    def wait(self, event: Event, reason: str) -> None:
        """Try an event again later; when that has not helped it is quarantined, and the sender told."""
        farewell = Unit()
        self._announce(event, reason, None, farewell)
        self.unit.wait(event, reason, last=State.QUARANTINED, then=farewell.emitted)

    def _announce(self, event: Event, reason: str, field: str | None, unit: Unit) -> None:
        insurer = self.insurer(event).code
        data = RefusedData(reason=reason, field=field, insurer=insurer, refused_id=event.id)
        answer = _ANSWERS[event.type].new(source=SOURCE, time=self.now, data=data, cause=event)
        _publish(answer, insurer, unit)


def refuse_unreadable(refusals: Sequence[Refusal], unit: Unit, *, insurers: Insurers, clock: Clock) -> None:
    """Tell the log, and the publisher if the broker knew one, of what never became an event."""
    now = clock.now()
    for refusal in refusals:
        insurer = insurers.by_user.get(refusal.user or "")
        data = RefusedData(
            reason=refusal.error.code,
            field=refusal.error.field,
            insurer=insurer.code if insurer else None,
            refused_id=_presentable(refusal.refused_id),
            message_id=_presentable(refusal.message_id),
            position=refusal.position,
        )
        answer = _ANSWERS.get(refusal.wire_type, MessageRefusedV1).new(source=SOURCE, time=now, data=data)
        _publish(answer, insurer.code if insurer else None, unit)


def _publish(answer: Event, insurer: str | None, unit: Unit) -> None:
    unit.emit(answer)
    if insurer is not None:
        unit.tell(insurer, answer)


def _presentable(text: str | None) -> str | None:
    return text if text is not None and is_presentable(text) else None
