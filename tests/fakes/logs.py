"""A small log written to a folder, as audit exports it, for the verifier to read and for tests to damage."""

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.audit.domain.subtrees import consistency_nodes, inclusion_nodes
from services.audit.domain.tree import Tile, edge_tiles, grow, hash_of, pyramid
from tests.fakes.signing import LOG, NORTH, ORIGIN, SOUTH, noted
from verifier.checkpoints import Checkpoint
from verifier.leaves import GROUPS, Group, Leaf, Opened, commitment, event_name, salt_of
from verifier.merkle import Frontier, leaf_hash
from verifier.proofs import Proof
from verifier.tiles import join_entries, tile_path, widths

NOON = 1_795_000_000_000


@dataclass(slots=True)
class Log:
    """Entries with their texts; the tiles are kept as they grow."""

    leaves: list[bytes] = field(default_factory=list)
    texts: list[dict[str, Any]] = field(default_factory=list)
    tiles: dict[Tile, bytes] = field(default_factory=dict)
    _chains: dict[str, tuple[int, str]] = field(default_factory=dict)
    _producers: dict[str, int] = field(default_factory=dict)

    def tell(self, record: str | None = None, producer: str = "records.1", **detail: Any) -> None:
        """Append one event."""
        index = len(self.leaves)
        number, previous = self._chains.get(record or "", (0, ""))
        self._producers[producer] = self._producers.get(producer, 0) + 1
        texts = {
            Group.SUBJECT: {"record": record, "entry": number + 1, "previous": previous} if record else {},
            Group.ACTOR: {"producer": producer, "number": self._producers[producer]},
            Group.DETAIL: {"source": "/records", "id": f"event-{index}", "type": "access.traced.v1", **detail},
        }
        self.append(texts)
        if record:
            self._chains[record] = (number + 1, b64encode(leaf_hash(self.leaves[-1])).decode())

    def append(self, texts: dict[Group, Any], recorded_at: int | None = None) -> None:
        """Append an entry with these texts, whatever they say."""
        index = len(self.leaves)
        seed = index.to_bytes(32)
        opened = {group: Opened(salt_of(seed, group), json.dumps(texts[group]).encode()) for group in GROUPS}
        name = event_name(str(texts[Group.DETAIL].get("source")), str(texts[Group.DETAIL].get("id")))
        time = NOON + index if recorded_at is None else recorded_at
        leaf = Leaf(name, time, [commitment(group, opened[group]) for group in GROUPS])
        edge = {tile: self.tiles[tile] for tile in edge_tiles(index)}
        self.tiles |= grow(index, edge, [leaf_hash(bytes(leaf))])
        self.leaves.append(bytes(leaf))
        self.texts.append(
            {group: {"salt": b64encode(one.salt).decode(), "text": one.text.decode()} for group, one in opened.items()}
        )

    def erase(self, *indexes: int) -> None:
        """Destroy what entries say of a person, and say so in the log."""
        for index in indexes:
            del self.texts[index][Group.SUBJECT], self.texts[index][Group.DETAIL]
        self.tell(type="entries.erased.v1", data={"entries": len(indexes)})

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        """Return what the log is at a size."""
        frontier = Frontier()
        for leaf in self.leaves[:size]:
            frontier.append(leaf_hash(leaf))
        return Checkpoint(ORIGIN, frontier.size, frontier.root())

    def signed(self, size: int | None = None) -> bytes:
        """Return the checkpoint at a size, signed by the log and both witnesses."""
        return noted(LOG, NORTH, SOUTH, text=self.checkpoint(size).text)

    def export(self, folder: Path) -> Path:
        """Write the log into a folder."""
        size = len(self.leaves)
        _write(folder / "checkpoint", self.signed())
        for index, width in widths(size):
            entries = self.leaves[index * 256 : index * 256 + width]
            _write(folder / tile_path("entries", index, width), join_entries(entries))
        for tile, held in self.tiles.items():
            _write(folder / tile_path(tile.level, tile.place, len(held) // 32), held)
        lines = [json.dumps({"index": index, "groups": groups}) for index, groups in enumerate(self.texts)]
        _write(folder / "openings.jsonl", "".join(f"{line}\n" for line in lines).encode())
        return folder

    def receipt(self, index: int) -> dict[str, Any]:
        """Return the receipt of an entry."""
        pyramids = {tile: pyramid(held) for tile, held in self.tiles.items()}
        path = [hash_of(nodes, pyramids) for nodes in inclusion_nodes(index, len(self.leaves))]
        proof = str(Proof(index, path, self.signed().decode()))
        return {"leaf": b64encode(self.leaves[index]).decode(), "groups": self.texts[index], "proof": proof}

    def growth(self, old: int) -> Sequence[bytes]:
        """Return the proof that the log grew from a size."""
        pyramids = {tile: pyramid(held) for tile, held in self.tiles.items()}
        return [hash_of(nodes, pyramids) for nodes in consistency_nodes(old, len(self.leaves))]


def log_of(size: int) -> Log:
    """Return a log of three records and two processes."""
    log = Log()
    for index in range(size):
        log.tell(("ada", "bob", None)[index % 3], f"records.{index % 2}")
    return log


def _write(place: Path, content: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
