"""Somebody with the database in hand changes the log: each damage is found, and named by its place (I 100-115)."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from os import urandom
from pathlib import Path
from typing import Any

import pytest
from bson.binary import Binary

from services.audit.adapters.mongo_log import MongoLog
from services.audit.domain.checkpoints import NotWitnessedError
from services.audit.domain.entries import fresh, tell, texts_of
from services.audit.domain.tree import LogDamagedError, extend
from services.audit.handlers.appending import opening_aad
from shared.messaging.failures import FencedError
from shared.sealing import KeyClass, open_box, seal
from tests.fakes.entries import told
from tests.integration.audit.stand import ADA, Database, Stand, a_stand
from verifier.command import INCOMPLETE, TAMPERED, VALID
from verifier.leaves import parse_leaf
from verifier.merkle import leaf_hash

pytestmark = pytest.mark.integration


@pytest.fixture
async def stand(database: Database, tmp_path: Path) -> AsyncIterator[Stand]:
    """Give a log of 600 entries, signed and witnessed."""
    async with a_stand(database, tmp_path) as made:
        await made.fill(batches=6)
        yield made


async def verdict(stand: Stand, capsys: pytest.CaptureFixture[str], since: Path | None = None) -> tuple[int, str]:
    """Export the log as it is and return what the verifier says of it."""
    code = stand.verify(await stand.export("damaged"), since)
    return code, capsys.readouterr().err


async def edit_leaf(stand: Stand) -> None:
    """100: change one bit of an entry."""
    row = await stand.at.leaves.find_one({"_id": 300})
    assert row is not None
    leaf = bytearray(row["leaf"])
    leaf[-1] ^= 1
    await stand.at.leaves.update_one({"_id": 300}, {"$set": {"leaf": Binary(bytes(leaf))}})


async def flip_tile(stand: Stand) -> None:
    """101: flip one bit of a tile."""
    row = await stand.at.tiles.find_one({"_id": "0/1"})
    assert row is not None
    hashes = bytearray(row["hashes"])
    hashes[44 * 32] ^= 1
    await stand.at.tiles.update_one({"_id": "0/1"}, {"$set": {"hashes": Binary(bytes(hashes))}})


async def flip_upper_tile(stand: Stand) -> None:
    """101: flip one bit of a tile above the entries' own."""
    row = await stand.at.tiles.find_one({"_id": "1/0"})
    assert row is not None
    hashes = bytearray(row["hashes"])
    hashes[0] ^= 1
    await stand.at.tiles.update_one({"_id": "1/0"}, {"$set": {"hashes": Binary(bytes(hashes))}})


async def swap_leaves(stand: Stand) -> None:
    """103: exchange two entries."""
    one, other = await stand.at.leaves.find({"_id": {"$in": [300, 400]}}).sort("_id", 1).to_list()
    await stand.at.leaves.delete_many({"_id": {"$in": [300, 400]}})
    await stand.at.leaves.insert_many([{**one, "_id": 400}, {**other, "_id": 300}])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (edit_leaf, ["tampered: entry 300: leaf-altered"]),
        (flip_tile, ["tampered: entry 300: tile-altered"]),
        (flip_upper_tile, ["tampered: tile/1/000.p/2: tile-altered"]),
        (swap_leaves, ["tampered: entry 300, which belongs to 400: leaf-moved", "entry 400, which belongs to 300"]),
    ],
)
async def test_changed(
    stand: Stand, capsys: pytest.CaptureFixture[str], damage: Callable[[Stand], Awaitable[None]], said: list[str]
):
    """I 100, 101, 103: what was changed in the database is named by its place, and nothing else is."""
    assert (await verdict(stand, capsys))[0] == VALID
    shutil.rmtree(stand.folder / "damaged")
    await damage(stand)

    code, text = await verdict(stand, capsys)

    assert code == TAMPERED
    assert all(line in text for line in said), text
    assert len([line for line in text.splitlines() if "root-mismatch" not in line]) == len(said), text


