"""A notice and its clock, whatever is reported of it and in whichever order."""

from collections.abc import Callable
from datetime import date, timedelta
from itertools import permutations
from os import urandom

import pytest

from services.records.domain.codes import Code, Purpose, Use, hash_of
from services.records.domain.delay import Policy
from services.records.domain.notice import (
    Aim,
    Notice,
    NoticeState,
    Outcome,
    end,
    is_due,
    note_return,
    note_sending,
    of_code,
    replace_code,
    use_code,
    why_refused,
)
from tests.fakes.records import NOON

KEY = urandom(32)
DAY = date(2022, 1, 15)
LATER = date(2022, 1, 20)

Report = Callable[[Notice], Notice]


def notice(name: str = "n", aim: Aim = Aim.OPENING) -> Notice:
    """Return a notice that was asked for."""
    return Notice(name, "r", aim, NOON, Code(1, hash_of(KEY, name, "CODE")))


def sent(channel: str, on: date) -> Report:
    """Return a report of a sending."""
    return lambda known: note_sending(known, channel, on, Policy.SEED)


def returned(channel: str) -> Report:
    """Return a report of a return."""
    return lambda known: note_return(known, channel, "unclaimed")


def test_the_sending_starts_the_clock():
    """The first report of a sending fixes the deadline (F08)."""
    running = sent("post", DAY)(notice())

    assert (running.state, running.deadline) == (NoticeState.RUNNING, date(2022, 2, 25))


def test_a_repeated_report_changes_nothing():
    """A sending reported again, on the same day or another, fixes no other deadline (F08)."""
    running = sent("post", DAY)(notice())

    assert sent("post", DAY)(running) is running
    assert sent("post", LATER)(running) is running


def test_a_letter_after_a_bounce_restarts_it():
    """After a bounce the delay begins again on the day the letter was posted (F05, F08)."""
    known = sent("post", LATER)(returned("email")(sent("email", DAY)(notice())))

    assert (known.state, known.deadline) == (NoticeState.RUNNING, date(2022, 3, 2))


@pytest.mark.parametrize(
    ("reports", "state", "last_day"),
    [
        ([sent("email", DAY), returned("email"), sent("post", LATER)], NoticeState.RUNNING, date(2022, 3, 2)),
        ([sent("email", DAY), sent("post", LATER), returned("post")], NoticeState.RETURNED, None),
        ([sent("post", DAY), returned("post")], NoticeState.RETURNED, None),
        ([sent("email", DAY), returned("email")], NoticeState.RETURNED, None),
    ],
)
def test_any_order(reports: list[Report], state: NoticeState, last_day: date | None):
    """Reports in any order, each twice, end in the same state and deadline."""
    for order in permutations([*reports, *reports]):
        known = notice()
        for report in order:
            known = report(known)
        assert (known.state, known.deadline) == (state, last_day)


def test_due_the_day_after():
    """On the last day nothing is due; on the day after it is (F08, F09)."""
    running = sent("post", DAY)(notice())

    assert not is_due(running, date(2022, 2, 25))
    assert is_due(running, date(2022, 2, 26))
    assert not is_due(end(running, Outcome.OPPOSED), date(2022, 2, 26))


def test_a_returned_one_is_never_due():
    """The clock of a notice that came back stands still."""
    assert not is_due(returned("post")(sent("post", DAY)(notice())), date(2030, 1, 1))


def test_a_code_alone_runs_no_clock():
    """A notice that brings another code moves no deadline (F08)."""
    brought = sent("email", DAY)(notice(aim=Aim.CODE))

    assert (brought.state, brought.deadline) == (NoticeState.SENT, None)


def test_the_first_outcome_stays():
    """Nothing that comes after the end of a delay changes how it ended."""
    ended = end(sent("post", DAY)(notice()), Outcome.OPPOSED)

    assert end(ended, Outcome.OPENED) is ended
    assert returned("post")(ended).state is NoticeState.ENDED


def test_the_right_code():
    """A code finds the notice that it came with, and no other."""
    held = [notice("a"), notice("b")]

    assert of_code(held, KEY, "CODE") is not None
    assert of_code([notice("a")], urandom(32), "CODE") is None
    assert of_code(held, KEY, "CODA") is None
    assert of_code([], KEY, "CODE") is None


def test_why_a_code_is_refused():
    """Used, replaced and expired are told apart; a letter not reported as sent yet is no obstacle (F07)."""
    fresh, posted = notice(), sent("post", DAY)(notice())
    used = use_code(fresh, Use(NOON, Purpose.OPPOSITION))

    assert why_refused(fresh, date(2030, 1, 1)) is None
    assert why_refused(posted, DAY + timedelta(days=42)) is None
    assert why_refused(posted, DAY + timedelta(days=43)) == "code-expired"
    assert why_refused(replace_code(fresh), DAY) == "code-expired"
    assert why_refused(used, DAY) == "code-already-used"
    assert replace_code(used) is used
