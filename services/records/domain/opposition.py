"""A person's opposition: what it does to an account, and the attestation that remains (F08, F11)."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from services.records.domain.account import Account, AccountState, Cause


class Way(StrEnum):
    """By which way a person opposed."""

    ONLINE = "online"
    PHONE = "phone"
    POST = "post"


class Effect(StrEnum):
    """What an opposition does."""

    OPPOSED = "opposed"
    """There is no record, or none any more."""
    DMP_KEPT = "dmp-kept"
    """A DMP from before the campaign stays open until the opposition is confirmed (CSP L1111-14, F04)."""
    DMP_CLOSED = "dmp-closed"
    """The opposition was confirmed: that DMP is closed, and archived for ten years (F04)."""


@dataclass(frozen=True, slots=True)
class Opposition:
    """The attestation: who opposed by which way, on which day, and when it was written down by whom."""

    id: str
    record: str
    way: Way
    actor: str
    """``holder``, or the subject of the agent's token."""
    dated: date
    """The day in Paris that counts: of the request, the call or the postmark."""
    at: datetime
    effect: Effect
    version: int
    """The account's version after it."""


def why_unconfirmed(account: Account, latest: Opposition | None) -> str | None:
    """Return why there is nothing to confirm, None if a legacy DMP stands against an opposition (F04)."""
    if latest is None or latest.effect is not Effect.DMP_KEPT or latest.version != account.version:
        return "nothing-to-confirm"
    return None


def effect_of(account: Account, last_day: date | None, dated: date) -> Effect | str:
    """Return what an opposition dated so does to an account, or the code of why it is refused.

    ``last_day`` is that of the delay, None before the notice was sent. An opposition that was made in time undoes
    the opening that its delay ended in, however late it arrives.
    """
    if account.state is AccountState.OPEN and account.cause is Cause.LEGACY_DMP:
        return Effect.DMP_KEPT
    waiting = account.state in (AccountState.ELIGIBLE, AccountState.NOTIFIED)
    opened = account.state is AccountState.OPEN and account.cause is Cause.DEADLINE
    if not (waiting or opened):
        return "account-transition"
    if last_day is not None and dated > last_day:
        return "opposition-too-late"
    return Effect.OPPOSED
