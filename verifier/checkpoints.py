"""A checkpoint: what a log says of itself at a size, in three lines (C2SP tlog-checkpoint)."""

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import Final

from verifier.faults import TamperedError
from verifier.notes import decode

MAX_SIZE: Final = 2**63 - 1
HASH_BYTES: Final = 32
_LINES: Final = 3
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The tree of a log at a size."""

    origin: str
    """Names the log."""
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint that a note's text is.

    Raise `TamperedError` for extension lines too: no monitor could audit what they say, and Carnet writes none.
    """
    lines = text.split("\n")
    if len(lines) != _LINES + 1 or lines.pop():
        raise TamperedError("checkpoint-lines")
    origin, size, root = lines
    if not origin or any(each.isspace() or each == "+" for each in origin):
        raise TamperedError("checkpoint-origin")
    hashed = decode(root)
    if len(hashed) != HASH_BYTES:
        raise TamperedError("checkpoint-root")
    return Checkpoint(origin, parse_size(size), hashed)


def parse_size(text: str) -> int:
    """Return a number of leaves, or an index: decimal digits only, no zero in front, less than 2^63."""
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_SIZE:
        raise TamperedError("size-malformed")
    return int(text)
