"""What time starts: the campaign asks for notices, and opens the records of those who did not oppose."""

from base64 import b64encode
from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import uuid4

import orjson

from services.records.domain.account import Account, AccountState, Cause, transition
from services.records.domain.campaign import Campaign
from services.records.domain.codes import Code, hash_of, mint
from services.records.domain.notice import Aim, Notice, Outcome, end, is_due, put_off
from services.records.handlers.telling import SOURCE, ask_history, tell_opened
from services.records.ports import AccountStore, NoticeStore
from shared.clock import Clock, paris_date
from shared.contracts.records import NoticeRequestedV1, NoticeRequestedV1Data
from shared.messaging.unit import Unit
from shared.sealing import Key, KeyClass, Vault, aad, seal

NOTICE_SCHEMA: Final = "notice.v1"
"""What is in the box of a notice: ``{"code": …}``."""


async def request_notices(
    records: Collection[str],
    unit: Unit,
    *,
    accounts: AccountStore,
    notices: NoticeStore,
    vault: Vault,
    campaign: Campaign,
    codes_key: bytes,
    clock: Clock,
) -> int:
    """Have a notice sent to each of these people whom the campaign reaches; return to how many (F01)."""
    now = clock.now()
    territory = campaign.territory(paris_date(now))
    read = await accounts.find(records)
    reached = [
        account
        for account in read.values()
        if account.state is AccountState.NOT_ELIGIBLE
        and territory is not None
        and territory.holds(account.registration.department, account.registration.regime)
    ]
    keys = await vault.ensure_keys({(account.record, KeyClass.IDENTITY) for account in reached})
    asked = []
    for account in reached:
        key = keys[account.record, KeyClass.IDENTITY]
        asked.append(ask_for_notice(account.record, Aim.OPENING, unit, number=1, key=key, codes_key=codes_key, now=now))
    accounts.save([transition(account, Cause.ELIGIBILITY, now) for account in reached], unit, read=read)
    notices.save(asked, unit, read={})
    return len(reached)


def ask_for_notice(
    record: str, aim: Aim, unit: Unit, *, number: int, key: Key, codes_key: bytes, now: datetime
) -> Notice:
    """Mint a code, hand it over sealed to whoever sends the notice, and return the notice with its hash."""
    notice = uuid4().hex
    code = mint(codes_key, record, notice, number)
    box = seal(key, orjson.dumps({"code": code}), aad(record, notice, NOTICE_SCHEMA))
    data = NoticeRequestedV1Data(notice_id=notice, aim=aim.value, sealed=b64encode(box).decode())
    unit.emit(NoticeRequestedV1.new(source=SOURCE, time=now, subject=record, data=data))
    return Notice(notice, record, aim, now, Code(number, hash_of(codes_key, notice, code)))


async def open_due(
    ids: Collection[str], unit: Unit, *, accounts: AccountStore, notices: NoticeStore, clock: Clock
) -> int:
    """Open the records of people whose delay is over; return how many delays ended (F09).

    An opposition that is committed first has moved the account or ended the notice, and wins.
    """
    now = clock.now()
    today = paris_date(now)
    found = await notices.find(ids)
    due = [notice for notice in found.values() if is_due(notice, today)]
    read = await accounts.find({notice.record for notice in due})
    opened: list[Account] = []
    ended: list[Notice] = []
    for notice in due:
        account = read.get(notice.record)
        if account is None or account.state is not AccountState.NOTIFIED:
            ended.append(end(notice, Outcome.MOOT))
            continue
        opened.append(transition(account, Cause.DEADLINE, now))
        ended.append(end(notice, Outcome.OPENED))
        tell_opened(opened[-1], "deadline", unit, now)
        ask_history(opened[-1], unit, now)
    accounts.save(opened, unit, read=read)
    notices.save(ended, unit, read=found)
    return len(ended)


async def put_opening_off(
    notice: str, unit: Unit, *, notices: NoticeStore, vault: Vault, codes_key: bytes, clock: Clock
) -> int:
    """Try an opening that failed again later; at its first failure tell the person without delay (F18).

    Return how many openings were put off: none if it has been opened meanwhile.
    """
    now = clock.now()
    read = await notices.find({notice})
    before = read.get(notice)
    if before is None or not is_due(before, paris_date(now)):
        return 0
    changed = [put_off(before, now)]
    if before.failing is None:
        owner = (before.record, KeyClass.IDENTITY)
        key = (await vault.ensure_keys({owner}))[owner]
        known = await notices.of_records({before.record})
        number = 1 + max(each.code.number for each in known)
        changed.append(
            ask_for_notice(before.record, Aim.FAILURE, unit, number=number, key=key, codes_key=codes_key, now=now)
        )
    notices.save(changed, unit, read=read)
    return 1
