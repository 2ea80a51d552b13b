"""A person's account: its states, what moves it from one to another, and what a registration does to it.

The states and causes are those of the decrees 2021-1047 and 2021-1048 (CSP R1111-26 to R1111-40, L1111-14 and
following). Registration, campaign and opposition move accounts today; the other causes are places for what comes next.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from shared.errors import RefusedError

CREATION_FREEZE: Final = date(2021, 7, 1)
"""From this day no new DMP was created by professionals, counters or dmp.fr; those before it live on (F02, F03)."""


class AccountState(StrEnum):
    """Where a person's record stands between a registration and the end of its archive."""

    NOT_ELIGIBLE = "not-eligible"
    ELIGIBLE = "eligible"
    NOTIFIED = "notified"
    OPPOSED = "opposed"
    OPEN = "open"
    ACTIVATED = "activated"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    DELETION_REQUESTED = "deletion-requested"
    DELETED = "deleted"


class Cause(StrEnum):
    """What made an account change."""

    REGISTRATION = "registration"
    """An insurer named the person for the first time: the account's beginning, no transition."""
    LEGACY_DMP = "legacy-dmp"
    ELIGIBILITY = "eligibility"
    NOTICE = "notice"
    OPPOSITION = "opposition"
    CONFIRMED_OPPOSITION = "confirmed-opposition"
    DEADLINE = "deadline"
    ACTIVATION = "activation"
    REOPENING = "reopening"
    SUSPENSION = "suspension"
    CLOSURE = "closure"
    EX_OFFICIO_CLOSURE = "ex-officio-closure"
    DEATH = "death"
    DELETION_REQUEST = "deletion-request"
    DELETION = "deletion"
    PURGE = "purge"


_S = AccountState

FEEDABLE: Final = frozenset({_S.OPEN, _S.ACTIVATED})
"""A record that is open may be fed, whether or not its person ever looked at it."""

TRANSITIONS: Final[dict[Cause, dict[AccountState, AccountState]]] = {
    # F03: integrated by the registration that tells of it.
    Cause.LEGACY_DMP: {_S.NOT_ELIGIBLE: _S.OPEN, _S.ELIGIBLE: _S.OPEN, _S.NOTIFIED: _S.OPEN},
    # F01: the campaign reaches the person's department and regime.
    Cause.ELIGIBILITY: {_S.NOT_ELIGIBLE: _S.ELIGIBLE},
    # F05: a letter after a bounced e-mail is a second notice.
    Cause.NOTICE: {_S.ELIGIBLE: _S.NOTIFIED, _S.NOTIFIED: _S.NOTIFIED},
    # F08, F11: the person may be faster than the report of the sending; one dated in time undoes the opening.
    Cause.OPPOSITION: {_S.ELIGIBLE: _S.OPPOSED, _S.NOTIFIED: _S.OPPOSED, _S.OPEN: _S.OPPOSED},
    # F04: a first opposition leaves a legacy DMP open, the confirmed one closes it (CSP L1111-14).
    Cause.CONFIRMED_OPPOSITION: {_S.OPEN: _S.CLOSED},
    Cause.DEADLINE: {_S.NOTIFIED: _S.OPEN},  # F09
    Cause.ACTIVATION: {_S.ELIGIBLE: _S.ACTIVATED, _S.NOTIFIED: _S.ACTIVATED, _S.OPEN: _S.ACTIVATED},  # F10
    # F12, F15: at any time (CSP R1111-36); it cancels a running deletion, and after one it starts empty.
    Cause.REOPENING: {
        _S.OPPOSED: _S.OPEN,
        _S.CLOSED: _S.OPEN,
        _S.DELETION_REQUESTED: _S.OPEN,
        _S.DELETED: _S.OPEN,
    },
    Cause.SUSPENSION: {_S.OPEN: _S.SUSPENDED, _S.ACTIVATED: _S.SUSPENDED},  # F17
    Cause.CLOSURE: {_S.OPEN: _S.CLOSED, _S.ACTIVATED: _S.CLOSED, _S.SUSPENDED: _S.CLOSED},  # F13
    Cause.EX_OFFICIO_CLOSURE: {_S.SUSPENDED: _S.CLOSED},  # F17: no objection within six weeks
    # F16; who has no record yet is never to get a letter.
    Cause.DEATH: {
        _S.NOT_ELIGIBLE: _S.CLOSED,
        _S.ELIGIBLE: _S.CLOSED,
        _S.NOTIFIED: _S.CLOSED,
        _S.OPPOSED: _S.CLOSED,
        _S.OPEN: _S.CLOSED,
        _S.ACTIVATED: _S.CLOSED,
        _S.SUSPENDED: _S.CLOSED,
    },
    Cause.DELETION_REQUEST: {_S.CLOSED: _S.DELETION_REQUESTED},  # F15
    Cause.DELETION: {_S.DELETION_REQUESTED: _S.DELETED},  # F15: within three months
    Cause.PURGE: {_S.CLOSED: _S.DELETED},  # F14: after ten years
}

