"""Records' stores in memory, the same answers as the real ones, and events for its handlers."""

from base64 import b64encode
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from uuid import uuid4

from services.records.domain.account import Account, AccountState
from services.records.domain.lines import Line
from shared.contracts.ingest import (
    BeneficiaryAcceptedV1,
    BeneficiaryAcceptedV1Data,
    ReimbursementReceivedV1,
    ReimbursementReceivedV1Data,
)
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

    def save(self, accounts: Sequence[Account], unit: Unit, *, read: Mapping[str, Account]) -> None:
        """Write accounts when the unit commits, if each is as it was read."""
        if accounts:
            unit.apply(partial(self._write, accounts, dict(read)))

    async def count_by_state(self) -> Mapping[AccountState, int]:
        """Return how many accounts are in each state."""
        return Counter(account.state for account in self.rows.values())

    async def _write(self, accounts: Sequence[Account], read: Mapping[str, Account], _session: Any) -> None:
        if any(self.rows.get(account.record) != read.get(account.record) for account in accounts):
            raise RacedError
        self.rows |= {account.record: account for account in accounts}


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
) -> BeneficiaryAcceptedV1:
    """Return a registration that ingest accepted."""
    data = BeneficiaryAcceptedV1Data(
        version=version,
        insurer=insurer,
        regime="RG",
        department="44",
        dmp_created_on=dmp_created_on,
        ins_key_valid=True,
        sealed=sealed or boxed(f"identity of {record} at version {version} of {insurer}"),
    )
    return BeneficiaryAcceptedV1.new(source="/ingest", time=NOON, subject=record, data=data)


def received(
    record: str, *, line: str | None = None, month: str = "2026-10", reverses: str | None = None
) -> ReimbursementReceivedV1:
    """Return a reimbursement line that ingest let through."""
    data = ReimbursementReceivedV1Data(
        line_id=line or uuid4().hex, month=month, insurer="cpam-44", reverses=reverses, sealed=boxed()
    )
    return ReimbursementReceivedV1.new(source="/ingest", time=NOON, subject=record, data=data)
