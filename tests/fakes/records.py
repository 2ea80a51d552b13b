"""Records' stores in memory, the same answers as the real ones, and events for its handlers."""

from base64 import b64encode
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from uuid import uuid4

from services.records.domain.account import FEEDABLE, Account, AccountState
from services.records.domain.campaign import Territory
from services.records.domain.lines import Line
from services.records.domain.notice import Notice, NoticeState, is_due
from services.records.domain.opposition import Opposition
from services.records.domain.tries import Tries
from shared.contracts.ingest import (
    BeneficiaryAcceptedV1,
    BeneficiaryAcceptedV1Data,
    ReimbursementReceivedV1,
    ReimbursementReceivedV1Data,
)
from shared.contracts.insurers import Regime
from shared.messaging.failures import RacedError
from shared.messaging.unit import Unit

NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)


@dataclass
class StoppedClock:
    """A clock that shows what it was set to."""

    instant: datetime = NOON

    def now(self) -> datetime:
        """Return the instant it was set to."""
        return self.instant


class InMemoryAccounts:
    """`AccountStore` without a database."""

    def __init__(self) -> None:
        self.rows: dict[str, Account] = {}

    async def find(self, records: Collection[str]) -> Mapping[str, Account]:
        """Return the accounts that exist."""
        return {record: self.rows[record] for record in records if record in self.rows}

    async def states(self, records: Collection[str]) -> Mapping[str, AccountState]:
        """Return the states of the accounts that exist."""
        return {record: self.rows[record].state for record in records if record in self.rows}

    async def unreached(self, territory: Territory, limit: int) -> Sequence[str]:
        """Return records of a territory that the campaign has not reached."""
        found = [
            account.record
            for account in self.rows.values()
            if account.state is AccountState.NOT_ELIGIBLE
            and territory.holds(account.registration.department, account.registration.regime)
        ]
        return found[:limit]

    def save(self, accounts: Sequence[Account], unit: Unit, *, read: Mapping[str, Account]) -> None:
        """Write accounts when the unit commits, if each is as it was read."""
        if accounts:
            unit.apply(partial(self._write, accounts, dict(read)))

    def hold(self, records: Collection[str], unit: Unit) -> None:
        """Write accounts' rows when the unit commits, if they are open."""
        if records:
            unit.apply(partial(self._hold, records))

    async def count_by_state(self) -> Mapping[AccountState, int]:
        """Return how many accounts are in each state."""
        return Counter(account.state for account in self.rows.values())

    async def _write(self, accounts: Sequence[Account], read: Mapping[str, Account], _session: Any) -> None:
        if any(self.rows.get(account.record) != read.get(account.record) for account in accounts):
            raise RacedError
        self.rows |= {account.record: account for account in accounts}

    async def _hold(self, records: Collection[str], _session: Any) -> None:
        if any(record not in self.rows or self.rows[record].state not in FEEDABLE for record in records):
            raise RacedError


class InMemoryLines:
    """`LineStore` without a database."""

    def __init__(self) -> None:
        self.rows: dict[str, Line] = {}

    async def known(self, ids: Collection[str]) -> set[str]:
        """Return the ids that are stored."""
        return set(ids) & self.rows.keys()

    def add(self, lines: Sequence[Line], unit: Unit) -> None:
        """Insert lines when the unit commits."""
        if lines:
            unit.apply(partial(self._insert, lines))

    async def of_record(self, record: str, *, since: str) -> Sequence[Line]:
        """Return a record's lines from a month on."""
        mine = [line for line in self.rows.values() if line.record == record and line.month >= since]
        return sorted(mine, key=lambda line: (line.month, line.id))

    async def count(self) -> int:
        """Return how many lines are stored."""
        return len(self.rows)

    async def _insert(self, lines: Sequence[Line], _session: Any) -> None:
        if any(line.id in self.rows for line in lines):
            raise RacedError
        self.rows |= {line.id: line for line in lines}


