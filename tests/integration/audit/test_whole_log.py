"""A log made by audit's own parts, from events to checkpoint, proofs, receipts, export and verdict."""

import json
from argparse import Namespace
from collections.abc import AsyncIterator
from enum import Enum
from pathlib import Path

import pytest

from services.audit.domain.checkpoints import NotWitnessedError
from services.audit.domain.entries import Entry, Kept
from services.audit.domain.erasing import Order
from services.audit.handlers.erasing import order_erasure
from services.audit.handlers.opening import open_texts
from services.audit.handlers.proving import prove_growth, receipt
from services.audit.handlers.signing import standing
from tests.fakes.signing import POLICY
from tests.integration.audit.stand import ADA, BOB, Database, Stand, a_stand
from verifier.command import INCOMPLETE, VALID, run
from verifier.leaves import Group, Opened, parse_leaf
from verifier.merkle import check_consistency
from verifier.policies import parse_policy
from verifier.receipts import check_receipt

pytestmark = pytest.mark.integration


@pytest.fixture
async def stand(database: Database, tmp_path: Path) -> AsyncIterator[Stand]:
    """Give audit with an empty log."""
    async with a_stand(database, tmp_path) as made:
        yield made


async def test_export_is_valid(stand: Stand, capsys: pytest.CaptureFixture[str]):
    """An untouched log is valid: signatures, tree, texts, chains of records (F57)."""
    await stand.fill(batches=7)

    assert stand.verify(await stand.export()) == VALID
    said = capsys.readouterr().out
    assert "valid: 700 entries" in said
    assert "texts: 700 proved; included, content erased: 0" in said
    assert "records: 2, none lacks an entry" in said


async def test_grows_from_a_kept_checkpoint(stand: Stand):
    """Every checkpoint contains the one before, also across a restart of the signer."""
    await stand.fill(batches=3)
    kept = await stand.export("before")
    await stand.tell(ADA, None)
    await stand.sign(stand.signer())
    await stand.fill(batches=4)

    assert stand.verify(await stand.export(), since=kept / "checkpoint") == VALID


async def test_nothing_new_is_not_signed_again(stand: Stand):
    """A log that has not grown has the checkpoint that it had; an empty one has none."""
    await stand.sign()
    assert await stand.shelf.published() is None
    await stand.fill(batches=1)
    first = await stand.shelf.published()
    await stand.sign()

    assert await stand.shelf.published() == first


async def test_receipts(stand: Stand):
    """A receipt is one entry, its proof and its checkpoint, and verifies offline; the actor's text may be left out."""
    await stand.fill(batches=6)
    policy = parse_policy(POLICY)
    wanted = (0, 255, 256, 511, 599)
    proofs = await stand.prover.proofs([*wanted, 600])
    assert set(proofs) == set(wanted), "an entry that no checkpoint covers has no proof yet"
    openings = await stand.reader.openings(0, 600)
    for index in wanted:
        ((_, raw),) = await stand.reader.leaves(index, 1)
        kept = Kept(Entry(index, parse_leaf(raw)), openings[index])
        (texts,) = await open_texts([kept], stand.shared if kept.opening.record else stand.own)
        assert not isinstance(texts, Enum)
        shown: dict[Group, Opened] = {group: text for group, text in texts.items() if group is not Group.ACTOR}
        proved = check_receipt(json.dumps(receipt(kept, shown, proofs[index])).encode(), policy)
        assert (proved.index, proved.checkpoint.size, set(proved.texts)) == (index, 600, set(shown))


async def test_growth(stand: Stand):
    """Growth between any two sizes is proved from storage."""
    roots = {}
    for size in (1, 2, 97, 156, 256, 88, 100):
        await stand.tell(*[None] * size)
        head = await stand.reader.head()
        roots[head.size] = head.root
    sizes = sorted(roots)
    for old in sizes:
        for new in sizes[sizes.index(old) :]:
            path = await prove_growth(old, new, stand.tiles)
            check_consistency(old, new, roots[old], roots[new], path)


async def test_too_few_witnesses(stand: Stand):
    """Without enough witnesses nothing is published; what was signed is shown to them again, and then it is."""
    await stand.fill(batches=1)
    alone, witnesses = await stand.shelf.published(), stand.signing.witnesses
    await stand.tell(ADA)
    stand.signing.witnesses = witnesses[:1]
    with pytest.raises(NotWitnessedError):
        await stand.sign()
    assert await stand.shelf.published() == alone
    stands = await standing(stand.reader, stand.shelf, stand.clock)
    assert (stands.size, stands.published) == (101, 100)
    assert stands.waiting_ms > 0

    stand.signing.witnesses = witnesses
    await stand.sign()

    published = await stand.shelf.published()
    assert published is not None
    assert published.checkpoint.size == 101
    assert (await standing(stand.reader, stand.shelf, stand.clock)).waiting_ms == 0


async def test_erasure(stand: Stand, capsys: pytest.CaptureFixture[str]):
    """I 115: what was said of a record is destroyed; entries, old proofs and old receipts hold, and the log says so."""
    await stand.fill(batches=3)
    before = await stand.export("before")
    proofs = await stand.prover.proofs(range(300))
    openings = await stand.reader.openings(0, 300)
    erased = [index for index, opening in openings.items() if opening.record == ADA]

    order = Order("order", "TJ 1", "alice", "bruno")
    assert await order_erasure(ADA, order, stand.perform, stand.erasing) == len(erased)
    assert await order_erasure(ADA, order, stand.perform, stand.erasing) == 0
    await stand.erase()
    await stand.tell(ADA, BOB)
    await stand.sign()

    assert not set(erased) & set(await stand.reader.openings(0, 300))
    assert stand.verify(await stand.export(), since=before / "checkpoint") == VALID
    assert f"included, content erased: {len(erased)}" in capsys.readouterr().out
    leaf = (await stand.reader.leaves(erased[1], 1))[0][1]
    bare = receipt(Kept(Entry(erased[1], parse_leaf(leaf)), openings[erased[1]]), {}, proofs[erased[1]])
    (stand.folder / "receipt").write_text(json.dumps(bare))
    asked = Namespace(what="receipt", policy=stand.folder / "policy", file=stand.folder / "receipt")
    assert run(asked) == VALID
    assert "included, content erased" in capsys.readouterr().out


async def test_openings_destroyed_in_secret(stand: Stand, capsys: pytest.CaptureFixture[str]):
    """An opening that was destroyed without an erasure in the log is missed: the count differs."""
    await stand.fill(batches=1)
    await stand.at.openings.delete_one({"_id": 7})

    assert stand.verify(await stand.export()) == INCOMPLETE
    assert "1 entries are without text, the log accounts for 0" in capsys.readouterr().err


async def test_export_goes_on(stand: Stand):
    """An export that was cut off goes on at the checkpoint with which it began, from its last whole line."""
    await stand.fill(batches=6)
    whole = await stand.export("whole")
    cut = await stand.export("cut")
    (cut / "checkpoint").rename(cut / "checkpoint.part")
    lines = (cut / "openings.jsonl").read_bytes()
    (cut / "openings.jsonl.part").write_bytes(lines[: len(lines) // 2])
    (cut / "openings.jsonl").unlink()
    (cut / "tile/0/001").unlink()
    await stand.tell(ADA)
    await stand.sign()

    again = await stand.export("cut")

    assert (again / "openings.jsonl").read_bytes() == (whole / "openings.jsonl").read_bytes()
    assert (again / "checkpoint").read_bytes() == (whole / "checkpoint").read_bytes()
    assert stand.verify(again) == VALID
