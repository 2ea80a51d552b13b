"""The trial of the rig: which mutants there are, and what it says of one that survives."""

import io
from importlib import import_module
from typing import Any

import pytest
from rich.console import Console

from chaos.aftermath import Aftermath
from chaos.checker import Finding, judge
from chaos.faults.table import faults
from chaos.mutants import MUTANTS
from chaos.schedule import schedule
from chaos.trials import brief_minutes, broken, mutant_named, try_mutants
from chaos.verdict import Verdict
from deploy.local.places import StackError
from shared.messaging.topology import RECORDS_REIMBURSEMENTS


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_can_be_tried(name: str) -> None:
    """The faults of a mutant are faults that there are and fit into its brief run; what it violates is checked."""
    mutant = MUTANTS[name]
    chosen = faults(",".join(mutant.faults))
    assert schedule(1, {fault: each.lasts for fault, each in chosen.items()}, 60 * brief_minutes(mutant.faults))
    assert set(mutant.red) <= {each.name for each in judge([], Aftermath())}


def test_a_mutant_that_there_is_not_is_refused_by_name() -> None:
    """Whoever misspells a mutant is told which there are."""
    with pytest.raises(StackError, match="inbox-off"):
        mutant_named("inbox-of")


def test_queues_lose_their_dead_letters_for_that_mutant_only() -> None:
    """What the rig breaks of its own is whole again afterwards."""
    definitions: Any = import_module("deploy.local.definitions")
    before = definitions.queue_arguments(RECORDS_REIMBURSEMENTS)
    with broken("dead-letter-off"):
        assert "x-dead-letter-exchange" not in definitions.queue_arguments(RECORDS_REIMBURSEMENTS)
    with broken("inbox-off"):
        assert definitions.queue_arguments(RECORDS_REIMBURSEMENTS) == before
    assert definitions.queue_arguments(RECORDS_REIMBURSEMENTS) == before


def _verdict(*violated: str) -> Verdict:
    found = [Finding(name, "a promise", 1, ["broken"]) for name in violated]
    return Verdict(found, {}, [], events=1, published=1)


def _trial(survivor: str | None = None, *, sane_is_red: bool = False, tried: list[str | None] | None = None) -> bool:
    tried = [] if tried is None else tried

    def run(name: str | None, _faults: str, _minutes: float) -> Verdict:
        tried.append(name)
        if name is None:
            return _verdict("lost") if sane_is_red else _verdict()
        return _verdict() if name == survivor else _verdict(MUTANTS[name].red[0])

    return try_mutants(run, Console(file=io.StringIO()))


def test_all_mutants_red_and_carnet_green_is_right() -> None:
    """The rig is trusted when it finds every broken rule, and nothing where none is broken."""
    tried: list[str | None] = []
    assert _trial(tried=tried)
    assert tried == [None, *MUTANTS]


@pytest.mark.parametrize("name", MUTANTS)
def test_a_survivor_is_told(name: str) -> None:
    """A broken rule that no run notices is a hole in the rig."""
    assert not _trial(name)


def test_a_rig_that_is_always_red_proves_nothing() -> None:
    """Carnet as it is goes first, and what is red without a broken rule says nothing of one."""
    tried: list[str | None] = []
    assert not _trial(sane_is_red=True, tried=tried)
    assert tried == [None]


def test_a_fault_that_never_happened_is_no_green_run() -> None:
    """What was not tried is not proved."""
    assert not Verdict([], {"kill-worker": 0}, [], events=1, published=1).good
