"""What a person decided, as far as it concerns what is sent to them."""

from dataclasses import dataclass

from services.notifications.domain.notice import Aim, Notice


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's record was opened, opposed or closed; ``version`` is the account's after it."""

    record: str
    version: int
    state: str


@dataclass(frozen=True, slots=True)
class Preference:
    """By which ways a person wants to be told; ``version`` counts the changes."""

    record: str
    by_email: bool
    version: int = 1


def is_moot(notice: Notice, decision: Decision | None) -> bool:
    """Tell whether a notice has nothing left to say: the person has decided before it was sent.

    An opening is announced, and its failure told, to those only whose record was never opened, opposed nor closed.
    Another code was asked for, so it is sent whatever was decided before.
    """
    return decision is not None and notice.aim is not Aim.CODE
