"""Every fault that a run may choose, by name."""

from typing import Final

from chaos.faults import Fault
from chaos.faults.aimed import aimed
from chaos.faults.broker import broker
from chaos.faults.database import database
from chaos.faults.machine import ClockJump, DiskFull
from chaos.faults.network import network
from chaos.faults.poison import ProcessKiller
from chaos.faults.processes import KINDS, Freeze, Kill
from chaos.faults.queues import QueueDeleted
from deploy.local.places import StackError

CHEAP: Final = (
    *(f"kill-{kind}" for kind in KINDS),
    "freeze-worker",
    "cut",
    "corrupt",
    "requeue",
    "repeat",
    "commit-unknown",
    "commit-failed",
    "write-concern",
    "step-down",
)
"""``--faults cheap``: what is over soon, and yet hits every part."""

BRIEF: Final = (
    "kill-worker",
    "kill-api",
    "kill-broker",
    "kill-database",
    "cut",
    "requeue",
    "repeat",
    "commit-unknown",
)
"""``--faults brief``: a hand's breadth of each, for the tests."""

WORDS: Final = {"cheap": CHEAP, "brief": BRIEF}


def faults(chosen: str = "") -> dict[str, Fault]:
    """Return new faults by name: those that are named, separated by commas, or all.

    A name may be the beginning of several: ``kill`` is every kill; ``cheap`` and ``brief`` are lists. Raise StackError
    for a name that there is not.
    """
    table = {fault.name: fault for fault in _all()}
    wanted = [word for word in chosen.replace(" ", "").split(",") if word] or list(table)
    wanted = [name for word in wanted for name in WORDS.get(word, (word,))]
    found = {word: [name for name in table if name == word or name.startswith(f"{word}-")] for word in wanted}
    if unknown := [word for word, names in found.items() if not names]:
        raise StackError(f"There is no fault named {', '.join(unknown)}. There are: {', '.join(table)}.")
    named = {name for names in found.values() for name in names}
    return {name: fault for name, fault in table.items() if name in named}


def _all() -> tuple[Fault, ...]:
    return (
        *(Kill(kind) for kind in KINDS),
        *(Freeze(kind) for kind in KINDS),
        *network(),
        *broker(),
        *database(),
        *aimed(),
        QueueDeleted(),
        ProcessKiller(),
        ClockJump(),
        DiskFull(),
    )
