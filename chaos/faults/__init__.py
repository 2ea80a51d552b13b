"""What every fault is: something that hurts the system, is healed again, and proves that it was felt."""

from random import Random
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chaos.rig import Rig


class Fault(Protocol):
    """One way to hurt a running system; an object serves one run, and may strike many times in it.

    A strike is `inject`, then `lasts` seconds of it, then `heal`. A fault that was injected is not yet a fault that
    happened: `seen` counts what the system, or the server that was hurt, has shown of it. A run in which a chosen
    fault was never seen proves nothing about it and fails.
    """

    @property
    def name(self) -> str:
        """How the reader names it: ``--faults NAME``."""

    @property
    def lasts(self) -> float:
        """Seconds from `inject` to `heal`; 0 for what is over at once, like a kill."""

    @property
    def seen(self) -> int:
        """How often it was seen to bite in this run."""

    async def inject(self, rig: "Rig", dice: Random) -> str:
        """Hurt something that the dice choose; return what was hurt, for the history and for the reader.

        Raise `NotNowError` if there is nothing to hurt at this moment.
        """

    async def heal(self, rig: "Rig") -> None:
        """Undo it and look whether it bit. Doing it again, or without having injected, is no harm."""


class NotNowError(Exception):
    """There is nothing that this fault could hurt at this moment; it is tried again later."""
