"""What records tells others of an account."""

from datetime import datetime
from typing import Final, Literal

from services.records.domain.account import Account
from services.records.domain.lines import first_kept_month
from shared.clock import paris_date
from shared.contracts.event import Event
from shared.contracts.records import (
    AccountClosedV1,
    AccountClosedV1Data,
    AccountOpenedV1,
    AccountOpenedV1Data,
    HistoryRequestedV1,
    HistoryRequestedV1Data,
)
from shared.messaging.unit import Unit

SOURCE: Final = "/records"


def tell_opened(
    account: Account,
    how: Literal["legacy-dmp", "deadline", "activation", "reopening"],
    unit: Unit,
    now: datetime,
    *,
    cause: Event | None = None,
) -> None:
    """Tell everybody that a record is open."""
    data = AccountOpenedV1Data(cause=how, version=account.version)
    unit.emit(AccountOpenedV1.new(source=SOURCE, time=now, subject=account.record, data=data, cause=cause))


def tell_closed(
    account: Account,
    why: Literal["confirmed-opposition", "closure", "ex-officio-closure", "death"],
    unit: Unit,
    now: datetime,
) -> None:
    """Tell everybody that a record is closed (F13)."""
    data = AccountClosedV1Data(cause=why, version=account.version)
    unit.emit(AccountClosedV1.new(source=SOURCE, time=now, subject=account.record, data=data))


def ask_history(account: Account, unit: Unit, now: datetime) -> None:
    """Ask the person's insurer for what was reimbursed in the months that a record shows.

    The insurer knows no record id: it is told which of its own registrations is meant. One that came before this
    was kept cannot be named, and is not.
    """
    if account.registration.origin is None:
        return
    data = HistoryRequestedV1Data(
        registration=account.registration.origin, from_month=first_kept_month(paris_date(now))
    )
    unit.tell(account.registration.insurer, HistoryRequestedV1.new(source=SOURCE, time=now, data=data))
