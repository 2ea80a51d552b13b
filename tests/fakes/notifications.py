"""Notifications' stores in memory: the same answers as the real ones, proved by the suite that both pass."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from services.notifications.domain.contact import Contact
from services.notifications.domain.decision import Decision, Preference
from services.notifications.domain.lot import PURGEABLE, Letter, Lot, LotState
from services.notifications.domain.mail import Mail
from services.notifications.domain.notice import Notice, NoticeState
from services.notifications.ports import MailEnd
from shared.messaging.failures import RacedError
from shared.messaging.unit import Unit

R = TypeVar("R")


class _Rows(dict[str, R]):
    """Rows that a commit writes only if each is as it was read."""

    def save(self, rows: Sequence[R], unit: Unit, read: Mapping[str, R], name: Callable[[R], str]) -> None:
        if rows:
            unit.apply(partial(self._write, list(rows), dict(read), name))

    async def _write(self, rows: Sequence[R], read: Mapping[str, R], name: Callable[[R], str], _session: Any) -> None:
        if any(self.get(name(row)) != read.get(name(row)) for row in rows):
            raise RacedError
        self.update({name(row): row for row in rows})


class InMemoryContacts:
    """`ContactStore` without a database."""

    def __init__(self) -> None:
        self.rows: _Rows[Contact] = _Rows()

    async def find(self, records: Collection[str]) -> Mapping[str, Contact]:
        """Return the contacts that exist."""
        return {record: self.rows[record] for record in records if record in self.rows}

    def save(self, contacts: Sequence[Contact], unit: Unit, *, read: Mapping[str, Contact]) -> None:
        """Write contacts when the unit commits, if each is as it was read."""
        self.rows.save(contacts, unit, read, lambda row: row.record)

    async def count(self) -> int:
        """Return how many contacts are kept."""
        return len(self.rows)


class InMemoryNotices:
    """`NoticeStore` without a database."""

    def __init__(self) -> None:
        self.rows: _Rows[Notice] = _Rows()

    async def find(self, notices: Collection[str]) -> Mapping[str, Notice]:
        """Return the notices that exist."""
        return {notice: self.rows[notice] for notice in notices if notice in self.rows}

    async def due(self, channels: Collection[str | None], now: datetime, limit: int) -> Sequence[Notice]:
        """Return what is to be sent, the oldest first."""
        waiting = [row for row in self.rows.values() if row.state is NoticeState.TO_SEND and row.due <= now]
        return sorted((row for row in waiting if row.channel in channels), key=lambda row: (row.due, row.id))[:limit]

    async def of_record(self, record: str) -> Sequence[Notice]:
        """Return a person's notices."""
        return [row for row in self.rows.values() if row.record == record]

    async def of_lot(self, number: str) -> Sequence[Notice]:
        """Return what is in a lot."""
        return sorted((row for row in self.rows.values() if row.lot == number), key=lambda row: row.sequence or 0)

    def save(self, notices: Sequence[Notice], unit: Unit, *, read: Mapping[str, Notice]) -> None:
        """Write notices when the unit commits, if each is as it was read."""
        self.rows.save(notices, unit, read, lambda row: row.id)

    async def census(self) -> Mapping[tuple[str, str | None], int]:
        """Return how many there are by state and channel."""
        return Counter((str(row.state), row.channel) for row in self.rows.values())


class InMemoryDecisions:
    """`DecisionStore` without a database."""

    def __init__(self) -> None:
        self.rows: _Rows[Decision] = _Rows()

    async def find(self, records: Collection[str]) -> Mapping[str, Decision]:
        """Return the decisions that exist."""
        return {record: self.rows[record] for record in records if record in self.rows}

    def save(self, decisions: Sequence[Decision], unit: Unit, *, read: Mapping[str, Decision]) -> None:
        """Write decisions when the unit commits, if each is as it was read."""
        self.rows.save(decisions, unit, read, lambda row: row.record)


