"""A proof that one entry is in a log, which anybody can check without the log (C2SP tlog-proof)."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from verifier.checkpoints import parse_size
from verifier.faults import TamperedError
from verifier.merkle import MAX_PATH
from verifier.notes import decode

_FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class Proof:
    """Where an entry stands, the hashes from its sibling up to the root's child, and the signed checkpoint."""

    index: int
    path: Sequence[bytes]
    note: str
    """The checkpoint with its signatures, word for word."""

    def __str__(self) -> str:
        """Return the proof as a file holds it."""
        lines = [_FIRST_LINE, f"index {self.index}", *(b64encode(node).decode() for node in self.path)]
        return "\n".join(lines) + "\n\n" + self.note


def parse_proof(raw: bytes) -> Proof:
    """Return a proof, its checkpoint not verified; an ``extra`` line, which nothing authenticates, is refused."""
    try:
        head, parting, note = raw.decode().partition("\n\n")
    except UnicodeDecodeError:
        raise TamperedError("proof-not-utf-8") from None
    first, *lines = head.split("\n")
    if not parting or first != _FIRST_LINE or not lines or not lines[0].startswith("index "):
        raise TamperedError("proof-malformed")
    if len(lines) - 1 > MAX_PATH:
        raise TamperedError("proof-too-long")
    return Proof(parse_size(lines[0].removeprefix("index ")), [decode(line) for line in lines[1:]], note)
