"""What the acts of a person stand on, and how a person is recognised by INS and code."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from services.records.domain.account import Account
from services.records.domain.codes import Use, typed
from services.records.domain.notice import Aim, Notice, Outcome, end, of_code, use_code
from services.records.domain.opposition import Opposition
from services.records.domain.tries import failed, wait_to_try
from services.records.ports import AccountStore, NoticeStore, OppositionStore, TryStore
from shared.clock import Clock, paris_date
from shared.messaging.failures import RacedError
from shared.messaging.unit import Unit
from shared.sealing import Vault

_NOBODY: Final = "0" * 32
"""Looked up where an INS is unknown, so that it takes the same work as a known one."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The stores and secrets behind the acts of people."""

    accounts: AccountStore
    notices: NoticeStore
    oppositions: OppositionStore
    tries: TryStore
    vault: Vault
    codes_key: bytes
    clock: Clock


@dataclass(frozen=True, slots=True)
class Refused:
    """An act that is not done; the code is one of `shared.contracts.reasons.ACTS`."""

    code: str
    wait: timedelta | None = None
    """After which it may be tried again."""


@dataclass(frozen=True, slots=True)
class File:
    """A person's account and notices as they were read."""

    account: Account
    notices: tuple[Notice, ...]
    now: datetime

    @property
    def today(self) -> date:
        """The legal day in France."""
        return paris_date(self.now)

    @property
    def last_day(self) -> date | None:
        """The last day on which the person may oppose, None while no delay runs."""
        return next((notice.deadline for notice in self.notices if notice.aim is Aim.OPENING), None)


@dataclass(frozen=True, slots=True)
class Recognised(File):
    """The file of somebody who has the code of one of the notices."""

    known: Notice


@dataclass(frozen=True, slots=True)
class Attested:
    """The file of somebody who has the number of an attestation, and what it attests."""

    file: File
    made: Opposition


async def find_file(index: str, desk: Desk) -> File | None:
    """Return the file of whom a blind index names; raise `RacedError` if the person is just deciding.

    A decision changes account and notices together. The account is read before and after the notices, because one
    side seen before a decision and the other after it would look like a person who never was.
    """
    record: str = (await desk.vault.find_subjects({index})).get(index, _NOBODY)
    before = await desk.accounts.find({record})
    notices = await desk.notices.of_records({record})
    accounts = await desk.accounts.find({record})
    if before != accounts:
        raise RacedError
    return File(accounts[record], tuple(notices), _moment(desk.clock)) if record in accounts else None


async def recognise(index: str, code: str, unit: Unit, desk: Desk) -> Recognised | Refused:
    """Return the file of the person whose INS and code these are; a wrong one of either is told and counted alike."""
    tries = await desk.tries.find(index)
    file = await find_file(index, desk)
    now = _moment(desk.clock)
    known = of_code(file.notices if file else (), desk.codes_key, typed(code))
    if wait := wait_to_try(tries, now):
        return Refused("too-many-tries", wait)
    if file is None or known is None:
        desk.tries.save(failed(tries, now), unit, read=tries)
        return Refused("code-unknown")
    return Recognised(file.account, file.notices, now, known)


async def recognise_attestation(index: str, attestation: str, unit: Unit, desk: Desk) -> Attested | Refused:
    """Return the person whose INS and attestation these are.

    Whoever made an opposition, or was given its proof, knows the number, which nobody can guess. A wrong one of
    either is told and counted alike, as a wrong code is.
    """
    tries = await desk.tries.find(index)
    file = await find_file(index, desk)
    made = await desk.oppositions.find(attestation)
    now = _moment(desk.clock)
    if wait := wait_to_try(tries, now):
        return Refused("too-many-tries", wait)
    if file is None or made is None or made.record != file.account.record:
        desk.tries.save(failed(tries, now), unit, read=tries)
        return Refused("attestation-unknown")
    return Attested(file, made)


def settle(file: File, outcome: Outcome, use: Use, unit: Unit, desk: Desk) -> None:
    """End the delay of a person who has decided, and the use of the code with which it was told."""
    known = file.known.id if isinstance(file, Recognised) else None
    changed = []
    for notice in file.notices:
        after = use_code(notice, use) if notice.id == known else notice
        after = end(after, outcome) if after.aim is Aim.OPENING else after
        if after is not notice:
            changed.append(after)
    desk.notices.save(changed, unit, read={notice.id: notice for notice in file.notices})


def _moment(clock: Clock) -> datetime:
    """Return the present to the millisecond, as it is kept: an answer given again is the same to the letter."""
    now = clock.now()
    return now.replace(microsecond=now.microsecond // 1_000 * 1_000)
