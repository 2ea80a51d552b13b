"""The provisional code: minted, typed, kept; and how often it may be tried."""

from datetime import date, timedelta
from os import urandom
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.records.domain.codes import ALPHABET, LENGTH, hash_of, last_day, mint, typed
from services.records.domain.tries import Tries, asked, failed, wait_to_ask, wait_to_try
from tests.fakes.records import NOON

KEY = urandom(32)


def test_a_code_can_be_read_aloud():
    """A code has eight characters, none of which is taken for another (F07)."""
    code = mint(KEY, uuid4().hex, uuid4().hex, 1)

    assert len(code) == LENGTH
    assert set(code) <= set(ALPHABET)
    assert not set(ALPHABET) & set("B8I1LO0S5Z2")


def test_a_code_depends_on_everything():
    """Key, person, notice and number each give another code; the same four give the same one."""
    record, notice = uuid4().hex, uuid4().hex
    codes = {
        mint(KEY, record, notice, 1),
        mint(urandom(32), record, notice, 1),
        mint(KEY, uuid4().hex, notice, 1),
        mint(KEY, record, uuid4().hex, 1),
        mint(KEY, record, notice, 2),
    }

    assert len(codes) == 5
    assert mint(KEY, record, notice, 1) in codes


def test_codes_are_spread():
    """Every character of the alphabet turns up about equally often."""
    letters = "".join(mint(KEY, "r", str(number), 1) for number in range(5_000))

    counts = [letters.count(letter) for letter in ALPHABET]
    assert min(counts) > 0.85 * len(letters) / len(ALPHABET)


@given(st.text(ALPHABET, min_size=LENGTH, max_size=LENGTH))
def test_as_people_type(code: str):
    """Lower case, spaces and hyphens are how people type; the code is the same."""
    assert typed(f" {code[:4].lower()}-{code[4:6]} {code[6:]} ") == code


def test_what_is_kept():
    """The kept hash differs per notice and key, and is not the code."""
    code = mint(KEY, "r", "n", 1)

    assert hash_of(KEY, "n", code) == hash_of(KEY, "n", code)
    assert len({hash_of(KEY, "n", code), hash_of(KEY, "m", code), hash_of(urandom(32), "n", code)}) == 3


def test_six_weeks():
    """A code is valid for six weeks from the sending of its notice (F07)."""
    assert last_day(date(2022, 1, 15)) == date(2022, 2, 26)


def test_asking_too_soon():
    """Thirty seconds lie between two requests for a code, and no more than five are made in a day (F07)."""
    tries = asked(Tries("i"), NOON)
    assert wait_to_ask(tries, NOON + timedelta(seconds=29)) == timedelta(seconds=1)
    assert wait_to_ask(tries, NOON + timedelta(seconds=30)) is None

    for minute in range(1, 5):
        tries = asked(tries, NOON + timedelta(minutes=minute))
    assert wait_to_ask(tries, NOON + timedelta(hours=23)) == timedelta(hours=1)
    assert wait_to_ask(tries, NOON + timedelta(hours=24)) is None


def test_guessing():
    """After ten wrong codes in a quarter of an hour no code is looked at, and then again."""
    tries = Tries("i")
    for second in range(10):
        assert wait_to_try(tries, NOON) is None
        tries = failed(tries, NOON + timedelta(seconds=second))

    assert wait_to_try(tries, NOON + timedelta(minutes=5)) == timedelta(minutes=10)
    assert wait_to_try(tries, NOON + timedelta(minutes=15)) is None


@pytest.mark.parametrize("change", [asked, failed])
def test_what_is_old_is_forgotten(change):
    """What is too old to matter is not kept, and every change counts."""
    tries = change(change(Tries("i"), NOON), NOON + timedelta(days=1))

    assert len(tries.asked) + len(tries.failed) == 1
    assert tries.version == 2
