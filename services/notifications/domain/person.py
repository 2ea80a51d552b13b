"""Who a notice is written to, as read from the opened box of a contact."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from services.notifications.domain.address import LINE, first_line, normalise
from shared.errors import RefusedError

MAJORITY: Final = 18
"""Age in years from which a person is written to in person; before it, whoever represents a child (F05)."""

_CIVILITY: Final = {"M": "M", "F": "MME"}
_REPRESENTATIVE: Final = "AU REPRESENTANT LEGAL DE"
_EMAIL: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
)
_LONGEST_EMAIL: Final = 254  # RFC 5321
_LONGEST_LOCAL_PART: Final = 64


@dataclass(frozen=True, slots=True)
class Person:
    """What a notice needs of an identity; never shown in a log or an error."""

    given_name: str = field(repr=False)
    name: str = field(repr=False)
    sex: str
    born_on: date = field(repr=False)
    address: tuple[str, ...] = field(repr=False)
    email: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom the envelope names: the lines of the address, and the child in whose name a parent is written to."""

    lines: tuple[str, ...] = field(repr=False)
    child: str | None = field(repr=False)


def read_person(identity: Mapping[str, Any]) -> Person:
    """Return the person that a sealed identity (``identity.v1``) is about; an unusable e-mail address is none."""
    traits = identity["traits"]
    return Person(
        given_name=traits["given_names"][0],
        name=identity.get("used_name") or traits["birth_name"],
        sex=traits["sex"],
        born_on=date.fromisoformat(traits["birth_date"]),
        address=tuple(identity["address"]),
        email=usable_email(identity.get("email")),
    )


def usable_email(written: str | None) -> str | None:
    """Return an e-mail address that can be put into a header and an envelope as it is (RFC 5321), else None."""
    if written is None or len(written) > _LONGEST_EMAIL or len(written.partition("@")[0]) > _LONGEST_LOCAL_PART:
        return None
    return written if _EMAIL.fullmatch(written) else None


def recipient(person: Person, today: date) -> Recipient:
    """Return the envelope's lines on a day; raise as `normalise` does, and ``name-unreadable`` for no name at all."""
    child = _name(person, LINE) if _age(person.born_on, today) < MAJORITY else None
    named = (_REPRESENTATIVE, child) if child else (_with_civility(person),)
    return Recipient(normalise([*named, *person.address]), child)


def _with_civility(person: Person) -> str:
    civility = _CIVILITY[person.sex]
    return f"{civility} {_name(person, LINE - len(civility) - 1)}"


def _name(person: Person, longest: int) -> str:
    """Return the name in capitals: in full, else the given name's initial, else as much of the name as fits."""
    given, name = first_line(person.given_name), first_line(person.name)
    if not name:
        raise RefusedError("name-unreadable")
    for written in (f"{given} {name}", f"{given[:1]} {name}"):
        if len(written.strip()) <= longest:
            return written.strip()
    return name[:longest].rstrip()


def _age(born_on: date, today: date) -> int:
    return today.year - born_on.year - ((today.month, today.day) < (born_on.month, born_on.day))
