"""Deposits in memory: a person with an open record, a depositor, and a reader that confines nothing."""

import hashlib
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.ingest.adapters.cda_reader import Limits, read_header
from services.ingest.domain.accounts import Account
from services.ingest.domain.deposits import Deposit, Depositor
from services.ingest.domain.documents.entry import entry_of
from services.ingest.domain.documents.metadata import DocumentEntry
from services.ingest.handlers.deposits import Candidate, Intake, Outcome, deposit, examine
from shared import terminology
from shared.contracts.accesses import SCHEMA, AccessTracedV1, AccessV1
from shared.contracts.event import Event
from shared.contracts.ingest import DocumentReceivedV1
from shared.identity import Professional, Structure, blind_index, parse_ins
from shared.messaging.failures import RacedError
from shared.messaging.unit import Unit
from shared.sealing import KeyClass, aad, open_box
from shared.sealing.contents import content_aad, unpack
from tests.fakes.documents import INS, TEST_OID
from tests.fakes.ingest import (
    INDEX_KEY,
    InMemoryAccountStates,
    InMemoryContents,
    InMemoryDeposits,
    StoppedClock,
    applied,
)
from tests.fakes.vault import InMemoryVault

MAUD = Professional("810000000005", "10", "SM26", "Maud", "MODELE", "1750000006", "Clinique du Pont", "SA01")
PAUL = Professional("899700366240", "10", None, "Paul", "AUTRE")
CLINIC = Structure("1750000006", "Clinique du Pont")


class PlainReader:
    """`DocumentReader` in this process."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        """Raised by every reading while it is set."""

    async def read(self, body: bytes) -> DocumentEntry:
        """Read as the confined one does."""
        if self.fault is not None:
            raise self.fault
        header = read_header(body, Limits())
        digest = hashlib.sha256(body).hexdigest()
        return entry_of(header, size=len(body), sha256=digest, terms=terminology, production=False)


@dataclass
class Ward:
    """An intake and what became of what was deposited there."""

    deposits: InMemoryDeposits = field(default_factory=InMemoryDeposits)
    contents: InMemoryContents = field(default_factory=InMemoryContents)
    accounts: InMemoryAccountStates = field(default_factory=InMemoryAccountStates)
    vault: InMemoryVault = field(default_factory=InMemoryVault)
    reader: PlainReader = field(default_factory=PlainReader)
    clock: StoppedClock = field(default_factory=StoppedClock)
    told: list[Event] = field(default_factory=list)
    """Everything that was published, in order."""
    races: int = 0
    """Commits that are going to lose a race."""
    combined: bool = False

    @property
    def intake(self) -> Intake:
        """What deposits stand on."""
        return Intake(
            deposits=self.deposits,
            contents=self.contents,
            accounts=self.accounts,
            reader=self.reader,
            vault=self.vault,
            index_key=INDEX_KEY,
            clock=self.clock,
            combined=self.combined,
        )

    async def person(self, number: str = INS, *, open_: bool = True, version: int = 3) -> str:
        """Make somebody known, with an open record or without one; return the record id."""
        index = blind_index(INDEX_KEY, parse_ins(number, TEST_OID, production=False))
        record = (await self.vault.ensure_subjects({index}))[index]
        self.accounts.rows[record] = Account(record, open_, version)
        return record

    async def commit(self, candidates: Sequence[Candidate]) -> list[Outcome]:
        """Decide and commit."""
        unit = Unit()
        outcomes = await deposit(candidates, unit, intake=self.intake)
        if self.races:
            self.races -= 1
            raise RacedError
        await applied(unit)
        self.told += [each.event for each in unit.emitted]
        return outcomes

    async def deposit(self, body: bytes, by: Depositor = MAUD, hidings: Sequence[str] = ()) -> Outcome:
        """Deposit a document."""
        (outcome,) = await self.commit([await self.candidate(body, by, hidings)])
        return outcome

    async def candidate(self, body: bytes, by: Depositor = MAUD, hidings: Sequence[str] = ()) -> Candidate:
        """Have a document read."""
        return await examine(body, hidings, by, intake=self.intake, software="Cabinet 3.1")

    @property
    def received(self) -> list[DocumentReceivedV1]:
        """The documents that records was told of."""
        return [event for event in self.told if isinstance(event, DocumentReceivedV1)]

    @property
    def traces(self) -> list[AccessTracedV1]:
        """What was traced."""
        return [event for event in self.told if isinstance(event, AccessTracedV1)]

    def bytes_of(self, made: Deposit, size: int) -> bytes:
        """Open what was kept of a deposit, which had so many bytes."""
        key = self.vault.keys[made.record, KeyClass.CONTENT]
        text = open_box(key, self.contents.boxes[made.content], content_aad(made.record, made.content))
        return unpack(text, size=size)

    def metadata_of(self, event: DocumentReceivedV1) -> bytes:
        """Open what records was told."""
        key = self.vault.keys[event.subject, KeyClass.CONTENT]
        place = aad(event.subject, event.data.document_id, "document.v1")
        return open_box(key, b64decode(event.data.sealed), place)

    def access_of(self, event: AccessTracedV1) -> AccessV1:
        """Open a trace."""
        owner = (event.subject, KeyClass.AUDIT) if event.subject else ("ingest", KeyClass.INTAKE)
        box = b64decode(event.data.sealed)
        return AccessV1.model_validate_json(
            open_box(self.vault.keys[owner], box, aad(owner[0], event.data.trace_id, SCHEMA))
        )