class InMemoryPreferences:
    """`PreferenceStore` without a database."""

    def __init__(self) -> None:
        self.rows: _Rows[Preference] = _Rows()

    async def find(self, records: Collection[str]) -> Mapping[str, Preference]:
        """Return the preferences that exist."""
        return {record: self.rows[record] for record in records if record in self.rows}

    def save(self, preference: Preference, unit: Unit, *, read: Preference | None) -> None:
        """Write a preference when the unit commits, if it is as it was read."""
        known = {} if read is None else {read.record: read}
        self.rows.save([preference], unit, known, lambda row: row.record)


class InMemoryLots:
    """`LotStore` without a database."""

    def __init__(self) -> None:
        self.rows: _Rows[Lot] = _Rows()

    async def find(self, number: str) -> Lot | None:
        """Return a lot."""
        return self.rows.get(number)

    async def unfinished(self) -> Sequence[Lot]:
        """Return lots that were not handed over."""
        return [self.rows[number] for number in sorted(self.rows) if self.rows[number].state is LotState.GATHERED]

    async def latest(self, limit: int) -> Sequence[Lot]:
        """Return the newest lots."""
        return [self.rows[number] for number in sorted(self.rows, reverse=True)[:limit]]

    async def purgeable(self, before: datetime, limit: int) -> Sequence[Lot]:
        """Return lots whose files may go."""
        over = [lot for lot in self.rows.values() if lot.state in PURGEABLE and lot.made_at < before]
        return sorted(over, key=lambda lot: lot.number)[:limit]

    def save(self, lot: Lot, unit: Unit, *, read: Lot | None) -> None:
        """Write a lot when the unit commits, if it is as it was read."""
        self.rows.save([lot], unit, {} if read is None else {lot.number: read}, lambda row: row.number)


class InMemorySlips:
    """`SlipStore` without a database."""

    def __init__(self) -> None:
        self.rows: dict[str, datetime] = {}

    async def known(self, digest: str) -> bool:
        """Tell whether a slip was applied."""
        return digest in self.rows

    def add(self, digest: str, at: datetime, unit: Unit) -> None:
        """Note a slip when the unit commits."""
        unit.apply(partial(self._add, digest, at))

    async def _add(self, digest: str, at: datetime, _session: Any) -> None:
        if digest in self.rows:
            raise RacedError
        self.rows[digest] = at


class PaperPress:
    """`Press` that writes nothing but which letters it was given."""

    def __init__(self) -> None:
        self.printed: list[tuple[str, int]] = []

    async def render(self, lot: Lot, letters: Sequence[Letter]) -> bytes:
        """Return the letters' names."""
        self.printed.append((lot.number, len(letters)))
        return b"\n".join(letter.notice.encode() for letter in letters)


class Pile:
    """`OutTray` without a disk; ``cut`` makes the process die after a lot is there."""

    def __init__(self) -> None:
        self.lots: dict[str, bytes] = {}
        self.cut = False

    async def handed_over(self, number: str) -> str | None:
        """Return the digest of a lot that is there."""
        return f"manifest of {number}" if number in self.lots else None

    async def hand_over(self, lot: Lot, letters: Sequence[Letter], pdf: bytes) -> str:
        """Put a lot there unless there is one."""
        self.lots.setdefault(lot.number, pdf)
        if self.cut:
            raise ConnectionError
        return f"manifest of {lot.number}"

    async def remove(self, number: str) -> None:
        """Remove a lot."""
        self.lots.pop(number, None)


class Postman:
    """`Carrier` that takes everything, or ends each as it was told; ``away_after``: the server goes away."""

    def __init__(self, ends: Mapping[str, MailEnd] | None = None, away_after: int | None = None) -> None:
        self.ends = ends or {}
        self.away_after = away_after
        self.mails: list[Mail] = []

    async def carry(self, mails: Sequence[Mail]) -> Mapping[str, MailEnd]:
        """Take e-mails."""
        taken = mails if self.away_after is None else mails[: self.away_after]
        self.mails += taken
        return {mail.notice: self.ends.get(mail.to, MailEnd.ACCEPTED) for mail in taken}
