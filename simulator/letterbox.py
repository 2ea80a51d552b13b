"""What people find in their letterboxes and mailboxes: they read who it is for, and the code, off the page.

Nothing but the letter itself is looked at: the text in the envelope's window, the code on the page, the sorting code
where a machine reads it. E-mails are read as they lie in the mail server's folder.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path
from typing import Final

import pypdfium2  # type: ignore[import-untyped]

from simulator.population import Person

_MM: Final = 72 / 25.4
_WINDOW: Final = (110 * _MM, (297 - 55 - 33) * _MM, 195 * _MM, (297 - 55) * _MM)
"""Of the envelope: left, bottom, right and top in points, from the page's lower left corner."""
_CODE: Final = re.compile(r"\b([A-Z0-9]{4}-[A-Z0-9]{4})\b")
_GUARDIAN: Final = "AUREPRESENTANTLEGALDE"
_CIVILITY: Final = re.compile(r"^(?:MME|M) ")


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter as its reader sees it."""

    lines: tuple[str, ...] = field(repr=False)
    code: str = field(repr=False)


def read_lot(pdf: Path) -> Iterator[Letter]:
    """Yield the letters of a lot, one per page; a page without a code is none."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        for page in document:
            text = page.get_textpage()
            window = text.get_text_bounded(*_WINDOW)
            if found := _CODE.search(text.get_text_range()):
                yield Letter(tuple(line.strip() for line in window.splitlines() if line.strip()), found[1])
    finally:
        document.close()


def codes_by_post(lots: Iterable[Path], crowd: Iterable[Person]) -> dict[str, str]:
    """Return each person's code, by INS, from the letters of lots in the order of their making; the latest stays.

    A person whose name was too long for an envelope, or who shares name and address with another, finds none.
    """
    letters = {name_on(letter.lines): letter.code for lot in sorted(lots) for letter in read_lot(lot / "letters.pdf")}
    named: Mapping[str, list[str]] = defaultdict(list)
    for person in crowd:
        named[_name_of(person)].append(person.ins)
    return {found[0]: letters[name] for name, found in named.items() if len(found) == 1 and name in letters}


def codes_by_mail(folder: Path, crowd: Iterable[Person]) -> dict[str, str]:
    """Return each person's code, by INS, from the e-mails that were delivered; an address of several is left out."""
    codes: Mapping[str, list[str]] = defaultdict(list)
    for path in sorted(folder.glob("*.eml"), key=lambda path: path.stat().st_mtime):
        message = message_from_bytes(path.read_bytes(), policy=policy.default)
        body = message.get_body(("plain",))
        if body is not None and (found := _CODE.search(body.get_content())):
            codes[str(message["To"])].append(found[1])
    owners: Mapping[str, list[str]] = defaultdict(list)
    for person in crowd:
        if person.email is not None:
            owners[person.email].append(person.ins)
    return {found[0]: codes[email][-1] for email, found in owners.items() if len(found) == 1 and email in codes}


def name_on(lines: Iterable[str]) -> str:
    """Return an envelope's name and address in the form in which two spellings of one are equal."""
    written = list(lines)
    if written and _bare(written[0]) == _GUARDIAN:
        written = written[1:]
    return "|".join(_bare(_CIVILITY.sub("", line)) for line in written)


def _name_of(person: Person) -> str:
    name = person.used_name or person.birth_name
    return name_on([f"{person.given_names[0]} {name}", *person.address])


def _bare(line: str) -> str:
    spelled = line.upper().replace("Œ", "OE").replace("Æ", "AE")
    return "".join(c for c in unicodedata.normalize("NFKD", spelled) if c.isascii() and c.isalnum())
