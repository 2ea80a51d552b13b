"""Whom a notice is written to."""

from datetime import date
from typing import Any

import pytest

from services.notifications.domain.person import read_person, recipient, usable_email
from shared.errors import RefusedError

TODAY = date(2026, 11, 21)


def identity(**changes: Any) -> dict[str, Any]:
    """Return what is in the box of a contact."""
    traits = {
        "birth_name": changes.pop("birth_name", "Martin"),
        "given_names": [changes.pop("given_name", "Zoé"), "Marie"],
        "birth_date": changes.pop("birth_date", "1980-02-29"),
        "sex": changes.pop("sex", "F"),
        "birth_place": "44109",
    }
    return {"traits": traits, "address": ["4 RUE DU PORT", "44000 NANTES"], **changes}


def lines(**changes: Any) -> tuple[str, ...]:
    """Return the lines of the envelope."""
    return recipient(read_person(identity(**changes)), TODAY).lines


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({}, "MME ZOE MARTIN"),
        ({"used_name": "Durand-Œuvre", "sex": "F"}, "MME ZOE DURAND-OEUVRE"),
        ({"sex": "M", "given_name": "Jean-Pierre", "birth_name": "d\u2019Arc"}, "M JEAN-PIERRE D'ARC"),
        ({"given_name": "Marie-Christine", "birth_name": "X" * 30}, f"MME M {'X' * 30}"),
        ({"birth_name": "X" * 45}, f"MME {'X' * 34}"),
    ],
)
def test_the_first_line(changes: dict[str, Any], first: str):
    """The first line is civility, given name and used name; a name too long loses the given name first."""
    assert lines(**changes)[0] == first
    assert len(first) <= 38


def test_a_child():
    """A notice about a child goes to whoever represents it, until the day it comes of age (F05)."""
    assert lines(birth_date="2008-11-22")[:2] == ("AU REPRESENTANT LEGAL DE", "ZOE MARTIN")
    assert lines(birth_date="2008-11-21")[0] == "MME ZOE MARTIN"


@pytest.mark.parametrize("name", ["\x07Bell", "Ελένη", "***"])
def test_a_name_that_cannot_be_printed(name: str):
    """A name with control characters, without Latin letters or without letters at all is refused."""
    with pytest.raises(RefusedError):
        lines(birth_name=name)


@pytest.mark.parametrize(
    "written",
    [
        "zoe@example.org\r\nBcc: all@example.org",
        "zoe@example.org\n",
        "zoe@exa mple.org",
        "zoe@example.org,eve@example.org",
        "<zoe@example.org>",
        '"zoe"@example.org',
        "zoé@example.org",
        "zoe@localhost",
        "zoe@example..org",
        "zoe@-example.org",
        ".zoe@example.org",
        f"{'z' * 65}@example.org",
        f"z@{'a.' * 130}org",
        "zoe",
        "",
        "\x00zoe@example.org",
    ],
)
def test_an_email_that_cannot_be_used(written: str):
    """What could change a header or an envelope is no e-mail address; that person gets a letter (F05)."""
    assert usable_email(written) is None


def test_an_email():
    """A usual address is used as it is."""
    assert usable_email("zoe.o'neil+mes@sub.example.org") == "zoe.o'neil+mes@sub.example.org"
    assert read_person(identity(email="zoe@example.org")).email == "zoe@example.org"


def test_nothing_is_shown():
    """A person never shows in a log or an error."""
    person = read_person(identity(email="zoe@example.org"))
    assert not {"Zo", "Martin", "NANTES", "1980", "example"} & set(repr(person).replace("'", " ").split())
    assert "MARTIN" not in repr(recipient(person, TODAY))
