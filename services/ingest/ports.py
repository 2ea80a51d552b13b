"""What ingest needs of the outside, besides the vault and the clock."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from services.ingest.domain.accounts import Account
from services.ingest.domain.deposits import Deposit
from services.ingest.domain.documents.metadata import DocumentEntry
from shared.errors import CarnetError
from shared.messaging.unit import Unit


class IdentityStore(Protocol):
    """The digest of each person's strict traits, as first registered; never changed afterwards (F21)."""

    async def digests(self, records: Collection[str]) -> Mapping[str, bytes]:
        """Return the digests that a majority knows; an unknown record is absent from the answer."""

    def add(self, digests: Mapping[str, bytes], unit: Unit) -> None:
        """Write the digests of new records with the unit.

        The effect fails as a conflict if one of the records has got a digest since: the first writer wins.
        """


class AccountStore(Protocol):
    """What ingest was told of each record's state."""

    async def find(self, records: Collection[str]) -> Mapping[str, Account]:
        """Return what is known; a record of which nothing was told is absent."""

    def save(self, accounts: Sequence[Account], unit: Unit, *, read: Mapping[str, Account]) -> None:
        """Write accounts when the unit commits, provided that each is still as it was read, or still absent."""


class DepositStore(Protocol):
    """The deposits, one row per document."""

    async def find(self, documents: Collection[str]) -> Mapping[str, Deposit]:
        """Return the deposits that exist, by document id, as a majority knows them."""

    async def ended(self, documents: Collection[str]) -> Mapping[str, Deposit]:
        """Return those of these deposits whose fate is known."""

    def save(self, deposits: Sequence[Deposit], unit: Unit, *, read: Mapping[str, Deposit]) -> None:
        """Write deposits when the unit commits, provided that each is still as it was read, or still absent."""


class ContentStore(Protocol):
    """The sealed bytes of documents: ingest inserts them, records reads them, nobody changes them."""

    def add(self, content: str, record: str, box: bytes, unit: Unit) -> None:
        """Insert a document's bytes when the unit commits."""


class Backlog(Protocol):
    """What waits to be published."""

    async def is_full(self) -> bool:
        """Tell whether the oldest has waited so long that nothing may be added (rule 12)."""


class ReaderLostError(CarnetError):
    """A reader ended for another reason than its document, or has a bug; the document may be sent again."""


class DocumentReader(Protocol):
    """Reads hostile documents where they can do no harm."""

    async def read(self, body: bytes) -> DocumentEntry:
        """Return the metadata of a CDA document.

        Raise `RefusedError` with a code of `shared.contracts.reasons`, and `ReaderLostError`.
        """
