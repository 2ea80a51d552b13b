"""What anybody may ask of the log without a token, and how strictly a path is read."""

from base64 import b64decode
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.audit.adapters.vaults import TwoVaults
from tests.fakes.signing import POLICY
from tests.integration.audit.stand import Database, a_stand, doors_of
from verifier.merkle import check_consistency, root_of_inclusion
from verifier.policies import parse_policy
from verifier.proofs import parse_proof

pytestmark = pytest.mark.integration


@pytest.fixture
async def door(database: Database, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of a log of 600 entries, 300 of which an earlier checkpoint covers, and one that waits."""
    async with a_stand(database, tmp_path) as stand:
        await stand.fill(batches=3)
        await stand.fill(batches=3)
        await stand.tell(None)
        async with (
            doors_of(database, TwoVaults(stand.shared, stand.own, stand.key)) as url,
            httpx.AsyncClient(base_url=url, trust_env=False) as client,
        ):
            yield client


async def test_anybody_proves_an_entry(door: httpx.AsyncClient):
    """With a tile, a proof and the policy, an entry is proved without asking the log's operator anything more."""
    for index in (0, 255, 256, 599):
        proof = parse_proof((await door.get(f"/v1/proofs/inclusion?index={index}")).content)
        checkpoint = parse_policy(POLICY).accept(proof.note.encode())
        partial = ".p/88" if index >= 512 else ""
        tile = (await door.get(f"/tile/0/{index // 256:03}{partial}")).content
        hashed = tile[index % 256 * 32 :][:32]
        assert root_of_inclusion(index, checkpoint.size, hashed, proof.path) == checkpoint.root

    assert (await door.get("/v1/proofs/inclusion?index=600")).json()["code"] == "proof-unavailable"


async def test_anybody_proves_growth(door: httpx.AsyncClient, database: Database):
    """Two checkpoints that somebody kept are proved to be one log."""
    notes = [row["note"] async for row in database["checkpoints"].find().sort("_id", 1)]
    old, new = (parse_policy(POLICY).accept(note.encode()) for note in notes)
    answer = await door.get(f"/v1/proofs/consistency?old={old.size}&new={new.size}")
    check_consistency(old.size, new.size, old.root, new.root, [b64decode(line) for line in answer.text.split()])

    for query in ("old=2&new=1", "old=1&new=601"):
        assert (await door.get(f"/v1/proofs/consistency?{query}")).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        *("0/0", "0/00", "0/0000", "0/003", "0/002", "0/002.p/90", "0/000.p/256", "0/000.p/0", "0/000.p/01", "0/-01"),
        *("8/000", "00/000", "+0/000", "0/x000/000", "0/000.p", "0/000/", "0/000.p/1/", "1/001", "0/x999/x999/999"),
        *("entries/000", "0/\u0660\u0660\u0660", "0/000%00"),
    ],
)
async def test_a_tile_has_one_path(door: httpx.AsyncClient, path: str):
    """A path that is not the one spelling of a tile that is there leads nowhere."""
    assert (await door.get(f"/tile/{path}")).status_code == 404


@pytest.mark.parametrize(("path", "hashes"), [("0/000", 256), ("0/002.p/88", 88), ("0/000.p/7", 7), ("1/000.p/2", 2)])
async def test_tiles(door: httpx.AsyncClient, path: str, hashes: int):
    """A tile is its hashes, as many as the path says."""
    answer = await door.get(f"/tile/{path}")

    assert len(answer.content) == 32 * hashes
    assert "immutable" in answer.headers["cache-control"]
