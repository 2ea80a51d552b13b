"""Tries the rig itself: Carnet as it is must be green under the faults that try it, and red with any rule broken."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from chaos.faults.table import faults as table
from chaos.mutants import MUTANTS, Mutant
from chaos.schedule import needed
from chaos.verdict import Verdict
from deploy.local.places import StackError

BRIEF_S: Final = 30.0
"""How long a brief run hurts at least."""

_SLACK_S: Final = 5.0

_DECLARES: Final = ("shared.messaging.topology", "shared.messaging.amqp", "deploy.local.definitions")
"""Who makes queues, in the rig's own process."""

Run = Callable[[str | None, str, float], Verdict]
"""Runs a mutant, or none, with these faults for so many minutes."""


def mutant_named(name: str) -> Mutant:
    """Return a mutant; raise StackError for a name that there is not."""
    if name not in MUTANTS:
        raise StackError(f"There is no mutant named {name}. There are: {', '.join(MUTANTS)}.")
    return MUTANTS[name]


@contextmanager
def broken(mutant: str | None) -> Iterator[None]:
    """Break what the rig itself does for a mutant: it declares the queues."""
    modules: list[Any] = [import_module(each) for each in _DECLARES] if mutant == "dead-letter-off" else []
    before = [module.queue_arguments for module in modules]

    def without(flow: Any) -> Mapping[str, Any]:
        kept = before[0](flow).items()
        return {key: value for key, value in kept if not key.startswith(("x-dead-letter", "x-overflow"))}

    for module in modules:
        module.queue_arguments = without
    try:
        yield
    finally:
        for module, function in zip(modules, before, strict=True):
            module.queue_arguments = function


def brief_minutes(faults: Sequence[str]) -> float:
    """Return how long a brief run with these faults takes."""
    return max(BRIEF_S, needed({name: each.lasts for name, each in table(",".join(faults)).items()}) + _SLACK_S) / 60


def try_mutants(run: Run, console: Console) -> bool:
    """Run Carnet as it is under every fault that a mutant needs, then each mutant; tell whether all turned out right.

    Where Carnet as it is does not stay green, a mutant that is red proves nothing: none is tried.
    """
    every = list(dict.fromkeys(fault for mutant in MUTANTS.values() for fault in mutant.faults))
    if not run(None, ",".join(every), brief_minutes(every)).good:
        console.print("[bold red]Carnet as it is was not green[/]: no mutant was tried.")
        return False
    rows = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("mutant", "rule", "broken", "must violate", "violated"):
        rows.add_column(title)
    rows.add_row("none", "", "nothing", "", "[green]nothing[/]")
    right = True
    for name, mutant in MUTANTS.items():
        violated = run(name, ",".join(mutant.faults), brief_minutes(mutant.faults)).violated
        right &= (caught := mutant.caught_by(violated))
        said = (
            f"[green]{', '.join(violated)}[/]" if caught else f"[red]survived[/] ({', '.join(violated) or 'nothing'})"
        )
        rows.add_row(name, mutant.rule, mutant.broken, " or ".join(mutant.red), said)
    console.print(rows)
    return right
