"""What notifications needs from the world, by role."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Protocol

from services.notifications.domain.contact import Contact
from services.notifications.domain.decision import Decision, Preference
from services.notifications.domain.lot import Letter, Lot
from services.notifications.domain.mail import Mail
from services.notifications.domain.notice import Notice
from shared.messaging.unit import Unit


class ContactStore(Protocol):
    """Whom notices go to, one row per record."""

    async def find(self, records: Collection[str]) -> Mapping[str, Contact]:
        """Return the contacts that exist, as a majority of the replica set knows them."""

    def save(self, contacts: Sequence[Contact], unit: Unit, *, read: Mapping[str, Contact]) -> None:
        """Write contacts when the unit commits, provided that each is still as it was read, or still absent."""

    async def count(self) -> int:
        """Return about how many contacts are kept, at no cost."""


class NoticeStore(Protocol):
    """Notices, one row each, guarded by their version."""

    async def find(self, notices: Collection[str]) -> Mapping[str, Notice]:
        """Return the notices that exist."""

    async def due(self, channels: Collection[str | None], now: datetime, limit: int) -> Sequence[Notice]:
        """Return notices that are to be sent by now by one of these channels (None: not chosen), the oldest first."""

    async def of_record(self, record: str) -> Sequence[Notice]:
        """Return a person's notices."""

    async def of_lot(self, number: str) -> Sequence[Notice]:
        """Return what is still in a lot, in its order."""

    def save(self, notices: Sequence[Notice], unit: Unit, *, read: Mapping[str, Notice]) -> None:
        """Write notices when the unit commits, provided that each is still as it was read, or still absent."""

    async def census(self) -> Mapping[tuple[str, str | None], int]:
        """Return how many notices there are by state and channel."""


class DecisionStore(Protocol):
    """What people decided, one row per record, guarded by its version."""

    async def find(self, records: Collection[str]) -> Mapping[str, Decision]:
        """Return the decisions that exist."""

    def save(self, decisions: Sequence[Decision], unit: Unit, *, read: Mapping[str, Decision]) -> None:
        """Write decisions when the unit commits, provided that each is still as it was read, or still absent."""


class PreferenceStore(Protocol):
    """By which ways people want to be told, one row per record that said so."""

    async def find(self, records: Collection[str]) -> Mapping[str, Preference]:
        """Return the preferences that exist."""

    def save(self, preference: Preference, unit: Unit, *, read: Preference | None) -> None:
        """Write a preference when the unit commits, provided that it is still as it was read, or still absent."""


class LotStore(Protocol):
    """Lots, one row each, guarded by their version."""

    async def find(self, number: str) -> Lot | None:
        """Return a lot."""

    async def unfinished(self) -> Sequence[Lot]:
        """Return lots that were gathered and not handed over, the oldest first."""

    async def latest(self, limit: int) -> Sequence[Lot]:
        """Return the newest lots, the newest first."""

    async def purgeable(self, before: datetime, limit: int) -> Sequence[Lot]:
        """Return lots made before an instant that the printer has answered for and whose files are there still."""

    def save(self, lot: Lot, unit: Unit, *, read: Lot | None) -> None:
        """Write a lot when the unit commits, provided that it is still as it was read, or still absent."""


class SlipStore(Protocol):
    """The memory of what was reported back: each slip takes effect once, under whatever name it comes."""

    async def known(self, digest: str) -> bool:
        """Tell whether a slip of this content was applied."""

    def add(self, digest: str, at: datetime, unit: Unit) -> None:
        """Note a slip when the unit commits; a slip noted meanwhile makes the unit be decided again."""


class Press(Protocol):
    """Prints letters into a PDF."""

    async def render(self, lot: Lot, letters: Sequence[Letter]) -> bytes:
        """Return a PDF of one page per letter, in order."""


class OutTray(Protocol):
    """Where the printer takes its lots."""

    async def handed_over(self, number: str) -> str | None:
        """Return the digest of the manifest of a lot that is there, finishing what only lacks its end; else None."""

    async def hand_over(self, lot: Lot, letters: Sequence[Letter], pdf: bytes) -> str:
        """Put a lot there, whole or not at all, and return the digest of its manifest; what is there stays."""

    async def remove(self, number: str) -> None:
        """Remove a lot's files; what is gone already stays gone."""


class SlipKind(StrEnum):
    """What a slip is, by the end of its name."""

    RECEIPT = ".receipt.json"
    PRODUCTION = ".production.csv"
    BOUNCE = ".eml"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Slip:
    """Something reported back; ``raw`` is None if it is too large to be any such thing."""

    name: str
    kind: SlipKind
    digest: str
    raw: bytes | None = field(repr=False)


class Verdict(Enum):
    """What became of a slip."""

    DONE = "done"
    QUARANTINE = "quarantine"
    """Some of it, or all, could not be used: a person looks at it."""
    LATER = "later"
    """It came before what it is about was noted here; it stays where it is."""


class InTray(Protocol):
    """Where the printer and the mail server put what they report back."""

    async def waiting(self, limit: int) -> Sequence[Slip]:
        """Return slips that are complete, by name."""

    async def put_away(self, slip: Slip, verdict: Verdict) -> None:
        """Move a slip to where it is kept."""

    async def forget(self, before: datetime) -> int:
        """Remove what was put away before an instant and return how much that was."""


class MailEnd(Enum):
    """What a mail server said of an e-mail."""

    ACCEPTED = "accepted"
    BOUNCED = "bounced"
    """Refused for good (5xx)."""
    DEFERRED = "deferred"
    """Refused for now (4xx)."""


class Carrier(Protocol):
    """Takes e-mails away."""

    async def carry(self, mails: Sequence[Mail]) -> Mapping[str, MailEnd]:
        """Send e-mails and return each one's end by its notice; absent: never tried, because the server went away."""
