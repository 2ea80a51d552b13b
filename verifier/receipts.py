"""A receipt: one entry, what it says, and the proof that it is in a signed and witnessed log. Nothing else is needed.

A receipt is a JSON object: ``leaf`` (base64), ``groups`` as in an export's openings, ``proof`` (a tlog-proof's text).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

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


def check_receipt(raw: bytes, policy: Policy) -> Receipt:
    """Return what a receipt proves; raise `TamperedError` if it proves nothing."""
    try:
        read = json.loads(raw)
        leaf_bytes, text, texts = decode(read["leaf"]), str(read["proof"]), parse_groups(read["groups"])
    except (ValueError, KeyError, TypeError):
        raise TamperedError("receipt-malformed") from None
    proof, leaf = parse_proof(text.encode()), parse_leaf(leaf_bytes)
    checkpoint = policy.accept(proof.note.encode())
    if root_of_inclusion(proof.index, checkpoint.size, leaf_hash(leaf_bytes), proof.path) != checkpoint.root:
        raise TamperedError("root-mismatch")
    check_opened(leaf, texts)
    return Receipt(proof.index, leaf, texts, checkpoint)
