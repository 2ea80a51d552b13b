"""Accounts in MongoDB: {_id: record id, state, cause, since, version, registration: {…, box}}."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import partial

from bson.binary import Binary
from pymongo import ASCENDING
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from services.records.domain.account import FEEDABLE, Account, AccountState, Cause, Registration
from services.records.domain.campaign import Territory
from shared.messaging.failures import RacedError
from shared.messaging.guarded import Change, write_guarded
from shared.messaging.unit import Unit
from shared.mongo import Document


class MongoAccounts:
    """`AccountStore` on a collection that every change guards by what it read."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._accounts = database["accounts"]

    async def prepare(self) -> None:
        """Create the index by state, from which counting is answered and the campaign finds whom to reach next."""
        place = ("registration.department", "registration.regime")
        await self._accounts.create_index([("state", ASCENDING), *((name, ASCENDING) for name in place)])

    async def find(self, records: Collection[str]) -> Mapping[str, Account]:
        """See `AccountStore.find`: one find for the whole batch."""
        rows = await self._accounts.find({"_id": {"$in": list(records)}}).to_list()
        return {row["_id"]: _account(row) for row in rows}

    async def states(self, records: Collection[str]) -> Mapping[str, AccountState]:
        """See `AccountStore.states`: one find for the whole batch."""
        found = self._accounts.find({"_id": {"$in": list(records)}}, {"state": 1}, batch_size=len(records) + 1)
        return {row["_id"]: AccountState(row["state"]) for row in await found.to_list()}

    async def unreached(self, territory: Territory, limit: int) -> Sequence[str]:
        """See `AccountStore.unreached`: answered from the index."""
        wanted: Document = {"state": AccountState.NOT_ELIGIBLE}
        if territory.departments is not None:
            wanted["registration.department"] = {"$in": sorted(territory.departments)}
        if territory.regimes is not None:
            wanted["registration.regime"] = {"$in": sorted(territory.regimes)}
        rows = await self._accounts.find(wanted, {"_id": 1}).limit(limit).to_list()
        return [row["_id"] for row in rows]

    def save(self, accounts: Sequence[Account], unit: Unit, *, read: Mapping[str, Account]) -> None:
        """See `AccountStore.save`."""
        changes = [Change(_document(account), _guard(read.get(account.record))) for account in accounts]
        if changes:
            unit.apply(partial(write_guarded, self._accounts, changes))

    def hold(self, records: Collection[str], unit: Unit) -> None:
        """See `AccountStore.hold`: ``held`` says nothing; an update that changes nothing would not be a write."""
        if records:
            unit.apply(partial(self._hold, list(records)))

    async def count_by_state(self) -> Mapping[AccountState, int]:
        """See `AccountStore.count_by_state`: walks the index by state, not the accounts."""
        listed = {"$match": {"state": {"$in": list(AccountState)}}}
        counted = {"$group": {"_id": "$state", "count": {"$sum": 1}}}
        rows = await (await self._accounts.aggregate([listed, counted])).to_list()
        return {AccountState(row["_id"]): row["count"] for row in rows}

    async def _hold(self, records: list[str], session: AsyncClientSession) -> None:
        still_open = {"_id": {"$in": records}, "state": {"$in": sorted(FEEDABLE)}}
        result = await self._accounts.update_many(still_open, {"$inc": {"held": 1}}, session=session)
        if result.matched_count != len(records):
            raise RacedError


def _guard(read: Account | None) -> Document | None:
    if read is None:
        return None
    return {"version": read.version, "registration.event": read.registration.event}


def _document(account: Account) -> Document:
    """Return a row, field by field: `dataclasses.asdict` copies every value and takes ten times as long."""
    told = account.registration
    return {
        "_id": account.record,
        "state": account.state,
        "cause": account.cause,
        "since": account.since,
        "version": account.version,
        "registration": {
            "version": told.version,
            "insurer": told.insurer,
            "event": told.event,
            "regime": told.regime,
            "department": told.department,
            "dmp_created_on": told.dmp_created_on and told.dmp_created_on.isoformat(),
            "ins_key_valid": told.ins_key_valid,
            "box": Binary(told.box),
            "origin": told.origin,
        },
    }


def _account(row: Document) -> Account:
    told = row["registration"]
    created = told["dmp_created_on"]
    return Account(
        record=row["_id"],
        state=AccountState(row["state"]),
        cause=Cause(row["cause"]),
        since=row["since"],
        version=row["version"],
        registration=Registration(
            **told | {"dmp_created_on": created and date.fromisoformat(created), "box": bytes(told["box"])}
        ),
    )
