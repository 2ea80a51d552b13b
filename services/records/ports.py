"""What records needs from the world, by role."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from services.records.domain.account import Account, AccountState
from services.records.domain.lines import Line
from shared.messaging.unit import Unit


class AccountStore(Protocol):
    """The people's accounts, one row per record."""

    async def find(self, records: Collection[str]) -> Mapping[str, Account]:
        """Return the accounts that exist, as a majority of the replica set knows them."""

    async def states(self, records: Collection[str]) -> Mapping[str, AccountState]:
        """Return the states of the accounts that exist, without loading what they hold."""

    def save(self, accounts: Sequence[Account], unit: Unit, *, read: Mapping[str, Account]) -> None:
        """Write accounts when the unit commits, provided that each is still as it was read, or still absent."""

    async def count_by_state(self) -> Mapping[AccountState, int]:
        """Return how many accounts are in each state that has any."""


class LineStore(Protocol):
    """The reimbursement lines: they are inserted and read, never changed (rule 9)."""

    async def known(self, ids: Collection[str]) -> set[str]:
        """Return those of these line ids that are stored."""

    def add(self, lines: Sequence[Line], unit: Unit) -> None:
        """Insert lines when the unit commits; one that is there by then makes the batch be taken again."""

    async def of_record(self, record: str, *, since: str) -> Sequence[Line]:
        """Return a record's lines from a month on, by month and id; `visible` decides what a reader sees."""

    async def count(self) -> int:
        """Return about how many lines are stored, at no cost."""
