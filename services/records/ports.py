"""What records needs from the world, by role."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple, Protocol

from services.records.domain.account import Account, AccountState
from services.records.domain.campaign import Territory
from services.records.domain.chain import Link
from services.records.domain.contents import Unclaimed
from services.records.domain.documents import Document
from services.records.domain.glance import Glance
from services.records.domain.lines import Line
from services.records.domain.notice import Notice, NoticeState
from services.records.domain.opposition import Opposition
from services.records.domain.proof import Proof
from services.records.domain.rights import Right
from services.records.domain.tries import Tries
from shared.messaging.unit import Unit


class AccountStore(Protocol):
    """The people's accounts, one row per record."""

    async def find(self, records: Collection[str]) -> Mapping[str, Account]:
        """Return the accounts that exist, as a majority of the replica set knows them."""

    async def states(self, records: Collection[str]) -> Mapping[str, AccountState]:
        """Return the states of the accounts that exist, without loading what they hold."""

    async def unreached(self, territory: Territory, limit: int) -> Sequence[str]:
        """Return records of a territory whose people the campaign has not reached yet."""

    def save(self, accounts: Sequence[Account], unit: Unit, *, read: Mapping[str, Account]) -> None:
        """Write accounts when the unit commits, provided that each is still as it was read, or still absent."""

    def hold(self, records: Collection[str], unit: Unit) -> None:
        """Write these accounts' rows when the unit commits, provided that each is still open (rule 9).

        Nothing changes by it; but of a decision that commits at the same time and this unit, one is taken again.
        """

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


class NoticeStore(Protocol):
    """The notices of the campaign, one row per notice."""

    async def find(self, ids: Collection[str]) -> Mapping[str, Notice]:
        """Return the notices that exist, by id."""

    async def of_records(self, records: Collection[str]) -> Sequence[Notice]:
        """Return all notices of these people, the oldest first."""

    async def due(self, today: date, now: datetime, limit: int) -> Sequence[str]:
        """Return notices whose delay was over before today, earliest first; a failed opening once it may be tried."""

    def save(self, notices: Sequence[Notice], unit: Unit, *, read: Mapping[str, Notice]) -> None:
        """Write notices when the unit commits, provided that each is still as it was read, or still absent."""

    async def count_by_state(self) -> Mapping[NoticeState, int]:
        """Return how many notices are in each state that has any."""

    async def count_returned(self) -> Mapping[str, int]:
        """Return how many notices stand returned, by motive."""

    async def count_failing(self) -> int:
        """Return how many openings have failed and are to be tried again."""

    async def count_running(self) -> Mapping[date, int]:
        """Return how many delays end on which day."""


class OppositionStore(Protocol):
    """The attestations of oppositions: they are inserted and read, never changed."""

    async def find(self, opposition: str) -> Opposition | None:
        """Return an attestation by its id."""

    async def latest(self, record: str) -> Opposition | None:
        """Return a person's last opposition: the one at the latest version of the account."""

    def add(self, opposition: Opposition, unit: Unit) -> None:
        """Insert an attestation when the unit commits."""


class ProofPress(Protocol):
    """Prints the proof of an opposition."""

    async def render(self, proof: Proof) -> bytes:
        """Return it as a PDF of one page."""


class TryStore(Protocol):
    """What was tried of late in the name of an INS, known or not; what is older than a day disappears."""

    async def find(self, index: str) -> Tries:
        """Return the tries of a blind index, empty ones if there are none."""

    def save(self, tries: Tries, unit: Unit, *, read: Tries) -> None:
        """Write tries when the unit commits, provided that they are still as they were read."""


class DocumentStore(Protocol):
    """The documents: inserted once, and changed only in what their person says of them."""

    async def known(self, ids: Collection[str]) -> set[str]:
        """Return those of these document ids that are stored."""

    def add(self, documents: Sequence[Document], unit: Unit) -> None:
        """Insert documents when the unit commits; one that is there by then makes the batch be taken again."""

    async def links(self, record: str) -> Sequence[Link]:
        """Return the links of all documents of a record, without what is sealed, in no order."""

    async def find(self, record: str, ids: Collection[str]) -> Mapping[str, Document]:
        """Return those of these documents that are in the record, by id."""

    async def contents(self, ids: Collection[str]) -> Mapping[str, str]:
        """Return which content each of these documents names; one that is not stored is absent."""

    def save(self, document: Document, unit: Unit, *, read: Document) -> None:
        """Write a document when the unit commits, provided that it is still at the version it was read at."""


class GlanceStore(Protocol):
    """Accounts, rights and documents together, in one visit to the database; a professional by the opaque name."""

    async def some(self, record: str, professional: str | None, *, documents: int = 0) -> Glance:
        """Return a record with at most so many of its documents, in no order: fewer than that are all there are."""

    async def one(self, record: str, professional: str | None, *, document: str) -> Glance:
        """Return a record with this document, if the record has it, and the links of all its documents."""


class ContentStore(Protocol):
    """The sealed bytes of documents, which another service keeps: they are only read here."""

    async def find(self, content: str) -> bytes | None:
        """Return a box, None if it is gone."""


class UnclaimedStore(Protocol):
    """The contents of documents that were refused: ids and the machine's time, until somebody has removed them."""

    def add(self, unclaimed: Sequence[Unclaimed], unit: Unit) -> None:
        """Keep them when the unit commits; one that is kept already stays as it is."""

    async def since_before(self, instant: datetime, limit: int) -> Sequence[Unclaimed]:
        """Return those that have been kept since before an instant, at most so many, the oldest first."""

    def remove(self, contents: Collection[str], unit: Unit) -> None:
        """Forget them when the unit commits."""


class ContentBin(Protocol):
    """The sealed bytes of documents for whoever removes them, and does nothing else."""

    async def remove(self, contents: Collection[str], *, before: datetime) -> set[str]:
        """Remove boxes that were inserted before an instant; return which of them are still there."""


class RightStore(Protocol):
    """Who may consult which record, one row per record and professional."""

    async def find(self, record: str, professionals: Collection[str]) -> Mapping[str, Right]:
        """Return the rights that exist, by the professional's opaque name."""

    async def of_record(self, record: str) -> Sequence[Right]:
        """Return all rights of a record, the latest first."""

    def save(self, right: Right, unit: Unit, *, read: Right | None) -> None:
        """Write a right when the unit commits, provided that it is still at the version it was read at, or absent."""


class Pending(NamedTuple):
    """A trace that was kept alone and whose message has still to be sent; ``at`` by the machine's clock."""

    id: str
    at: datetime
    event: bytes
    """As it will be sent: what is personal stands in a box."""


class TraceStore(Protocol):
    """The traces that are not known to be in the log yet: ids, the machine's time, a pending one's event."""

    def add(self, trace: str, at: datetime, unit: Unit) -> None:
        """Keep the id of a trace's event when the unit commits, with the message."""

    async def keep(self, traces: Sequence[Pending]) -> None:
        """Insert pending traces; durable when this returns."""

    async def pending(self, before: datetime, limit: int) -> Sequence[Pending]:
        """Return the oldest that have been pending since before an instant."""

    def sent(self, traces: Collection[str], unit: Unit) -> None:
        """End that these are pending when the unit commits; one that is not makes it lose its race."""

    def remove(self, traces: Collection[str], unit: Unit) -> None:
        """Forget traces when the unit commits; one that is unknown is no error."""

    async def oldest(self) -> datetime | None:
        """Return since when the oldest waits, None if none does."""
