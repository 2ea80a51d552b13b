"""A person decides who reads, and what is masked; a professional records a consent that was given (F33, F48, F49, F56).

Each change is one transaction: what is changed, guarded by what was read, and its trace.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Literal, TypeAlias

import orjson

from services.records.domain.decision import Act, Actor, Rule
from services.records.domain.documents import mask
from services.records.domain.rights import (
    By,
    Grant,
    Oversight,
    Right,
    Standing,
    oversight_after,
    says_the_same,
    standing,
)
from services.records.handlers.describing import Shown, Trouble, trouble_of
from services.records.handlers.reading import look_at
from services.records.handlers.tracing import SERVICE
from services.records.handlers.visits import Caller, Denied, ReadingRoom, Visit, enter, tell
from shared.contracts.accesses import Action
from shared.contracts.records import OversightChangedV1, OversightChangedV1Data
from shared.identity import name_of
from shared.messaging.unit import Unit
from shared.sealing import KeyClass, Sealed, aad, open_many, seal

RIGHT_SCHEMA: Final = "right.v1"
"""JSON: ``number`` and, if known, ``name`` and ``organisation`` of the professional; key class ``identity``."""

Expected: TypeAlias = Callable[[int], bool]
"""Whether a version is the one that the caller saw; 0 is that of what is not there."""

_ACTIONS: Final[Mapping[Grant, Action]] = {
    Grant.AUTHORISED: "professional-authorised",
    Grant.BLOCKED: "professional-blocked",
    Grant.WITHDRAWN: "professional-withdrawn",
}

_OVERSIGHT: Final[Mapping[Oversight, Action]] = {
    Oversight.ATTENDING: "oversight-given",
    Oversight.ADMINISTRATOR: "oversight-given",
    Oversight.NONE: "oversight-withdrawn",
}

_SAID: Final[Mapping[Oversight, Literal["attending", "administrator"] | None]] = {
    Oversight.ATTENDING: "attending",
    Oversight.ADMINISTRATOR: "administrator",
    Oversight.NONE: None,
}


@dataclass(frozen=True, slots=True)
class Stale:
    """A change that was meant for another version than the present one; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A right as it stands after a request; ``created``: nothing was recorded of the professional before."""

    right: Right
    created: bool = False


@dataclass(frozen=True, slots=True)
class Entitled:
    """A professional in a person's list."""

    right: Right
    standing: Standing
    number: str | None
    name: str | None = None
    organisation: str | None = None
    trouble: Trouble | None = None


async def list_professionals(caller: Caller, record: str, *, room: ReadingRoom) -> Sequence[Entitled] | Denied:
    """Return whom the person authorised or blocked, the latest first (F49)."""
    visit = await enter(caller, record, room)
    rule = visit.rule(Act.GOVERN)
    await tell(visit, "professionals-listed", rule, room)
    if not rule.permits:
        return Denied(rule)
    rights = [right for right in await room.rights.of_record(visit.record) if right.grant is not Grant.WITHDRAWN]
    return await _entitled(rights, room)


async def record_right(
    caller: Caller,
    record: str,
    unit: Unit,
    *,
    number: str,
    grant: Grant,
    expected: Expected,
    room: ReadingRoom,
    oversight: Oversight | None = None,
) -> Recorded | Stale | Denied:
    """Authorise, block or withdraw; what is so already stays as it is (F49, F56).

    ``oversight``: what the person lets an authorised professional oversee the record as; None leaves it as it is (F51).
    """
    visit = await enter(caller, record, room)
    name, now = name_of(room.index_key, number), _moment(room)
    known = (await room.rights.find(visit.record, {name})).get(name)
    rule = _rule(visit, grant, standing(known, now, room.valid_for), oversight)
    action = _ACTIONS[grant] if oversight is None else _OVERSIGHT[oversight]
    if not rule.permits:
        await _note(visit, action, rule, unit, room, professional=number)
        return Denied(rule)
    if not expected(_version(known)):
        return Stale()
    await _note(visit, action, rule, unit, room, professional=number)
    by, after = By.HOLDER if visit.owner else By.PROFESSIONAL, oversight_after(known, grant, oversight)
    if says_the_same(known, grant, now, after):
        return Recorded(known or Right(visit.record, name, grant, now, by, 0, b""))
    box = await _box(visit, number, name, known, room)
    right = Right(visit.record, name, grant, now, by, _version(known) + 1, box, after)
    room.rights.save(right, unit, read=known)
    if after is not Oversight.NONE or (known is not None and known.oversight is not Oversight.NONE):
        unit.emit(_told(right, room))
    return Recorded(right, created=known is None)


