"""Opens what a notice needs, at the moment it is written and not before: the person's identity and the code."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import orjson

from services.notifications.domain.contact import Contact
from services.notifications.domain.notice import Notice, NoticeState
from services.notifications.domain.person import Person, read_person
from services.notifications.ports import ContactStore
from shared.sealing import ERASED, Opened, Sealed, Vault, aad, open_many

IDENTITY_SCHEMA: Final = "identity.v1"
NOTICE_SCHEMA: Final = "notice.v1"

_CODE: Final = re.compile(r"[A-Z0-9]{6,16}")


@dataclass(frozen=True, slots=True)
class Readable:
    """A notice with what it is made of."""

    notice: Notice
    insurer: str
    person: Person = field(repr=False)
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A notice that cannot be written, and what becomes of it: `NoticeState.TO_SEND` means later."""

    notice: Notice
    state: NoticeState
    reason: str


Outcome: TypeAlias = Readable | Unreadable


async def open_notices(notices: Sequence[Notice], *, contacts: ContactStore, vault: Vault) -> list[Outcome]:
    """Open notices and contacts in one visit to the vault; what is wrong with one does not touch the others."""
    known = await contacts.find({notice.record for notice in notices})
    found = [notice for notice in notices if notice.record in known]
    boxes = [box for notice in found for box in (_identity(known[notice.record]), _code(notice))]
    opened = await open_many(vault, boxes)
    pairs = {
        notice.id: (identity, code) for notice, identity, code in zip(found, opened[::2], opened[1::2], strict=True)
    }
    return [_outcome(notice, known, pairs) for notice in notices]


def _outcome(notice: Notice, contacts: Mapping[str, Contact], opened: Mapping[str, tuple[Opened, Opened]]) -> Outcome:
    if notice.id not in opened:
        return Unreadable(notice, NoticeState.TO_SEND, "contact-unknown")
    identity, code = opened[notice.id]
    if identity is ERASED or code is ERASED:
        return Unreadable(notice, NoticeState.ERASED, "erased")
    if not (isinstance(identity, bytes) and isinstance(code, bytes)):
        return Unreadable(notice, NoticeState.HELD, "seal-broken")
    try:
        person, plain = read_person(orjson.loads(identity)), orjson.loads(code)["code"]
    except (ValueError, KeyError, TypeError, IndexError):
        return Unreadable(notice, NoticeState.HELD, "content-unreadable")
    if not isinstance(plain, str) or not _CODE.fullmatch(plain):
        return Unreadable(notice, NoticeState.HELD, "code-missing")
    return Readable(notice, contacts[notice.record].insurer, person, _grouped(plain))


def _identity(contact: Contact) -> Sealed:
    return Sealed(contact.box, aad(contact.record, contact.record, IDENTITY_SCHEMA))


def _code(notice: Notice) -> Sealed:
    return Sealed(notice.box, aad(notice.record, notice.id, NOTICE_SCHEMA))


def _grouped(code: str) -> str:
    """Return a code as people read and type it, in groups of four."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))
