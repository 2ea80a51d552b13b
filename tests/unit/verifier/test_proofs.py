"""A proof of inclusion as a file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.faults import TamperedError
from verifier.proofs import Proof, parse_proof

NOTE = "audit.carnet.example/2026\n42\nAAAA\n\n— somebody AAAAAAAA\n"
PROOF = Proof(7, [bytes([number]) * 32 for number in range(3)], NOTE)


def test_a_proof_is_read_as_it_was_written():
    """Index, path and checkpoint come back; a proof without a path is one for the only leaf."""
    for proof in (PROOF, Proof(0, [], NOTE)):
        assert parse_proof(str(proof).encode()) == proof


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("tlog-proof@v1", "tlog-proof@v2", "proof-malformed"),
        ("index 7", "index 07", "size-malformed"),
        ("index 7", "index -7", "size-malformed"),
        ("index 7\n", "", "proof-malformed"),
        ("index 7", "extra AAAA\nindex 7", "proof-malformed"),
        ("\n\n", "\n", "base64"),
        ("AAAA=", "AAAB=", "base64"),
    ],
)
def test_proofs_that_are_none(old: str, new: str, code: str) -> None:
    """One byte beside the format makes no proof (bad input I108)."""
    with pytest.raises(TamperedError, match=code):
        parse_proof(str(PROOF).replace(old, new, 1).encode())


def test_a_proof_has_63_hashes_at_most():
    """Sixty-four hashes are refused before they are decoded (bad input I108)."""
    with pytest.raises(TamperedError, match="proof-too-long"):
        parse_proof(str(Proof(7, [bytes(32)] * 64, NOTE)).encode())


@given(st.binary(max_size=300))
def test_bytes_that_are_no_proof(raw: bytes) -> None:
    """Whatever comes, the answer is a proof or a named fault."""
    try:
        parse_proof(raw)
    except TamperedError:
        return
