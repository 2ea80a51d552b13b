"""Follows which records are open, from the news that records publishes, in whatever order they come."""

from collections.abc import Sequence
from typing import TypeAlias

from services.ingest.domain.accounts import Account, latest
from services.ingest.ports import AccountStore
from shared.contracts.records import AccountClosedV1, AccountOpenedV1, AccountOpposedV1
from shared.messaging.unit import Unit

News: TypeAlias = AccountOpenedV1 | AccountOpposedV1 | AccountClosedV1


async def follow_accounts(events: Sequence[News], unit: Unit, *, accounts: AccountStore) -> None:
    """Keep the latest state of each record by the account's version; older news are ignored (rule 11)."""
    read = await accounts.find({event.subject for event in events})
    current = dict(read)
    for event in events:
        known = current.get(event.subject)
        news = Account(event.subject, isinstance(event, AccountOpenedV1), event.data.version)
        current[event.subject] = latest(known, news)
        if current[event.subject] is known:
            unit.ignore(event, "version-superseded")
    accounts.save([account for record, account in current.items() if account is not read.get(record)], unit, read=read)