class InMemoryNotices:
    """`NoticeStore` without a database."""

    def __init__(self) -> None:
        self.rows: dict[str, Notice] = {}

    async def find(self, ids: Collection[str]) -> Mapping[str, Notice]:
        """Return the notices that exist."""
        return {name: self.rows[name] for name in ids if name in self.rows}

    async def of_records(self, records: Collection[str]) -> Sequence[Notice]:
        """Return all notices of these people."""
        mine = [notice for notice in self.rows.values() if notice.record in records]
        return sorted(mine, key=lambda notice: (notice.requested_at, notice.id))

    async def due(self, today: date, now: datetime, limit: int) -> Sequence[str]:
        """Return ids of notices whose delay is over."""
        tried = [notice for notice in self.rows.values() if notice.failing is None or notice.failing.retry_at <= now]
        due = [notice for notice in tried if is_due(notice, today)]
        return [notice.id for notice in sorted(due, key=lambda notice: notice.deadline or today)][:limit]

    def save(self, notices: Sequence[Notice], unit: Unit, *, read: Mapping[str, Notice]) -> None:
        """Write notices when the unit commits, if each is as it was read."""
        if notices:
            unit.apply(partial(self._write, notices, dict(read)))

    async def count_by_state(self) -> Mapping[NoticeState, int]:
        """Return how many notices are in each state."""
        return Counter(notice.state for notice in self.rows.values())

    async def count_returned(self) -> Mapping[str, int]:
        """Return how many notices stand returned, by motive."""
        returned = [notice for notice in self.rows.values() if notice.state is NoticeState.RETURNED]
        return Counter(notice.returned.motive for notice in returned if notice.returned)

    async def count_failing(self) -> int:
        """Return how many openings have failed."""
        return sum(each.failing is not None and each.state is NoticeState.RUNNING for each in self.rows.values())

    async def count_running(self) -> Mapping[date, int]:
        """Return how many delays end on which day."""
        running = [notice for notice in self.rows.values() if notice.state is NoticeState.RUNNING]
        return Counter(notice.deadline for notice in running if notice.deadline)

    async def _write(self, notices: Sequence[Notice], read: Mapping[str, Notice], _session: Any) -> None:
        if any(self.rows.get(notice.id) != read.get(notice.id) for notice in notices):
            raise RacedError
        self.rows |= {notice.id: notice for notice in notices}


class InMemoryOppositions:
    """`OppositionStore` without a database."""

    def __init__(self) -> None:
        self.rows: dict[str, Opposition] = {}

    async def find(self, opposition: str) -> Opposition | None:
        """Return an attestation."""
        return self.rows.get(opposition)

    async def latest(self, record: str) -> Opposition | None:
        """Return a person's last opposition."""
        mine = [each for each in self.rows.values() if each.record == record]
        return max(mine, key=lambda each: each.version, default=None)

    def add(self, opposition: Opposition, unit: Unit) -> None:
        """Insert an attestation when the unit commits."""
        unit.apply(partial(self._insert, opposition))

    async def _insert(self, opposition: Opposition, _session: Any) -> None:
        self.rows[opposition.id] = opposition


class InMemoryTries:
    """`TryStore` without a database."""

    def __init__(self) -> None:
        self.rows: dict[str, Tries] = {}

    async def find(self, index: str) -> Tries:
        """Return the tries of a blind index."""
        return self.rows.get(index, Tries(index))

    def save(self, tries: Tries, unit: Unit, *, read: Tries) -> None:
        """Write tries when the unit commits, if they are as they were read."""
        unit.apply(partial(self._write, tries, read))

    async def _write(self, tries: Tries, read: Tries, _session: Any) -> None:
        if self.rows.get(tries.index, Tries(tries.index)) != read:
            raise RacedError
        self.rows[tries.index] = tries


def boxed(text: str = "a sealed box that nobody here opens, long enough") -> str:
    """Return what travels in a ``sealed`` field."""
    return b64encode(text.encode()).decode()


def accepted(
    record: str,
    *,
    version: int = 1,
    dmp_created_on: date | None = None,
    insurer: str = "cpam-44",
    sealed: str | None = None,
    regime: Regime = "RG",
    department: str = "44",
    origin: str | None = None,
) -> BeneficiaryAcceptedV1:
    """Return a registration that ingest accepted."""
    data = BeneficiaryAcceptedV1Data(
        version=version,
        insurer=insurer,
        regime=regime,
        department=department,
        dmp_created_on=dmp_created_on,
        ins_key_valid=True,
        sealed=sealed or boxed(f"identity of {record} at version {version} of {insurer}"),
    )
    event = BeneficiaryAcceptedV1.new(source="/ingest", time=NOON, subject=record, data=data)
    return event.model_copy(update={"causationid": origin})


def received(
    record: str, *, line: str | None = None, month: str = "2026-10", reverses: str | None = None
) -> ReimbursementReceivedV1:
    """Return a reimbursement line that ingest let through."""
    data = ReimbursementReceivedV1Data(
        line_id=line or uuid4().hex, month=month, insurer="cpam-44", reverses=reverses, sealed=boxed()
    )
    return ReimbursementReceivedV1.new(source="/ingest", time=NOON, subject=record, data=data)
