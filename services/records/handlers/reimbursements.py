"""A reimbursement line that ingest let through: it enters a record that is open."""

from base64 import b64decode
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from services.records.domain.account import AccountState, why_unfed
from services.records.domain.lines import Line, first_kept_month
from services.records.handlers.telling import SOURCE
from services.records.ports import AccountStore, LineStore
from shared.clock import Clock, paris_date
from shared.contracts.ingest import ReimbursementReceivedV1
from shared.contracts.records import RecordUpdatedV1, RecordUpdatedV1Data
from shared.messaging.unit import Unit


async def store_reimbursements(
    events: Sequence[ReimbursementReceivedV1], unit: Unit, *, accounts: AccountStore, lines: LineStore, clock: Clock
) -> None:
    """Add lines of the last 24 months to open records, and say of every other line why it is not there (F45)."""
    now = clock.now()
    states = await accounts.states({event.subject for event in events})
    known = await lines.known({event.data.line_id for event in events})
    first_month = first_kept_month(paris_date(now))
    fresh: dict[str, ReimbursementReceivedV1] = {}
    for event in events:
        if event.subject not in states:
            unit.wait(event, "account-unknown")
        elif reason := _why_not_stored(event, states, first_month):
            unit.ignore(event, reason)
        elif event.data.line_id in known or event.data.line_id in fresh:
            unit.ignore(event, "line-known")
        else:
            fresh[event.data.line_id] = event
    lines.add([_line(event) for event in fresh.values()], unit)
    _tell_of_growth(list(fresh.values()), unit, now)


def _tell_of_growth(stored: Sequence[ReimbursementReceivedV1], unit: Unit, now: datetime) -> None:
    """Emit one `RecordUpdatedV1` per record, whatever number of lines the commit adds to it."""
    by_record = defaultdict(list)
    for event in stored:
        by_record[event.subject].append(event)
    for grown in by_record.values():
        reversals = sum(event.data.reverses is not None for event in grown)
        data = RecordUpdatedV1Data(
            lines=len(grown) - reversals,
            reversals=reversals,
            months=sorted({event.data.month for event in grown}),
        )
        unit.emit(RecordUpdatedV1.new(source=SOURCE, time=now, data=data, cause=grown[0]))


def _why_not_stored(event: ReimbursementReceivedV1, states: Mapping[str, AccountState], first_month: str) -> str | None:
    if reason := why_unfed(states[event.subject]):
        return reason
    return "older-than-24-months" if event.data.month < first_month else None


def _line(event: ReimbursementReceivedV1) -> Line:
    return Line(
        id=event.data.line_id,
        record=event.subject,
        month=event.data.month,
        insurer=event.data.insurer,
        reverses=event.data.reverses,
        event=event.id,
        box=b64decode(event.data.sealed, validate=True),
    )
