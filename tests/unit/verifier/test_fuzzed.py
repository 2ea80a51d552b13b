"""Whatever bytes a parser is given, it either reads them in the one way they can be read, or says what is wrong."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.logs import log_of
from tests.fakes.signing import CHECKPOINT, LOG, NORTH, POLICY, SOUTH, noted
from verifier.checkpoints import Checkpoint, parse_checkpoint, parse_size
from verifier.faults import FaultError, TamperedError
from verifier.leaves import parse_leaf
from verifier.merkle import check_consistency, root_of_inclusion
from verifier.notes import parse_key, parse_note
from verifier.openings import parse_opening
from verifier.policies import PolicyError, parse_policy
from verifier.proofs import parse_proof
from verifier.receipts import check_receipt
from verifier.tiles import join_entries, split_entries

SMALL = log_of(7)
NOTE = noted(LOG, NORTH, SOUTH)
PROOF = SMALL.receipt(3)["proof"].encode()
LEAF = SMALL.leaves[3]
KEY = str(LOG.key)
OPENING = b'{"index": 3, "groups": {"detail": {"salt": "AA==", "text": "{}"}}}'


PIECES = [b"\n", b"\r\n", b"\n\n", b" ", b"=", "—".encode()]


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Draw something that is nearly a sound input: bytes replaced, removed, doubled or put in."""
    raw = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(raw) - 1)))
        kind = draw(st.sampled_from(["replace", "remove", "insert", "double"]))
        if kind == "replace" and raw:
            raw[at] = draw(st.integers(0, 255))
        elif kind == "remove":
            del raw[at : at + draw(st.integers(1, 40))]
        elif kind == "double":
            raw[at:at] = raw[at : at + draw(st.integers(1, 40))]
        else:
            raw[at:at] = draw(
                st.binary(max_size=4) | st.sampled_from([b"\n", b"\r\n", b"\n\n", b" ", b"=", "—".encode()])
            )
    return bytes(raw)


def _text(parse: Callable[[str], Any]) -> Callable[[bytes], Any]:
    """Return a parser of bytes: whoever reads a text has decoded it before."""

    def read(raw: bytes) -> Any:
        try:
            return parse(raw.decode())
        except UnicodeDecodeError:
            raise TamperedError("not-utf-8") from None

    return read


PARSERS: list[tuple[Callable[[bytes], Any], bytes, Callable[[Any], bytes] | None]] = [
    (parse_note, NOTE, lambda note: str(note).encode()),
    (_text(parse_checkpoint), CHECKPOINT.text.encode(), lambda found: found.text.encode()),
    (parse_proof, PROOF, lambda proof: str(proof).encode()),
    (split_entries, join_entries(SMALL.leaves), join_entries),
    (parse_leaf, LEAF, bytes),
    (_text(parse_key), KEY.encode(), lambda key: str(key).encode()),
    (_text(parse_size), b"1234567", lambda size: str(size).encode()),
    (parse_opening, OPENING, None),
    (_text(parse_policy), POLICY.encode(), None),
]


@pytest.mark.parametrize(("parse", "sound", "written"), PARSERS, ids=lambda each: getattr(each, "__name__", None))
@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_read_in_one_way_or_refused(
    parse: Callable[[bytes], Any], sound: bytes, written: Callable[[Any], bytes] | None, data: st.DataObject
):
    """I 106-108: nothing but the stated fault is ever raised, and what is read is written again byte for byte."""
    raw = data.draw(damaged(sound) | st.binary(max_size=200) | st.just(sound))
    try:
        found = parse(raw)
    except (FaultError, PolicyError):
        assert raw != sound
    else:
        assert written is None or written(found) == raw


@settings(max_examples=300, deadline=None)
@given(raw=damaged(NOTE))
def test_no_other_note_is_believed(raw: bytes):
    """I 107: of a note that was changed, either nothing is believed or what the log and its witnesses signed."""
    try:
        believed = parse_policy(POLICY).accept(raw)
    except FaultError:
        return
    assert believed == CHECKPOINT


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_other_receipt_proves(data: st.DataObject):
    """I 108: of a receipt that was changed, either nothing is believed or exactly the entry that it was made for."""
    receipt = SMALL.receipt(3)
    name = data.draw(st.sampled_from(["leaf", "proof"]))
    changed = data.draw(damaged(receipt[name].encode()))
    raw = json.dumps({**receipt, name: changed.decode("utf-8", "replace")}).encode()
    try:
        found = check_receipt(raw, parse_policy(POLICY))
    except FaultError:
        return
    assert (found.index, bytes(found.leaf), found.checkpoint) == (3, LEAF, SMALL.checkpoint())


HASHES = st.lists(st.binary(min_size=31, max_size=33) | st.binary(min_size=32, max_size=32), max_size=70)


@settings(max_examples=300, deadline=None)
@given(index=st.integers(-1, 2**63), size=st.integers(-1, 2**63), path=HASHES)
def test_invented_paths_prove_nothing(index: int, size: int, path: list[bytes]):
    """I 108: a path that somebody made up leads to no root of a log, however long it is."""
    try:
        root = root_of_inclusion(index, size, bytes(32), path)
    except TamperedError:
        return
    assert root != SMALL.checkpoint().root
    assert 0 <= index < size


@settings(max_examples=300, deadline=None)
@given(old=st.integers(0, 2**63), new=st.integers(0, 2**63), path=HASHES)
def test_invented_growth_is_none(old: int, new: int, path: list[bytes]):
    """I 104, 105: no made-up path proves that a log grew into another."""
    one, other = Checkpoint("o", old, b"\1" * 32), Checkpoint("o", new, b"\2" * 32)
    with pytest.raises(TamperedError):
        check_consistency(old, new, one.root, other.root, path)
