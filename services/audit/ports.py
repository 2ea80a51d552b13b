"""What audit needs of the outside: a log that only grows, and the keys that others made."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from services.audit.domain.checkpoints import Signed
from services.audit.domain.entries import Fresh, Head, Kept, Link, Opening
from services.audit.domain.erasing import Erasure
from services.audit.domain.marks import Marked
from services.audit.domain.overseers import Overseer
from services.audit.domain.series import Series
from services.audit.domain.shown import Placed
from services.audit.domain.tree import Pyramid, Tile
from shared.identity import RecordId
from shared.messaging.unit import Unit
from shared.sealing.keys import Key, KeyMaker, KeyReader, Owner
from verifier.notes import Key as WitnessKey
from verifier.notes import Note, Signature


class Log(Protocol):
    """The log as its one sequencer writes it."""

    async def head(self) -> Head:
        """Return the head as a majority knows it, in this sequencer's own epoch; the first call takes the log over.

        Raise `FencedError` if a successor has taken the log over since.
        """

    async def recorded(self, names: Collection[bytes]) -> set[bytes]:
        """Return which of these events have an entry already.

        It may answer from a guess that there is none: `append` then refuses with `RacedError`, and the next answer
        is exact.
        """

    async def links(self, records: Collection[str]) -> Mapping[str, Link]:
        """Return where the chains of records have come to, as of the last `head`; none: nothing is left about it."""

    async def append(self, entries: Sequence[Fresh], unit: Unit, *, after: Head) -> None:
        """Append entries in their order, each with its opening, once the unit is committed.

        The effect raises `RacedError` if the log has grown since ``after`` was read or has an entry for one of the
        events, and `FencedError` if a successor has taken it over; then nothing of the unit is written.
        """


class LogReader(Protocol):
    """The log as everybody else reads it."""

    async def head(self) -> Head:
        """Return the head as a majority knows it; an empty log has one too."""

    async def leaves(self, start: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """Return at most ``limit`` leaves from an index on, each as it is stored, with the index it is stored under."""

    async def openings(self, start: int, limit: int) -> Mapping[int, Opening]:
        """Return what is left of the openings of entries from index ``start`` to before ``start + limit``."""


class Tiles(Protocol):
    """The hashes of the tree."""

    async def tiles(self, wanted: Collection[Tile]) -> Mapping[Tile, bytes]:
        """Return these tiles as they are stored; one that is not there is absent from the answer."""

    async def pyramids(self, wanted: Collection[Tile], size: int) -> Mapping[Tile, Pyramid]:
        """Return all the hashes that these tiles have in a tree of a size, and perhaps more; they may be remembered."""


class Checkpoints(Protocol):
    """What everybody may see of what was signed."""

    async def published(self) -> Signed | None:
        """Return the last checkpoint that enough witnesses signed."""


class CheckpointStore(Checkpoints, Protocol):
    """What was signed, never changed and never removed."""

    async def signed(self) -> Signed | None:
        """Return the last checkpoint that this log signed, published or not."""

    def keep_signed(self, signed: Signed, unit: Unit) -> None:
        """Write down what was signed, once the unit is committed."""

    def publish(self, signed: Signed, unit: Unit) -> None:
        """Show a checkpoint to everybody, once the unit is committed."""


class Witness(Protocol):
    """Somebody else who signs what has only grown (C2SP tlog-witness)."""

    key: WitnessKey

    async def cosign(self, note: Note, old: int, path: Sequence[bytes]) -> Signature | int | None:
        """Return the witness's line under a note; the size that it saw last, if that is not ``old``; or None.

        ``path`` proves that the log grew from ``old``. Whatever keeps the witness from signing is logged, not raised.
        """


class Erasures(Protocol):
    """What is being destroyed, and what is due to be."""

    async def about(self, record: str) -> Erasure | None:
        """Return all that can be destroyed of a record; None if nothing can, or something is being destroyed."""

    async def closed(self, before: datetime, limit: int) -> Sequence[str]:
        """Return records that were closed before an instant and not opened again."""

    async def begun(self, limit: int) -> Sequence[Erasure]:
        """Return what was written down and not done yet."""

    def begin(self, erasure: Erasure, unit: Unit) -> None:
        """Write down what is to be destroyed; the effect raises `RacedError` if something of the record is already."""

    async def unmark(self, erasure: Erasure) -> None:
        """Forget of whom and about whom the entries are; doing it again changes nothing."""

    def end(self, erasure: Erasure, unit: Unit) -> None:
        """Forget what was done, and with it of whom it was."""


class Eraser(Protocol):
    """The one hand that may destroy openings."""

    async def destroy(self, erasure: Erasure) -> None:
        """Destroy the openings; doing it again changes nothing."""


class KeyFinder(Protocol):
    """All that audit may do in the vault: find what records and ingest have made."""

    async def find_keys(self, owners: Collection[Owner]) -> Mapping[Owner, Key]:
        """Return the keys that exist; an owner without one is absent from the answer."""


class AccessReader(Protocol):
    """The log as one person reads it."""

    async def about(
        self, record: str, *, before: int | None, since: datetime | None, until: datetime | None, limit: int
    ) -> Sequence[Kept]:
        """Return at most ``limit`` entries about a record that a person is shown, the newest first.

        ``before``: below this index only; ``since`` and ``until``: recorded from the one and before the other.
        """


class MarkStore(Protocol):
    """The marks of the traces that are in the log."""

    def add(self, marks: Sequence[Marked], at: datetime, unit: Unit) -> None:
        """Write marks down once the unit is committed; one that is there already stays as it is."""


class MarkReader(Protocol):
    """The log as one professional or structure reads it."""

    async def of(
        self,
        actor: str,
        *,
        record: str | None,
        before: int | None,
        since: datetime | None,
        until: datetime | None,
        limit: int,
    ) -> Sequence[Placed]:
        """Return at most ``limit`` traces of an actor, the newest first; ``record``: about this record only.

        ``before``: below this place only; ``since`` and ``until``: recorded from the one and before the other.
        """


class SeriesStore(Protocol):
    """The numbers of every producer, as far as they are in the log or stated."""

    async def take(self) -> None:
        """Take up what came into the log since the last time; what is taken up twice changes nothing."""

    def told(self, counts: Mapping[str, int], unit: Unit) -> None:
        """Write down how far producers say that they are, once the unit is committed; less than before is no news."""

    async def incomplete(self) -> Mapping[str, Series]:
        """Return the producers that have gaps."""

    async def all(self, after: str | None, limit: int, *, gaps: bool = False) -> Sequence[tuple[str, Series]]:
        """Return producers, or those with gaps, in the order of their names, from behind ``after`` on."""


class OverseerReader(Protocol):
    """Whom a record's person lets see everything that is done with it (F51, F59)."""

    async def of(self, record: str, professional: str) -> Overseer | None:
        """Return what records said last of a professional, by the opaque name, and a record."""


class OverseerStore(OverseerReader, Protocol):
    """The same, as it is learned from records."""

    def save(self, overseers: Sequence[Overseer], unit: Unit) -> None:
        """Write down what was said last of each, once the unit is committed; an older version changes nothing."""


class Vaults(KeyMaker, KeyReader, Protocol):
    """The shared vault, of which audit only reads, and its own: keys come from either."""

    async def find_subjects(self, indexes: Collection[str]) -> Mapping[str, RecordId]:
        """Return the record ids that exist; an unknown index is absent from the answer."""


Append = Callable[[Unit], Awaitable[None]]
"""Returns once what a unit publishes is durable; raises if it is not, or not known to be."""
