"""Addresses by NF Z 10-011: what is printed, what is refused, and that nothing is lost."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.domain.address import LINE, LINES_ABROAD, LINES_FRANCE, normalise
from shared.errors import RefusedError

NANTES = "44000 Nantes Cedex 9"
LATIN = st.text(st.characters(max_codepoint=0x24F), max_size=44)


def refusal(*lines: str) -> str:
    """Return why an address is refused."""
    with pytest.raises(RefusedError) as refused:
        normalise(lines)
    assert not any(line in str(refused.value) for line in lines if len(line) > 2)
    return refused.value.code


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        (
            ("Mme Zoé Jean-Pierre", "", "12, bis rue de l'Église", NANTES),
            ("MME ZOE JEAN-PIERRE", "12 BIS RUE DE L EGLISE", "44000 NANTES CEDEX 9"),
        ),
        (("Léo Cœur", "3 rue du Bœuf", "98000 Monaco", "France"), ("LEO COEUR", "3 RUE DU BOEUF", "98000 MONACO")),
        (
            ("O\u2019Neill", "ul. Nowa 5/7", "00-950 Warszawa", "Pologne"),
            ("O'NEILL", "UL. NOWA 5/7", "00-950 WARSZAWA", "POLOGNE"),
        ),
        (("A\u00a0B", "  1   rue X ", "97400 Saint-Denis"), ("A B", "1 RUE X", "97400 SAINT DENIS")),
    ],
)
def test_as_it_is_printed(written: tuple[str, ...], printed: tuple[str, ...]):
    """Lines are closed up, in capitals without accents; only the name and addresses abroad keep marks (F06)."""
    assert normalise(written) == printed


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("address-empty", ()),
        ("address-empty", ("", "  ")),
        ("address-line-too-long", ("A" * 39, "1 rue X", NANTES)),
        ("address-line-too-long", ("ß" * 20, "1 rue X", NANTES)),
        ("address-too-many-lines", ("A", "B", "C", "D", "E", "F", NANTES)),
        ("address-too-many-lines", ("A", "B", "C", "D", "E", "F", "1000 Bruxelles", "Belgique")),
        ("address-control-character", ("A", "1 rue\nX", NANTES)),
        ("address-control-character", ("A\x00", "1 rue X", NANTES)),
        ("address-control-character", ("A", "1 rue \u202eX", NANTES)),
        ("address-control-character", ("A", "1 rue \ud800X", NANTES)),
        ("address-character", ("Ελένη", "1 rue X", NANTES)),
        ("address-incomplete", ("A", "1 rue X", "Nantes")),
        ("address-incomplete", ("A", "1 rue X", "4400 Nantes")),
        ("address-incomplete", (NANTES,)),
    ],
)
def test_refused(code: str, lines: tuple[str, ...]):
    """A bad address is refused with a stable code that quotes nothing of it."""
    assert refusal(*lines) == code


def test_seven_lines_abroad():
    """Abroad a seventh line is allowed, for the country."""
    assert len(normalise(("A", "B", "C", "D", "E", "1000 Bruxelles", "belgique"))) == LINES_ABROAD


@given(st.lists(LATIN, max_size=8), st.sampled_from([NANTES, "75116 PARIS", "44000 Nantes, France", "x"]))
def test_what_is_printed(lines: list[str], last: str):
    """Whatever is written, what is printed fits, is plain, and is printed the same again."""
    try:
        printed = normalise([*lines, last])
    except RefusedError as refused:
        assert refused.code.startswith("address-")  # noqa: PT017
        return
    assert normalise(printed) == printed
    assert 2 <= len(printed) <= LINES_FRANCE
    assert all(0 < len(line) <= LINE and line == line.strip() for line in printed)
    assert all(re.fullmatch(r"[A-Z0-9 ]+", line) for line in printed[1:])


@given(st.integers(0, 99_999), st.lists(LATIN, min_size=1, max_size=5))
def test_the_postcode_stays(postcode: int, lines: list[str]):
    """A postcode that was written is printed, or the address is refused."""
    try:
        printed = normalise([*lines, f"{postcode:05} Ville"])
    except RefusedError:
        return
    assert printed[-1] == f"{postcode:05} VILLE"
