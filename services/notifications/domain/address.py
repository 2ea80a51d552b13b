"""Postal addresses as the French post reads them: NF Z 10-011 (19 January 2013), which took the place of XP Z10-011."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from services.notifications.domain.countries import COUNTRIES
from shared.errors import RefusedError

LINE: Final = 38
"""Characters of a line, spaces included."""

LINES_FRANCE: Final = 6
LINES_ABROAD: Final = 7

_POSTCODE: Final = re.compile(r"[0-9]{5} [A-Z]")
_LETTERS: Final = str.maketrans(
    {"Œ": "OE", "Æ": "AE", "Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Þ": "TH", "\u2019": "'"}
)
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that no address holds: control, format (text direction), surrogates, private, line ends."""

_NAME_MARKS: Final = frozenset("'-")
_FOREIGN_MARKS: Final = frozenset("'-/.,")


def normalise(lines: Sequence[str]) -> tuple[str, ...]:
    """Return an address as it is printed: closed up, in capitals without accents, France unsaid.

    The first line names the person and keeps its hyphens and apostrophes; the others hold letters, digits and
    spaces only. Abroad the last line is the country, and other lines keep the marks that the country writes.
    Raise `RefusedError`: ``address-empty``, ``address-control-character``, ``address-character`` (not Latin),
    ``address-line-too-long``, ``address-too-many-lines``, ``address-incomplete`` (no postcode and city, and no
    country). Nothing is ever shortened or left out.
    """
    written = [capitals for line in lines if (capitals := _capitals(line))]
    if not written:
        raise RefusedError("address-empty")
    abroad = written[-1] in COUNTRIES
    if not abroad and written[-1] == "FRANCE":
        written.pop()
    marks = _FOREIGN_MARKS if abroad else frozenset[str]()
    kept = [_only(line, _NAME_MARKS if place == 0 else marks) for place, line in enumerate(written)]
    address = tuple(line for line in kept if line)
    _check(address, abroad=abroad)
    return address


def first_line(name: str) -> str:
    """Return a person's name as the first line of an address holds it; raise as `normalise` does for a character."""
    return _only(_capitals(name), _NAME_MARKS)


def _capitals(line: str) -> str:
    if any(unicodedata.category(character) in _UNSEEN for character in line):
        raise RefusedError("address-control-character")
    apart = unicodedata.normalize("NFKD", line.upper().translate(_LETTERS))
    bare = "".join(character for character in apart if not unicodedata.combining(character))
    return " ".join(bare.translate(_LETTERS).upper().split())


def _only(line: str, marks: frozenset[str]) -> str:
    """Return a line with spaces in the place of other signs; a letter or digit that is not Latin is refused."""
    if any(character.isalnum() and not character.isascii() for character in line):
        raise RefusedError("address-character")
    kept = (c if (c.isascii() and c.isalnum()) or c in marks else " " for c in line)
    return " ".join("".join(kept).split())


def _check(address: Sequence[str], *, abroad: bool) -> None:
    if any(len(line) > LINE for line in address):
        raise RefusedError("address-line-too-long")
    if len(address) > (LINES_ABROAD if abroad else LINES_FRANCE):
        raise RefusedError("address-too-many-lines")
    if len(address) < 2 or not (abroad or _POSTCODE.match(address[-1])):
        raise RefusedError("address-incomplete")