REOPENABLE: Final = frozenset({_S.OPPOSED, _S.CLOSED, _S.DELETION_REQUESTED})
"""Where a person may ask for the record again (F12, F15)."""

_UNFED: Final = {
    _S.OPPOSED: "account-opposed",
    _S.SUSPENDED: "account-suspended",
    _S.CLOSED: "account-closed",
    _S.DELETION_REQUESTED: "account-closed",
    _S.DELETED: "account-deleted",
}


@dataclass(frozen=True, slots=True)
class Registration:
    """What an insurer last said of a person: routing facts, and an identity in a box that stays shut."""

    version: int
    insurer: str
    event: str
    """Id of the event that told it."""
    regime: str
    department: str
    dmp_created_on: date | None
    ins_key_valid: bool
    box: bytes = field(repr=False)
    origin: str | None = None
    """The insurer's own event, ``source|id``: the only words in which it can be asked about the person."""

    @property
    def rank(self) -> tuple[int, str, str]:
        """The order of registrations: the insurer's version; the rest decides alike everywhere between equals."""
        return self.version, self.insurer, self.event


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account; ``version`` counts its states, ``since`` is when the present one began."""

    record: str
    state: AccountState
    cause: Cause
    since: datetime
    version: int
    registration: Registration


def transition(account: Account, cause: Cause, at: datetime) -> Account:
    """Return the account after a cause, one version on; raise `RefusedError` where the state does not allow it."""
    target = TRANSITIONS.get(cause, {}).get(account.state)
    if target is None:
        raise RefusedError("account-transition")
    return replace(account, state=target, cause=cause, since=at, version=account.version + 1)


def register(known: Account | None, record: str, news: Registration, at: datetime) -> Account:
    """Return a person's account after a registration, the same one if it tells nothing new.

    The latest registration is kept. A DMP that existed before the freeze is a fact of the past whichever
    registration tells it, so an old one that arrives late still opens; nothing here closes or re-opens.
    """
    account = known or Account(record, AccountState.NOT_ELIGIBLE, Cause.REGISTRATION, at, 1, news)
    if news.rank > account.registration.rank:
        account = replace(account, registration=news)
    if is_legacy(news.dmp_created_on) and account.state in TRANSITIONS[Cause.LEGACY_DMP]:
        account = transition(account, Cause.LEGACY_DMP, at)
    return account


def is_legacy(dmp_created_on: date | None) -> bool:
    """Tell whether a DMP dates from before the freeze (F02, F03)."""
    return dmp_created_on is not None and dmp_created_on < CREATION_FREEZE


def may_reopen(account: Account) -> bool:
    """Tell whether a person may have the record opened again: at any time but after death (CSP R1111-36, F12, F16)."""
    return account.state in REOPENABLE and account.cause is not Cause.DEATH


def why_unfed(state: AccountState) -> str | None:
    """Return why an account in this state takes no new line, None if it does."""
    return None if state in FEEDABLE else _UNFED.get(state, "account-not-open")