async def test_deleted_leaf(stand: Stand, capsys: pytest.CaptureFixture[str]):
    """I 102: an entry that was taken out and its gap closed is named; one that is simply gone cannot be exported."""
    whole = await stand.export("whole")
    bundle = (whole / "tile/entries/001").read_bytes()
    at = 44 * 139
    (whole / "tile/entries/001").write_bytes(bundle[:at] + bundle[at + 139 :])
    assert stand.verify(whole) == TAMPERED
    assert "tampered: entry 300: leaf-deleted" in capsys.readouterr().err

    await stand.at.leaves.delete_one({"_id": 300})
    with pytest.raises(Exception, match="404"):
        await stand.export("damaged")
    await stand.tell(None, None)
    await stand.at.leaves.delete_one({"_id": 600})
    with pytest.raises(LogDamagedError, match="a leaf from 600 on is missing"):
        await stand.sign()


async def test_truncated(stand: Stand, capsys: pytest.CaptureFixture[str]):
    """I 104: a tail that was cut off, head and checkpoints included, is found by a kept checkpoint and by witnesses."""
    await stand.export("short")
    short = await stand.reader.head()
    await stand.fill(batches=1)
    kept = (await stand.export("kept")) / "checkpoint"
    await stand.at.leaves.delete_many({"_id": {"$gte": 600}})
    await stand.at.openings.delete_many({"_id": {"$gte": 600}})
    await stand.database["checkpoints"].delete_many({"_id": {"$gt": 600}})
    await stand.database["signed"].delete_many({"_id": {"$gt": 600}})
    await stand.at.head.update_one({}, {"$set": {"size": short.size, "root": Binary(short.root)}})

    code, text = await verdict(stand, capsys, kept)
    assert (code, "log-shrunk" in text) == (TAMPERED, True)
    await stand.tell(None, sequencer=MongoLog(stand.database))
    with pytest.raises(NotWitnessedError):
        await stand.sign(stand.signer())


async def test_rewritten(stand: Stand, database: Database, capsys: pytest.CaptureFixture[str]):
    """I 105: an attacker with the whole database and the log's key rewrites history without a contradiction inside.

    No witness signs it; a checkpoint that was kept convicts it; only to those who ask for no witness it looks sound.
    """
    kept = (await stand.export("kept")) / "checkpoint"
    forged = await forge(stand)

    with pytest.raises(NotWitnessedError):
        await stand.sign(stand.signer())
    assert await stand.shelf.published() is None
    alone = replace_policy(stand)
    await stand.sign(alone)
    exported = await stand.export("forged")
    assert stand.verify(exported) == TAMPERED
    assert "witnesses-too-few" in capsys.readouterr().err
    assert (await stand.reader.head()).root == forged
    (exported / "checkpoint").write_bytes(kept.read_bytes())
    assert stand.verify(exported) == TAMPERED
    assert "root-mismatch" in capsys.readouterr().err


async def forge(stand: Stand) -> bytes:
    """Let entry 300 say something else, and make everything after it fit; return the new root."""
    rows = await stand.at.leaves.find().sort("_id", 1).to_list()
    event = told(ADA)
    new = fresh(event.name, event, tell(event, (await stand.sequencer.links([ADA]))[ADA]), time=1, number=1, box=b"x")
    rows[300] |= {"event": Binary(event.name), "leaf": Binary(new.raw)}
    growth = extend(0, {}, [leaf_hash(row["leaf"]) for row in rows])
    await stand.at.leaves.delete_many({})
    await stand.at.leaves.insert_many(rows)
    for tile, hashes in growth.tiles.items():
        await stand.at.tiles.update_one({"_id": f"{tile.level}/{tile.place}"}, {"$set": {"hashes": Binary(hashes)}})
    await stand.at.head.update_one({}, {"$set": {"root": Binary(growth.root)}})
    for name in ("signed", "checkpoints"):
        await stand.database[name].delete_many({})
    return growth.root


def replace_policy(stand: Stand) -> Any:
    """Return a signer with the log's key that asks no witness."""
    signing = stand.signer()
    signing.witnesses = []
    signing.policy = replace(signing.policy, quorum="none")
    return signing


