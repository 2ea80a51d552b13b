"""Settled lines: checked, matched with a record, sealed and passed on.

Nothing here knows the state of a record: whether a person has one, opened it or opposed it never stops or delays
what an insurer publishes (F78).
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.ingest.domain.claims import check_line, line_id
from services.ingest.domain.days import latest_day
from services.ingest.domain.insurers import Insurers
from services.ingest.handlers.persons import Indexing
from services.ingest.handlers.refusals import SOURCE, Desk
from shared.clock import Clock
from shared.contracts.ingest import ReimbursementReceivedV1, ReimbursementReceivedV1Data
from shared.contracts.insurers import ReimbursementSettledV1
from shared.errors import RefusedError
from shared.messaging.unit import Unit
from shared.sealing import Key, KeyClass, Vault, aad, seal

LINE_SCHEMA: Final = "reimbursement.v1"
"""What is in the box of a received line."""

_LEFT_OUT: Final = {"ins", "holder_nir", "minor_secret"}
"""The box is found by its record and opened for its reader: the numbers, a parent's among them, are not for them."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A line that broke no rule."""

    event: ReimbursementSettledV1
    index: str


async def accept_reimbursements(
    events: Sequence[ReimbursementSettledV1],
    unit: Unit,
    *,
    vault: Vault,
    insurers: Insurers,
    index_key: bytes,
    clock: Clock,
    production: bool,
) -> None:
    """Accept settled lines; refuse what breaks a rule, and let a line wait whose person is not registered yet (F45)."""
    desk = Desk(unit, insurers, clock.now())
    latest = latest_day(desk.now)
    people = Indexing(index_key, production)
    judged = [_judge(event, desk, people, latest=latest) for event in events]
    candidates = [candidate for candidate in judged if candidate is not None]
    if not candidates:
        return
    records = await vault.find_subjects({candidate.index for candidate in candidates})
    keys = await vault.ensure_keys([(record, KeyClass.REIMBURSEMENT) for record in set(records.values())])
    for candidate in candidates:
        record = records.get(candidate.index)
        if record is None:
            desk.wait(candidate.event, "ins-unknown")
            continue
        key = keys[record, KeyClass.REIMBURSEMENT]
        unit.emit(_received(candidate.event, record, key, index_key, desk))


def _judge(event: ReimbursementSettledV1, desk: Desk, people: Indexing, *, latest: date) -> _Candidate | None:
    """The secret comes first: a refusal would tell more of a secret line than its absence (F37, R1111-33)."""
    data = event.data
    if data.minor_secret:
        desk.unit.ignore(event, "minor-secret")
        return None
    try:
        check_line(event.id, data, desk.insurer(event), latest=latest, production=people.production)
        return _Candidate(event, people.index_of(data.ins))
    except RefusedError as error:
        desk.refuse(event, error)
        return None


def _received(
    event: ReimbursementSettledV1, record: str, key: Key, index_key: bytes, desk: Desk
) -> ReimbursementReceivedV1:
    data = event.data
    line = line_id(index_key, event.source, event.id)
    content = data.__pydantic_serializer__.to_json(data, exclude=_LEFT_OUT, exclude_none=True)
    box = seal(key, content, aad(record, line, LINE_SCHEMA))
    return ReimbursementReceivedV1.new(
        source=SOURCE,
        time=desk.now,
        subject=record,
        cause=event,
        data=ReimbursementReceivedV1Data(
            line_id=line,
            month=data.care_start.isoformat()[:7],
            insurer=desk.insurer(event).code,
            reverses=None if data.reverses is None else line_id(index_key, event.source, data.reverses),
            sealed=b64encode(box).decode(),
        ),
    )