def _told(right: Right, room: ReadingRoom) -> OversightChangedV1:
    """Return what audit has to know: who sees all that is done with the record, and until when."""
    until = None if right.oversight is Oversight.NONE else right.since + room.valid_for
    data = OversightChangedV1Data(
        professional=right.professional,
        oversight=_SAID[right.oversight],
        until=until,
        version=right.version,
    )
    return OversightChangedV1.new(source=f"/{SERVICE}", time=room.clock.now(), subject=right.record, data=data)


async def mask_document(
    caller: Caller, record: str, unit: Unit, *, document: str, masked: bool, expected: Expected, room: ReadingRoom
) -> Shown | Stale | Denied:
    """Mask a document or show it again; what is so already stays as it is (CSP R1111-49)."""
    visit = await enter(caller, record, room, partial(room.glances.one, document=document))
    seen = await look_at(visit, document, Act.GOVERN, room)
    action: Action = "document-masked" if masked else "document-unmasked"
    shown = seen.shown
    if shown is None:
        await _note(visit, action, seen.rule, unit, room, **seen.named)
        return Denied(seen.rule)
    if not expected(shown.document.version):
        return Stale()
    await _note(visit, action, seen.rule, unit, room, **seen.named)
    changed = mask(shown.document, masked, shown.masked)
    if changed is not shown.document:
        room.documents.save(changed, unit, read=shown.document)
    return Shown(changed, shown.status, shown.description, shown.trouble)


def _rule(visit: Visit, grant: Grant, theirs: Standing, oversight: Oversight | None) -> Rule:
    """The person decides everything; a professional may only record that somebody is authorised."""
    if grant is Grant.AUTHORISED and oversight is None and visit.caller.actor is not Actor.PATIENT:
        return visit.rule(Act.CONSENT, colleague=theirs)
    return visit.rule(Act.GOVERN)


async def _box(visit: Visit, number: str, name: str, known: Right | None, room: ReadingRoom) -> bytes:
    """Return who it is in a box; the name is known once professionals speak for themselves."""
    shown = visit.caller.shown
    own = visit.caller.actor is Actor.PROFESSIONAL and visit.caller.number == number
    if known is not None and not own:
        return known.box
    about = {"number": number, **({"name": shown.name, "organisation": shown.organisation} if own else {})}
    owner = (visit.record, KeyClass.IDENTITY)
    key = (await room.vault.ensure_keys([owner]))[owner]
    return seal(key, orjson.dumps(about), aad(visit.record, name, RIGHT_SCHEMA))


async def _entitled(rights: Sequence[Right], room: ReadingRoom) -> list[Entitled]:
    boxes = [Sealed(right.box, aad(right.record, right.professional, RIGHT_SCHEMA)) for right in rights]
    now = room.clock.now()
    listed = []
    for right, opened in zip(rights, await open_many(room.vault, boxes), strict=True):
        stands = standing(right, now, room.valid_for)
        if isinstance(opened, bytes):
            about = orjson.loads(opened)
            listed.append(Entitled(right, stands, about["number"], about.get("name"), about.get("organisation")))
        else:
            listed.append(Entitled(right, stands, None, trouble=trouble_of(opened)))
    return listed


async def _note(visit: Visit, action: Action, rule: Rule, unit: Unit, room: ReadingRoom, **what: object) -> None:
    await room.tracer.check()
    await room.tracer.add(visit.access(**what), unit, record=visit.subject, action=action, rule=rule)


def _version(right: Right | None) -> int:
    return 0 if right is None else right.version


def _moment(room: ReadingRoom) -> datetime:
    """Return the present to the millisecond, as it is kept."""
    now = room.clock.now()
    return now.replace(microsecond=now.microsecond // 1_000 * 1_000)
