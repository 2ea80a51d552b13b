"""Proofs out of storage: that an entry is in the log, and that the log has only grown."""

from base64 import b64encode
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.audit.domain.checkpoints import Signed
from services.audit.domain.entries import Kept
from services.audit.domain.subtrees import Nodes, consistency_nodes, inclusion_nodes
from services.audit.domain.tree import Tile, hash_of, tile_of
from services.audit.ports import Checkpoints, Tiles
from verifier.leaves import Group, Opened
from verifier.proofs import Proof


@dataclass(frozen=True, slots=True)
class Prover:
    """What proofs are made of: hashes, and what was published last."""

    tiles: Tiles
    checkpoints: Checkpoints

    async def proofs(self, indexes: Collection[int]) -> Mapping[int, Proof]:
        """Return the proof of each entry in the checkpoint that was published last.

        An entry that it does not cover yet is absent: its proof is there within the merge delay.
        """
        published = await self.checkpoints.published()
        if published is None:
            return {}
        covered = sorted(index for index in set(indexes) if index < published.checkpoint.size)
        return await prove_entries(covered, published, self.tiles)


async def prove_entries(indexes: Sequence[int], signed: Signed, tiles: Tiles) -> dict[int, Proof]:
    """Return the proof that each entry is in the log of a checkpoint (C2SP tlog-proof)."""
    steps = {index: inclusion_nodes(index, signed.checkpoint.size) for index in indexes}
    wanted = _tiles_of(nodes for path in steps.values() for nodes in path)
    pyramids = await tiles.pyramids(wanted, signed.checkpoint.size)
    return {
        index: Proof(index, [hash_of(nodes, pyramids) for nodes in path], signed.note) for index, path in steps.items()
    }


async def prove_growth(old: int, new: int, tiles: Tiles) -> list[bytes]:
    """Return the proof that the log of one size is the beginning of the log of another."""
    steps = consistency_nodes(old, new)
    pyramids = await tiles.pyramids(_tiles_of(steps), new)
    return [hash_of(nodes, pyramids) for nodes in steps]


def receipt(kept: Kept, texts: Mapping[Group, Opened], proof: Proof) -> dict[str, Any]:
    """Return what proves one entry to anybody, offline (`verifier.receipts`); ``texts`` are those to be shown."""
    return {
        "leaf": b64encode(bytes(kept.entry.leaf)).decode(),
        "groups": groups(texts),
        "proof": str(proof),
    }


def groups(texts: Mapping[Group, Opened]) -> dict[str, Any]:
    """Return opened texts as exports and receipts write them."""
    return {
        group.value: {"salt": b64encode(opened.salt).decode(), "text": opened.text.decode()}
        for group, opened in texts.items()
    }


def _tiles_of(paths: Iterable[Nodes]) -> set[Tile]:
    return {tile_of(node) for nodes in paths for node in nodes}
