"""Lots of letters: gathered in one transaction, made outside it, closed in another; each step can be done again."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from services.notifications.domain.lot import Letter, Lot, LotState, moved, next_number
from services.notifications.domain.notice import POST, Notice, NoticeState, ended, placed, put_off
from services.notifications.domain.person import recipient
from services.notifications.domain.policy import RULES, Policy
from services.notifications.domain.wording import check_letter
from services.notifications.handlers.decisions import without_moot
from services.notifications.handlers.notices import undeliverable
from services.notifications.handlers.opening import Outcome, Readable, Unreadable, open_notices
from services.notifications.ports import (
    ContactStore,
    DecisionStore,
    LotStore,
    NoticeStore,
    OutTray,
    PreferenceStore,
    Press,
)
from shared.clock import Clock, paris_date
from shared.errors import RefusedError
from shared.messaging.unit import Unit
from shared.sealing import Vault

ANY_BODY: Final = "Votre organisme d'assurance maladie"
"""Who signs when the insurer's name is not known here."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """A lot to be made; ``lot`` is None when nobody of those looked at could be written to."""

    lot: Lot | None
    letters: Sequence[Letter] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Desk:
    """What writing letters takes."""

    notices: NoticeStore
    contacts: ContactStore
    lots: LotStore
    decisions: DecisionStore
    preferences: PreferenceStore
    vault: Vault
    clock: Clock
    policy: Policy
    senders: Mapping[str, str]
    """The insurance bodies' names by their code."""


async def gather_lot(unit: Unit, *, desk: Desk, limit: int) -> Gathered | None:
    """Put due letters into a new lot, end what can be written to nobody; return None when nothing is due."""
    now = desk.clock.now()
    found = await desk.notices.due(_ways(desk.policy), now, limit)
    if not found:
        return None
    due, changes = await without_moot(found, desk.decisions)
    latest = await desk.lots.latest(1)
    number = next_number(paris_date(now), latest[0].number if latest else None)
    written, unwritable = _write(await _open(due, desk), desk, unit, now)
    changes += unwritable
    letters = [_letter(item, lines, child, place, desk) for place, (item, lines, child) in enumerate(written, 1)]
    changes += [placed(item.notice, number, place) for place, (item, _, _) in enumerate(written, 1)]
    desk.notices.save(changes, unit, read=_by_id(found))
    if not letters:
        return Gathered(None)
    lot = Lot(number, now, len(letters))
    desk.lots.save(lot, unit, read=None)
    return Gathered(lot, letters)


async def resume_lot(unit: Unit, *, lot: Lot, desk: Desk) -> Gathered:
    """Write the letters of a lot that was gathered before this process began; whoever was erased is left out."""
    inside = await desk.notices.of_lot(lot.number)
    written, changes = _write(await _open(inside, desk), desk, unit, desk.clock.now())
    desk.notices.save(changes, unit, read=_by_id(inside))
    if not written:
        desk.lots.save(moved(lot, LotState.VOID, reason="nobody-left"), unit, read=lot)
        return Gathered(None)
    return Gathered(
        lot, [_letter(item, lines, child, item.notice.sequence or 0, desk) for item, lines, child in written]
    )


async def make_lot(gathered: Gathered, *, press: Press, tray: OutTray) -> str | None:
    """Print a lot and hand it over, unless it is there already; return its manifest's digest."""
    if gathered.lot is None:
        return None
    if manifest := await tray.handed_over(gathered.lot.number):
        return manifest
    pdf = await press.render(gathered.lot, gathered.letters)
    return await tray.hand_over(gathered.lot, gathered.letters, pdf)


async def close_lot(unit: Unit, *, lot: Lot, manifest: str, lots: LotStore) -> None:
    """Note that a lot was handed over; it is never changed from then on."""
    desk_copy = await lots.find(lot.number)
    if desk_copy is not None and desk_copy.state is LotState.GATHERED:
        lots.save(moved(desk_copy, LotState.HANDED_OVER, manifest=manifest), unit, read=desk_copy)


async def note_purge(unit: Unit, *, lot: Lot, lots: LotStore) -> None:
    """Note that a lot's files were removed."""
    lots.save(moved(lot, LotState.PURGED, reason=lot.reason), unit, read=lot)


_Written = list[tuple[Readable, tuple[str, ...], str | None]]


def _write(outcomes: Iterable[Outcome], desk: Desk, unit: Unit, now: datetime) -> tuple[_Written, list[Notice]]:
    """Return what can be written, with lines and child, and the notices that end or wait instead."""
    written: _Written = []
    changes: list[Notice] = []
    for outcome in outcomes:
        if isinstance(outcome, Unreadable):
            changes.append(unwritten(outcome, POST, unit, desk.clock))
            continue
        try:
            to = recipient(outcome.person, paris_date(now))
            check_letter(outcome.code, to.lines)
        except RefusedError as error:
            unit.emit(undeliverable(outcome.notice, POST, "no-address", desk.clock))
            changes.append(ended(outcome.notice, NoticeState.UNDELIVERABLE, error.code))
        else:
            written.append((outcome, to.lines, to.child))
    return written, changes


def unwritten(outcome: Unreadable, channel: str, unit: Unit, clock: Clock) -> Notice:
    """Return a notice that cannot be written, as it waits or as it stays; told if no other way is left."""
    notice = outcome.notice
    if outcome.state is not NoticeState.TO_SEND:
        return ended(notice, outcome.state, outcome.reason)
    if later := put_off(notice, outcome.reason, clock.now()):
        return later
    unit.emit(undeliverable(notice, channel, "no-address", clock))
    return ended(notice, NoticeState.UNDELIVERABLE, outcome.reason)


def _letter(item: Readable, lines: tuple[str, ...], child: str | None, sequence: int, desk: Desk) -> Letter:
    sender = desk.senders.get(item.insurer, ANY_BODY)
    return Letter(item.notice.id, sequence, sender, lines, child, item.code, item.notice.aim)


async def _open(notices: Sequence[Notice], desk: Desk) -> Sequence[Outcome]:
    return await open_notices(notices, contacts=desk.contacts, vault=desk.vault)


def _ways(policy: Policy) -> Collection[str | None]:
    """Letters go to those for whom nothing was chosen yet only where a letter is everybody's first way."""
    return {POST, None} if RULES[policy].channels[0] == POST else {POST}


def _by_id(notices: Sequence[Notice]) -> dict[str, Notice]:
    return {notice.id: notice for notice in notices}
