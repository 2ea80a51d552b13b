"""A registration that ingest accepted: the person's account begins, or learns something new."""

from base64 import b64decode
from collections.abc import Sequence

from services.records.domain.account import Account, Cause, Registration, register
from services.records.handlers.telling import tell_opened
from services.records.ports import AccountStore
from shared.clock import Clock
from shared.contracts.ingest import BeneficiaryAcceptedV1
from shared.messaging.unit import Unit


async def register_accounts(
    events: Sequence[BeneficiaryAcceptedV1], unit: Unit, *, accounts: AccountStore, clock: Clock
) -> None:
    """Give every person an account, keep the latest registration, and open what a legacy DMP opens (F03)."""
    now = clock.now()
    read = await accounts.find({event.subject for event in events})
    current = dict(read)
    for event in events:
        before = current.get(event.subject)
        after = register(before, event.subject, _registration(event), now)
        if after is before:
            unit.ignore(event, "version-superseded")
        elif _was_opened(before, after):
            tell_opened(after, "legacy-dmp", unit, now, cause=event)
        current[event.subject] = after
    changed = [account for record, account in current.items() if account is not read.get(record)]
    accounts.save(changed, unit, read=read)


def _was_opened(before: Account | None, after: Account) -> bool:
    changed = before is None or before.version != after.version
    return changed and after.cause is Cause.LEGACY_DMP


def _registration(event: BeneficiaryAcceptedV1) -> Registration:
    return Registration(
        version=event.data.version,
        insurer=event.data.insurer,
        event=event.id,
        regime=event.data.regime,
        department=event.data.department,
        dmp_created_on=event.data.dmp_created_on,
        ins_key_valid=event.data.ins_key_valid,
        box=b64decode(event.data.sealed, validate=True),
        origin=event.causationid,
    )
