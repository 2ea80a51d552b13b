"""A deposit: one document of one depositor, from its arrival to what records made of it."""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from services.ingest.domain.accounts import Account
from shared.errors import RefusedError
from shared.identity import Professional, Structure


class DepositState(StrEnum):
    """Where a deposit stands."""

    RECEIVED = "received"
    """Kept durably; whether the record takes it is not known yet."""
    STORED = "stored"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Deposit:
    """One row per document; nothing here says what the document is about or who sent it."""

    document: str
    """Its id: a keyed hash of the producer's unique id."""
    content: str
    """Names the sealed bytes; another one at each attempt."""
    record: str
    depositor: str
    """A keyed hash of the depositor's national id."""
    digest: str
    """A keyed hash of what was deposited (F26)."""
    received: datetime
    state: DepositState = DepositState.RECEIVED
    reason: str | None = None
    """Why it was refused."""
    ended: datetime | None = None


Depositor: TypeAlias = Professional | Structure
"""Who deposits, as the token's issuer says: a person, or a structure's software. Written in sealed boxes only."""


def is_known(known: Deposit | None, account: Account | None, digest: str) -> bool:
    """Tell whether a deposit repeats one that stands; False: it is to be received.

    Raise `RefusedError`: ``record-unavailable`` where there is no open record, ``document-conflict`` where the id
    names another document, whoever sent it (F26). A refused deposit kept nothing, so its document may come again.
    """
    standing = None if known is None or known.state is DepositState.REFUSED else known
    if standing is not None and hmac.compare_digest(standing.digest, digest):
        return True
    if account is None or not account.open:
        raise RefusedError("record-unavailable")
    if standing is not None:
        raise RefusedError("document-conflict", "id")
    return False


def end(deposit: Deposit, at: datetime, reason: str | None = None) -> Deposit:
    """Return a deposit whose fate is known: stored, or refused for a reason."""
    state = DepositState.STORED if reason is None else DepositState.REFUSED
    return replace(deposit, state=state, reason=reason, ended=at)
