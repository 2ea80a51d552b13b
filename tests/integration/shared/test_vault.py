"""One suite for both vaults, in memory and in MongoDB: they give the same answers."""

import os
from typing import Any
from uuid import uuid4

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from shared.sealing import ERASED, Key, KeyClass, Owner, Sealed, UnknownKeyError, Vault, aad, open_many, seal
from shared.sealing.kek import FileKek
from shared.sealing.mongo_vault import MongoVault
from tests.fakes.vault import InMemoryVault

pytestmark = pytest.mark.integration


@pytest.fixture(params=["memory", "mongo"])
async def vault(request: pytest.FixtureRequest, database: AsyncDatabase[dict[str, Any]]) -> Vault:
    """Give each vault in turn, empty."""
    if request.param == "memory":
        return InMemoryVault()
    vault = MongoVault(database, FileKek(bytes(range(32))))
    await vault.prepare()
    return vault


def owners(number: int = 3) -> list[Owner]:
    """Return that many owners whom no test has met."""
    return [(uuid4().hex, KeyClass.REIMBURSEMENT) for _ in range(number)]


async def test_mints_once(vault: Vault):
    """An owner has one key: asking again gives the same."""
    wanted = owners()

    first = await vault.ensure_keys(wanted)
    again = await vault.ensure_keys([*wanted, *owners(1)])

    assert set(first) == set(wanted)
    assert all(again[owner] == first[owner] for owner in wanted)


async def test_repeated_owners(vault: Vault):
    """A batch may name an owner many times."""
    owner = owners(1)[0]

    assert set(await vault.ensure_keys([owner] * 5)) == {owner}


async def test_nothing_asked(vault: Vault):
    """An empty batch has an empty answer."""
    assert await vault.ensure_keys([]) == {}
    assert await vault.ensure_subjects([]) == {}
    assert await vault.find_keys([]) == {}
    assert await vault.keys_by_id([]) == {}


async def test_classes_apart(vault: Vault):
    """Each class of a record has its own key."""
    record = uuid4().hex

    keys = await vault.ensure_keys([(record, name) for name in KeyClass])

    assert len({key.id for key in keys.values()}) == len(KeyClass)
    assert len({key.material for key in keys.values()}) == len(KeyClass)


async def test_find_does_not_mint(vault: Vault):
    """Finding creates nothing: what does not exist is absent."""
    known, unknown = owners(2)
    minted = await vault.ensure_keys([known])

    assert await vault.find_keys([known, unknown]) == minted
    assert await vault.find_keys([unknown]) == {}


async def test_by_id(vault: Vault):
    """A key is found by the id that a box names; an id never minted is absent."""
    key = (await vault.ensure_keys(wanted := owners(1)))[wanted[0]]

    assert await vault.keys_by_id([key.id, bytes(16)]) == {key.id: key}


async def test_destroyed(vault: Vault):
    """A destroyed key is known as erased, only for the classes named, and may be destroyed again."""
    record = uuid4().hex
    content, identity = (record, KeyClass.CONTENT), (record, KeyClass.IDENTITY)
    keys = await vault.ensure_keys([content, identity])

    assert await vault.destroy_keys(record, [KeyClass.CONTENT, KeyClass.AUDIT]) == 1
    assert await vault.destroy_keys(record, [KeyClass.CONTENT, KeyClass.AUDIT]) == 0

    found = await vault.keys_by_id([key.id for key in keys.values()])
    assert found == {keys[content].id: ERASED, keys[identity].id: keys[identity]}
    assert await vault.find_keys([content, identity]) == {identity: keys[identity]}


async def test_after_destruction(vault: Vault):
    """A record that opens again gets a new key, and what the old one sealed stays erased."""
    owner = (record, name) = owners(1)[0]
    old = (await vault.ensure_keys([owner]))[owner]
    await vault.destroy_keys(record, [name])

    new = (await vault.ensure_keys([owner]))[owner]

    assert new.id != old.id
    assert await vault.keys_by_id([old.id, new.id]) == {old.id: ERASED, new.id: new}


async def test_subjects(vault: Vault):
    """A blind index has one record id, opaque and of 32 hexadecimal digits."""
    indexes = [uuid4().hex for _ in range(3)]

    records = await vault.ensure_subjects(indexes)

    assert await vault.ensure_subjects([*indexes, indexes[0]]) == records
    assert await vault.find_subjects([*indexes, "unknown"]) == records
    assert len(set(records.values())) == 3
    assert all(len(bytes.fromhex(record)) == 16 for record in records.values())


async def test_open_many(vault: Vault):
    """In a list, an erased, a broken and a foreign box stand in their places and the others open."""
    kept, erased = owners(2)
    keys = await vault.ensure_keys([kept, erased])
    place = aad(kept[0], "c1", "s.v1")
    good = seal(keys[kept], b"good", place)
    broken = good[:-1] + bytes([good[-1] ^ 1])
    gone = seal(keys[erased], b"gone", place)
    forged = seal(Key(os.urandom(16), os.urandom(32)), b"forged", place)
    await vault.destroy_keys(erased[0], [erased[1]])

    opened = await open_many(vault, [Sealed(box, place) for box in (gone, broken, forged, b"?", good)])

    assert (opened[0], opened[4]) == (ERASED, b"good")
    assert [getattr(bad, "code", None) for bad in opened[1:4]] == [
        "seal-broken",
        "seal-unknown-key",
        "seal-unknown-version",
    ]
    assert isinstance(opened[2], UnknownKeyError)
