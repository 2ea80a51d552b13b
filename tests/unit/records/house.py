"""Records' stores in memory, and a way to put a batch of what ingest let through into them."""

from abc import ABC, abstractmethod
from dataclasses import replace
from datetime import date
from typing import Final, Generic, TypeVar
from uuid import uuid4

from services.records.domain.account import Account, AccountState, Cause, Registration
from services.records.handlers.documents import store_documents
from services.records.handlers.reimbursements import store_reimbursements
from shared.contracts.event import Event
from shared.contracts.ingest import DocumentReceivedV1, ReimbursementReceivedV1
from shared.messaging.unit import Unit
from tests.fakes.reads import InMemoryDocuments, InMemoryUnclaimed
from tests.fakes.records import NOON, InMemoryAccounts, InMemoryLines, StoppedClock
from tests.fakes.vault import InMemoryVault

E = TypeVar("E", bound=Event)

TOLD: Final = Registration(1, "cpam-44", "e1", "RG", "44", date(2015, 3, 2), ins_key_valid=True, box=b"shut")


class House(ABC, Generic[E]):
    """Accounts, and what one flow is kept in."""

    def __init__(self) -> None:
        self.accounts, self.clock = InMemoryAccounts(), StoppedClock()

    def account(self, state: AccountState = AccountState.OPEN) -> str:
        """Keep an account in a state and return its record id."""
        record = uuid4().hex
        self.accounts.rows[record] = Account(record, state, Cause.LEGACY_DMP, NOON, 2, TOLD)
        return record

    def becomes(self, record: str, state: AccountState) -> None:
        """Change an account's state."""
        self.accounts.rows[record] = replace(self.accounts.rows[record], state=state)

    @abstractmethod
    async def handle(self, *events: E) -> Unit:
        """Return what the handler wrote down for a batch."""

    async def commit(self, *events: E) -> Unit:
        """Handle a batch and apply what was written down."""
        unit = await self.handle(*events)
        for effect in unit.effects:
            await effect(None)
        return unit


class LineHouse(House[ReimbursementReceivedV1]):
    """For reimbursement lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = InMemoryLines()

    async def handle(self, *events: ReimbursementReceivedV1) -> Unit:
        """Return what the handler wrote down for a batch."""
        unit = Unit()
        await store_reimbursements(events, unit, accounts=self.accounts, lines=self.lines, clock=self.clock)
        return unit


class DocumentHouse(House[DocumentReceivedV1]):
    """For clinical documents."""

    def __init__(self) -> None:
        super().__init__()
        self.documents, self.unclaimed, self.vault = InMemoryDocuments(), InMemoryUnclaimed(), InMemoryVault()

    async def handle(self, *events: DocumentReceivedV1) -> Unit:
        """Return what the handler wrote down for a batch."""
        unit = Unit()
        await store_documents(
            events,
            unit,
            accounts=self.accounts,
            documents=self.documents,
            unclaimed=self.unclaimed,
            clock=self.clock,
        )
        return unit
