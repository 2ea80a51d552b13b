"""Which fault strikes when."""

from itertools import pairwise

import pytest

from chaos.faults.table import WORDS, faults
from chaos.schedule import CALM_S, schedule
from deploy.local.places import StackError

LASTING = {"kill": 0.0, "freeze": 9.0, "cut": 0.0, "alarm": 8.0}


def test_every_fault_strikes_before_any_strikes_again():
    """A run hurts in every chosen way at least once, each once before any a second time."""
    for seed in range(50):
        struck = [strike.fault for strike in schedule(seed, LASTING, 120)]
        assert set(struck[: len(LASTING)]) == set(LASTING)
        assert len(struck) > len(LASTING)


def test_there_is_calm_between_strikes():
    """One fault is over before the next begins, and the system gets a moment between them."""
    for seed in range(50):
        strikes = schedule(seed, LASTING, 90)
        for one, next_ in pairwise(strikes):
            assert next_.at - (one.at + one.lasts) >= CALM_S[0] - 1e-6


def test_a_run_is_over_in_its_time():
    """No strike lasts beyond the time that was given."""
    for seed in range(50):
        for seconds in (25, 60, 600):
            assert all(strike.at + strike.lasts <= seconds for strike in schedule(seed, LASTING, seconds))


def test_a_seed_gives_the_same_run_again():
    """The same seed gives the same faults at the same times, and another seed another run."""
    assert schedule(7, LASTING, 300) == schedule(7, LASTING, 300)
    assert schedule(7, LASTING, 300) != schedule(8, LASTING, 300)


def test_too_short_a_run_is_refused():
    """A run that has no time for every chosen fault does not begin: the sentence says how long it needs."""
    with pytest.raises(StackError, match="4 faults need"):
        schedule(1, LASTING, 20)


def test_a_word_chooses_all_that_begin_with_it():
    """``kill`` is every kill, a whole name is that fault, nothing is all of them, and another word is refused."""
    assert {"kill-worker", "kill-broker", "cut"} <= faults("kill,cut").keys()
    assert list(faults("freeze-api")) == ["freeze-api"]
    assert len(faults()) > 25
    with pytest.raises(StackError, match="no fault named flood"):
        faults("cut,flood")


@pytest.mark.parametrize(("word", "seconds"), [("brief", 30), ("cheap", 60)])
def test_lists_of_faults_fit_into_their_time(word: str, seconds: float):
    """What is over soon is known by one word; what the tests run fits into half a minute."""
    chosen = faults(word)
    assert list(chosen) == sorted(chosen, key=list(faults()).index)
    assert chosen.keys() == set(WORDS[word])
    assert schedule(1, {name: fault.lasts for name, fault in chosen.items()}, seconds)
