"""A receipt: one entry, what it says, and the proof that it is in a signed and witnessed log. Nothing else is needed.

A receipt is a JSON object: ``leaf`` (base64), ``groups`` as in an export's openings, ``proof`` (a tlog-proof's text),
and perhaps ``access``: what the event holds sealed, of which it tells the SHA-256 as ``said``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from verifier.checkpoints import Checkpoint
from verifier.faults import TamperedError
from verifier.leaves import Group, Leaf, Opened, check_opened, parse_leaf
from verifier.merkle import leaf_hash, root_of_inclusion
from verifier.notes import decode
from verifier.openings import parse_groups
from verifier.policies import Policy
from verifier.proofs import parse_proof


@dataclass(frozen=True, slots=True)
class Receipt:
    """An entry that was proved."""

    index: int
    leaf: Leaf
    texts: Mapping[Group, Opened]
    """What could be shown of it; a group that is absent was erased or not disclosed."""
    checkpoint: Checkpoint
    access: str | None = None
    """Who did what with which document, where the receipt discloses it."""


def check_receipt(raw: bytes, policy: Policy) -> Receipt:
    """Return what a receipt proves; raise `TamperedError` if it proves nothing."""
    try:
        read = json.loads(raw)
        leaf_bytes, text, texts = decode(read["leaf"]), str(read["proof"]), parse_groups(read["groups"])
        access = None if read.get("access") is None else str(read["access"])
    except (ValueError, KeyError, TypeError):
        raise TamperedError("receipt-malformed") from None
    proof, leaf = parse_proof(text.encode()), parse_leaf(leaf_bytes)
    checkpoint = policy.accept(proof.note.encode())
    if root_of_inclusion(proof.index, checkpoint.size, leaf_hash(leaf_bytes), proof.path) != checkpoint.root:
        raise TamperedError("root-mismatch")
    check_opened(leaf, texts)
    if access is not None and _said(texts) != sha256(access.encode()).hexdigest():
        raise TamperedError("access-mismatch")
    return Receipt(proof.index, leaf, texts, checkpoint, access)


def _said(texts: Mapping[Group, Opened]) -> str | None:
    """Return the digest that the event tells of its sealed part."""
    try:
        said: str = json.loads(texts[Group.DETAIL].text)["data"]["said"]
    except (ValueError, KeyError, TypeError):
        return None
    return said
