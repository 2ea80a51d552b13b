"""A person wants the record: it opens at once (F10), or again after an opposition (F12); or another code (F07)."""

from datetime import timedelta
from typing import Final, Literal

from services.records.domain.account import FEEDABLE, Account, AccountState, Cause, may_reopen, transition
from services.records.domain.codes import Purpose, Use
from services.records.domain.notice import Aim, Outcome, replace_code, why_refused
from services.records.domain.tries import asked, wait_to_ask
from services.records.handlers.campaign import ask_for_notice
from services.records.handlers.desk import Desk, File, Recognised, Refused, find_file, recognise, settle
from services.records.handlers.telling import ask_history, tell_opened
from shared.errors import RefusedError
from shared.messaging.unit import Unit
from shared.sealing import KeyClass

_MAY_HAVE_A_CODE: Final = frozenset({AccountState.ELIGIBLE, AccountState.NOTIFIED, AccountState.OPEN})
"""Besides whoever may have the record opened again."""


async def activate(index: str, code: str, unit: Unit, *, desk: Desk) -> Account | Refused:
    """Open the record of whoever has the code, and call the deadline off; the same again changes nothing."""
    file = await recognise(index, code, unit, desk)
    if isinstance(file, Refused):
        return file
    if _was_done(file):
        return file.account
    if reason := why_refused(file.known, file.today):
        return Refused(reason)
    before = file.account
    try:
        opened = transition(before, Cause.REOPENING, file.now) if may_reopen(before) else before
        after = transition(opened, Cause.ACTIVATION, file.now)
    except RefusedError as error:
        return Refused(error.code)
    if before.state not in FEEDABLE:
        how: Literal["reopening", "activation"] = "activation" if opened is before else "reopening"
        tell_opened(after, how, unit, file.now)
        ask_history(after, unit, file.now)
    desk.accounts.save([after], unit, read={before.record: before})
    settle(file, Outcome.ACTIVATED, Use(file.now, Purpose.ACTIVATION), unit, desk)
    return after


async def reopen_for(index: str, unit: Unit, *, desk: Desk) -> Account | Refused:
    """Open a record again as an agent was asked to, after an opposition or a closure (F12); again answers the same."""
    file = await find_file(index, desk)
    if file is None:
        return Refused("person-unknown")
    before = file.account
    if before.state in FEEDABLE and before.cause is Cause.REOPENING:
        return before
    if not may_reopen(before):
        return Refused("account-transition")
    after = transition(before, Cause.REOPENING, file.now)
    tell_opened(after, "reopening", unit, file.now)
    ask_history(after, unit, file.now)
    desk.accounts.save([after], unit, read={before.record: before})
    return after


async def request_code(index: str, unit: Unit, *, desk: Desk) -> timedelta | None:
    """Send another code to whoever may have one, and invalidate those before it.

    Return how long to wait if it was asked too soon. Nothing tells whether anybody is known by this INS.
    """
    tries = await desk.tries.find(index)
    file = await find_file(index, desk)
    now = desk.clock.now()
    if wait := wait_to_ask(tries, now):
        return wait
    if file is not None and (file.account.state in _MAY_HAVE_A_CODE or may_reopen(file.account)):
        await _send_code(file, unit, desk)
    desk.tries.save(asked(tries, now), unit, read=tries)
    return None


async def _send_code(file: File, unit: Unit, desk: Desk) -> None:
    record = file.account.record
    owner = (record, KeyClass.IDENTITY)
    key = (await desk.vault.ensure_keys({owner}))[owner]
    number = 1 + max((notice.code.number for notice in file.notices), default=0)
    notice = ask_for_notice(record, Aim.CODE, unit, number=number, key=key, codes_key=desk.codes_key, now=file.now)
    replaced = [after for before in file.notices if (after := replace_code(before)) is not before]
    desk.notices.save([*replaced, notice], unit, read={before.id: before for before in file.notices})


def _was_done(file: Recognised) -> bool:
    use = file.known.code.use
    activated = file.account.state is AccountState.ACTIVATED
    return activated and use is not None and use.purpose is Purpose.ACTIVATION
