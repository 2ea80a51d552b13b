"""What only the vault in MongoDB can show: races between processes, its memory, and what its files hold."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from bson.binary import Binary
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from shared.sealing import ERASED, KeyClass, KeyEncryptionError, Owner, aad, seal
from shared.sealing.kek import FileKek
from shared.sealing.mongo_vault import MongoVault

pytestmark = pytest.mark.integration

Row = dict[str, Any]
KEK = bytes(range(32))


class Hand:
    """A monotonic clock moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


async def real(database: AsyncDatabase[Row], clock: Callable[[], float] = monotonic) -> MongoVault:
    """Return the vault as one more process would open it."""
    vault = MongoVault(database, FileKek(KEK), clock=clock)
    await vault.prepare()
    return vault


def owners(number: int = 3) -> list[Owner]:
    """Return that many owners whom no test has met."""
    return [(uuid4().hex, KeyClass.REIMBURSEMENT) for _ in range(number)]


class TestRaces:
    """Many processes at once."""

    async def test_keys(self, database: AsyncDatabase[Row]):
        """Twenty processes that ensure the same 200 owners at once get one key each."""
        wanted = owners(200)
        vaults = [await real(database) for _ in range(20)]

        answers = await asyncio.gather(*(vault.ensure_keys(wanted) for vault in vaults))

        assert all(answer == answers[0] for answer in answers)
        assert len({key.id for key in answers[0].values()}) == 200

    async def test_subjects(self, database: AsyncDatabase[Row]):
        """Twenty processes that meet the same 200 people at once give each one record id."""
        indexes = [uuid4().hex for _ in range(200)]
        vaults = [await real(database) for _ in range(20)]

        answers = await asyncio.gather(*(vault.ensure_subjects(indexes) for vault in vaults))

        assert all(answer == answers[0] for answer in answers)

    async def test_destroyed_meanwhile(self, database: AsyncDatabase[Row]):
        """Keys destroyed while others mint them leave only live keys and explained ones."""
        wanted = owners(1)
        vaults = [await real(database) for _ in range(10)]

        destroying = [asyncio.create_task(vault.destroy_keys(wanted[0][0], [wanted[0][1]])) for vault in vaults]
        answers = await asyncio.gather(*(vault.ensure_keys(wanted) for vault in vaults))
        await asyncio.gather(*destroying)

        used = {answer[wanted[0]].id for answer in answers}
        assert set(await (await real(database)).keys_by_id(used)) == used


class TestMemory:
    """What a process remembers, and for how long."""

    async def test_forgets(self, database: AsyncDatabase[Row]):
        """A key destroyed by another process is forgotten after 30 s, however often it is used."""
        clock = Hand()
        here, there = await real(database, clock), await real(database)
        owner = owners(1)[0]
        key = (await here.ensure_keys([owner]))[owner]
        await there.destroy_keys(owner[0], [owner[1]])

        clock.now = 29.9
        assert await here.keys_by_id([key.id]) == {key.id: key}
        clock.now = 30.0
        assert await here.keys_by_id([key.id]) == {key.id: ERASED}
        assert await here.find_keys([owner]) == {}

    async def test_evicts(self, database: AsyncDatabase[Row]):
        """The process that destroys a key forgets it at once."""
        vault = await real(database)
        owner = owners(1)[0]
        key = (await vault.ensure_keys([owner]))[owner]

        await vault.destroy_keys(owner[0], [owner[1]])

        assert await vault.keys_by_id([key.id]) == {key.id: ERASED}


class TestStored:
    """What the database holds."""

    async def test_only_inserts_and_deletes(self, database: AsyncDatabase[Row]):
        """The rows hold the wrapped key and no material, under the names that the roles are written for."""
        owner = owners(1)[0]
        key = (await (await real(database)).ensure_keys([owner]))[owner]

        row = await database["keys"].find_one({"_id": Binary(key.id)})

        assert row is not None
        assert set(row) == {"_id", "subject", "class", "wrapped"}
        assert key.material not in row["wrapped"]

    async def test_moved_row(self, database: AsyncDatabase[Row]):
        """A wrapped key put under another owner does not open there."""
        mine, yours = owners(2)
        await (await real(database)).ensure_keys([mine])
        await database["keys"].update_one({"subject": mine[0]}, {"$set": {"subject": yours[0]}})

        with pytest.raises(KeyEncryptionError):
            await (await real(database)).find_keys([yours])

    async def test_other_kek(self, database: AsyncDatabase[Row]):
        """Without the key-encryption key that wrapped it no key opens; kept as an older one, it does."""
        owner = owners(1)[0]
        keys = await (await real(database)).ensure_keys([owner])
        other = os.urandom(32)

        with pytest.raises(KeyEncryptionError):
            await MongoVault(database, FileKek(other)).find_keys([owner])
        assert await MongoVault(database, FileKek(other, KEK)).find_keys([owner]) == keys

    async def test_restored_backup(self, database: AsyncDatabase[Row]):
        """A key missing without a trace of its destruction is unknown, never taken for an erasure."""
        vault = await real(database)
        owner = owners(1)[0]
        key = (await vault.ensure_keys([owner]))[owner]
        await database["keys"].delete_one({"_id": Binary(key.id)})

        assert await (await real(database)).keys_by_id([key.id]) == {}

    async def test_other_trouble_is_raised(self, database: AsyncDatabase[Row]):
        """A refusal that is not a duplicate is not swallowed: no key is given that was not stored."""
        await real(database)
        await database.command("collMod", "keys", validator={"never": {"$exists": True}})

        with pytest.raises(BulkWriteError):
            await (await real(database)).ensure_keys(owners(2))

    async def test_no_plain_text_in_files(self, database: AsyncDatabase[Row]):
        """What was sealed appears nowhere in the files of the database, while a clear text does."""
        vault = await real(database)
        owner = owners(1)[0]
        key = (await vault.ensure_keys([owner]))[owner]
        sealed, clear = (f"canary-{os.urandom(12).hex()}".encode() for _ in range(2))
        box = seal(key, sealed, aad(owner[0], "c", "s.v1"))
        await database["rows"].insert_many([{"body": Binary(box)}, {"body": Binary(clear)}])
        await database.client.admin.command("fsync")

        options = await database.client.admin.command("getCmdLineOpts")
        written = contents(Path(options["parsed"]["storage"]["dbPath"]))

        assert any(clear in content for content in written), "the search does not see the files"
        assert not any(text in content for content in written for text in (sealed, key.material))


def contents(folder: Path) -> list[bytes]:
    """Return what each file under a folder holds."""
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
