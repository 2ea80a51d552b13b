"""Tries the rig itself: each broken rule must turn a brief run red, and the same run must be green without it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from chaos.mutants import MUTANTS, Mutant
from chaos.verdict import Verdict
from deploy.local.places import StackError

BRIEF_MINUTES: Final = 0.5

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


def try_mutants(run: Run, console: Console) -> bool:
    """Run every mutant and, with the same faults, Carnet as it is; tell whether each turned out as it must."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("mutant", "rule", "broken", "verdict", "as it is"):
        table.add_column(title)
    right = True
    for name, mutant in MUTANTS.items():
        faults = ",".join(mutant.faults)
        mutated, sane = run(name, faults, BRIEF_MINUTES), run(None, faults, BRIEF_MINUTES)
        caught = sorted(set(mutated.violated) & set(mutant.red))
        right = right and bool(caught) and sane.good
        said = f"[green]red[/]: {', '.join(mutated.violated)}" if caught else "[red]survived[/]"
        table.add_row(name, mutant.rule, mutant.broken, said, "[green]green[/]" if sane.good else "[red]red[/]")
    console.print(table)
    return right
