"""A person opposes: online with the code of the notice, or by a call or a letter that an agent writes down (F11)."""

from datetime import date
from uuid import uuid4

from services.records.domain.account import Cause, transition
from services.records.domain.codes import Purpose, Use
from services.records.domain.notice import Outcome, why_refused
from services.records.domain.opposition import Effect, Opposition, Way, effect_of, why_unconfirmed
from services.records.handlers.desk import (
    Desk,
    File,
    Recognised,
    Refused,
    find_file,
    recognise,
    recognise_attestation,
    settle,
)
from services.records.handlers.telling import SOURCE, tell_closed
from shared.contracts.records import AccountOpposedV1, AccountOpposedV1Data
from shared.messaging.unit import Unit

HOLDER = "holder"


async def oppose(index: str, code: str, unit: Unit, *, desk: Desk) -> Opposition | Refused:
    """Take the opposition of whoever has the code; the same one again gets the same attestation."""
    file = await recognise(index, code, unit, desk)
    if isinstance(file, Refused):
        return file
    if made := await _made_with(file, desk):
        return made
    if reason := why_refused(file.known, file.today):
        return Refused(reason)
    return await _take(file, unit, way=Way.ONLINE, actor=HOLDER, dated=file.today, desk=desk)


async def oppose_for(index: str, way: Way, dated: date, actor: str, unit: Unit, *, desk: Desk) -> Opposition | Refused:
    """Take the opposition that an agent received and dates; the agent has made sure of who it is from."""
    file = await find_file(index, desk)
    if file is None:
        return Refused("person-unknown")
    if dated > file.today:
        return Refused("date-future")
    return await _take(file, unit, way=way, actor=actor, dated=dated, desk=desk)


async def confirm(index: str, attestation: str, unit: Unit, *, desk: Desk) -> Opposition | Refused:
    """Confirm an opposition with its attestation: the DMP that it had left is closed; again answers the same (F04)."""
    found = await recognise_attestation(index, attestation, unit, desk)
    if isinstance(found, Refused):
        return found
    return await _confirm(found.file, unit, way=Way.ONLINE, actor=HOLDER, dated=found.file.today, desk=desk)


async def confirm_for(index: str, way: Way, dated: date, actor: str, unit: Unit, *, desk: Desk) -> Opposition | Refused:
    """Take the confirmation that an agent received and dates (F04, F11)."""
    file = await find_file(index, desk)
    if file is None:
        return Refused("person-unknown")
    if dated > file.today:
        return Refused("date-future")
    return await _confirm(file, unit, way=way, actor=actor, dated=dated, desk=desk)


async def _confirm(file: File, unit: Unit, *, way: Way, actor: str, dated: date, desk: Desk) -> Opposition | Refused:
    before = file.account
    latest = await desk.oppositions.latest(before.record)
    if latest is not None and latest.effect is Effect.DMP_CLOSED and latest.version == before.version:
        return latest
    if reason := why_unconfirmed(before, latest):
        return Refused(reason)
    account = transition(before, Cause.CONFIRMED_OPPOSITION, file.now)
    tell_closed(account, "confirmed-opposition", unit, file.now)
    desk.accounts.save([account], unit, read={before.record: before})
    made = Opposition(uuid4().hex, account.record, way, actor, dated, file.now, Effect.DMP_CLOSED, account.version)
    desk.oppositions.add(made, unit)
    return made


async def _made_with(file: Recognised, desk: Desk) -> Opposition | None:
    """Return the opposition that a code made already, as long as it stands."""
    use = file.known.code.use
    if use is None or use.purpose is not Purpose.OPPOSITION or use.proof is None:
        return None
    made = await desk.oppositions.find(use.proof)
    return made if made is not None and made.version == file.account.version else None


async def _take(file: File, unit: Unit, *, way: Way, actor: str, dated: date, desk: Desk) -> Opposition | Refused:
    latest = await desk.oppositions.latest(file.account.record)
    if latest is not None and latest.version == file.account.version:
        return latest  # it stands: nothing is left to oppose
    effect = effect_of(file.account, file.last_day, dated)
    if not isinstance(effect, Effect):
        return Refused(effect)
    account = file.account
    if effect is Effect.OPPOSED:
        account = transition(account, Cause.OPPOSITION, file.now)
        data = AccountOpposedV1Data(channel=way.value, version=account.version)
        unit.emit(AccountOpposedV1.new(source=SOURCE, time=file.now, subject=account.record, data=data))
        desk.accounts.save([account], unit, read={account.record: file.account})
    made = Opposition(uuid4().hex, account.record, way, actor, dated, file.now, effect, account.version)
    settle(file, Outcome.OPPOSED, Use(file.now, Purpose.OPPOSITION, made.id), unit, desk)
    desk.oppositions.add(made, unit)
    return made