async def test_second_sequencer(stand: Stand):
    """I 110: once a second sequencer has appended, the first is refused, whatever it had prepared."""
    second = MongoLog(stand.database)
    await stand.tell(None, sequencer=second)
    with pytest.raises(FencedError):
        await stand.tell(None)
    await stand.tell(None, sequencer=second)
    await stand.sign()
    assert (await stand.reader.head()).size == 602


async def test_clock_back(stand: Stand, capsys: pytest.CaptureFixture[str]):
    """I 111: a clock that goes back an hour, or leaps ahead, changes no order, and the log stays valid."""
    for seconds in (-3600, 86_400, -90_000):
        stand.clock.instant = stand.clock.instant.fromtimestamp(stand.clock.instant.timestamp() + seconds, tz=None)
        stand.clock.instant = stand.clock.instant.astimezone()
        await stand.tell(ADA, None)
    await stand.sign()

    assert (await verdict(stand, capsys)) == (VALID, "")
    times = [parse_leaf(raw).recorded_at for _, raw in await stand.reader.leaves(0, 700)]
    assert times == sorted(times)


@pytest.mark.parametrize("how", ["salt", "text"])
async def test_wrong_opening(stand: Stand, capsys: pytest.CaptureFixture[str], how: str):
    """I 114: a text or a salt that an entry does not commit to is named, though it was sealed as it should be."""
    row = await stand.at.openings.find_one({"_id": 300})
    assert row is not None
    key = (await stand.shared.ensure_keys([(row["record"], KeyClass.AUDIT)]))[row["record"], KeyClass.AUDIT]
    place = opening_aad(row["record"], parse_leaf((await stand.reader.leaves(300, 1))[0][1]).event)
    text = open_box(key, row["box"], place)
    assert len(texts_of(text)) == 3
    changed = urandom(32) + text[32:] if how == "salt" else text.replace(b"AAAA", b"BBBB")
    await stand.at.openings.update_one({"_id": 300}, {"$set": {"box": Binary(seal(key, changed, place))}})

    code, said = await verdict(stand, capsys)

    assert code == TAMPERED
    assert said == f"tampered: entry 300, {'subject' if how == 'salt' else 'detail'}: commitment-mismatch\n"


async def test_broken_box(stand: Stand, capsys: pytest.CaptureFixture[str]):
    """I 119: a box that does not open any more is named, and nothing else is held against the log."""
    await stand.at.openings.update_one({"_id": 300}, {"$set": {"box": Binary(b"\x01" + urandom(90))}})

    code, said = await verdict(stand, capsys)

    assert code == INCOMPLETE
    assert "incomplete: entry 300: opening-unreadable" in said


async def test_the_signer_finds_it_first(stand: Stand):
    """A leaf or a tile that was changed before it was signed is never signed."""
    await stand.tell(*[None] * 10)
    row = await stand.at.leaves.find_one({"_id": 605})
    assert row is not None
    await stand.at.leaves.update_one({"_id": 605}, {"$set": {"leaf": Binary(bytes(137))}})
    with pytest.raises(LogDamagedError, match="tile 0/2 does not hold its leaves"):
        await stand.sign()
    await stand.at.leaves.update_one({"_id": 605}, {"$set": {"leaf": row["leaf"]}})
    await stand.sign()
    await flip_tile(stand)
    await stand.tell(None)
    await stand.sign()  # the full tile lies below the edge, which a signer that remembers it does not read again
    await stand.at.head.update_one({}, {"$set": {"size": 5}})
    with pytest.raises(LogDamagedError, match="611 were signed"):
        await stand.sign()


async def test_a_forged_checkpoint_is_not_built_on(stand: Stand):
    """What the log goes on from is what it signed itself, whatever stands in the database."""
    await stand.database["signed"].update_one({"_id": 600}, [{"$set": {"note": {"$concat": ["x", "$note"]}}}])
    await stand.tell(None)
    with pytest.raises(LogDamagedError):
        await stand.sign(stand.signer())
