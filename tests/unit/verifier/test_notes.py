"""Notes, checkpoints and policies as C2SP writes them; whatever is nearly one is refused."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.notes import NoteSigner
from tests.fakes.signing import CHECKPOINT, LOG, NORTH, ORIGIN, POLICY, SOUTH, STRANGER, TIME, noted, signer
from verifier.checkpoints import Checkpoint, parse_checkpoint
from verifier.faults import TamperedError
from verifier.notes import Key, Kind, Note, Signature, parse_key, parse_note, signers
from verifier.policies import Policy, PolicyError, parse_policy

PUBLISHED_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PUBLISHED_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
"""The note that the documentation of Go's implementation signs."""


def policy(quorum: str = "both") -> Policy:
    """Return the policy with another quorum."""
    return parse_policy(POLICY.replace("quorum both", f"quorum {quorum}"))


def test_a_published_note():
    """Another implementation's key and note mean the same here, byte for byte."""
    key = parse_key(PUBLISHED_KEY)
    note = parse_note(PUBLISHED_NOTE.encode())
    assert [signer.key for signer in signers(note, [key])] == [key]
    assert (str(key), str(note)) == (PUBLISHED_KEY, PUBLISHED_NOTE)


def test_a_checkpoint_that_the_policy_believes():
    """Signed by the log and by every witness that the quorum asks for, a checkpoint is what it says."""
    assert policy().accept(noted(LOG, NORTH, SOUTH)) == CHECKPOINT
    assert policy("north").accept(noted(LOG, NORTH)) == CHECKPOINT
    assert policy("none").accept(noted(LOG)) == CHECKPOINT


def test_a_witness_says_when():
    """The time of a cosignature is signed with it."""
    note = parse_note(noted(NORTH))
    assert [signer.time for signer in signers(note, [NORTH.key])] == [TIME]
    later = Signature(NORTH.key.name, NORTH.key.id, (TIME + 1).to_bytes(8) + note.signatures[0].signed[8:])
    with pytest.raises(TamperedError, match="signature-bad"):
        signers(Note(note.text, (later,)), [NORTH.key])


@pytest.mark.parametrize(
    ("writers", "code"),
    [
        ((STRANGER,), "signature-missing"),
        ((NORTH, SOUTH), "signature-missing"),
        ((LOG,), "witnesses-too-few"),
        ((LOG, NORTH), "witnesses-too-few"),
        ((LOG, NORTH, NORTH), "witnesses-too-few"),
    ],
)
def test_a_checkpoint_that_too_few_signed(writers: tuple[NoteSigner, ...], code: str) -> None:
    """An unknown key alone, no log, or too few witnesses: not believed (bad input I107)."""
    with pytest.raises(TamperedError, match=code):
        policy().accept(noted(*writers))


def test_a_bad_signature_discredits_the_note():
    """A known key's bad signature makes the whole note refused, whoever else signed it (bad input I107)."""
    good = parse_note(noted(LOG, NORTH, SOUTH))
    bad = Signature(LOG.key.name, LOG.key.id, bytes(64))
    with pytest.raises(TamperedError, match="signature-bad"):
        policy().accept(str(Note(good.text, (*good.signatures, bad))).encode())
    short = Signature(NORTH.key.name, NORTH.key.id, bytes(7))
    with pytest.raises(TamperedError, match="signature-bad"):
        policy().accept(str(Note(good.text, (*good.signatures, short))).encode())


def test_another_log_is_not_this_one():
    """A checkpoint under another origin is refused, though a key that is known for the first signed it."""
    other = Checkpoint("audit.carnet.example/2027", 1, bytes(32))
    with pytest.raises(TamperedError, match="checkpoint-origin"):
        policy().accept(noted(LOG, NORTH, SOUTH, text=other.text))


ROOT = b64encode(bytes(range(32))).decode()


@pytest.mark.parametrize(
    ("text", "code"),
    {
        "plus": (f"{ORIGIN}\n+12\n{ROOT}\n", "size-malformed"),
        "leading zero": (f"{ORIGIN}\n012\n{ROOT}\n", "size-malformed"),
        "underscore": (f"{ORIGIN}\n1_2\n{ROOT}\n", "size-malformed"),
        "trailing space": (f"{ORIGIN}\n12 \n{ROOT}\n", "size-malformed"),
        "other digits": (f"{ORIGIN}\n\u0661\u0662\n{ROOT}\n", "size-malformed"),
        "negative": (f"{ORIGIN}\n-1\n{ROOT}\n", "size-malformed"),
        "2^63": (f"{ORIGIN}\n{2**63}\n{ROOT}\n", "size-malformed"),
        "two lines": (f"{ORIGIN}\n12\n", "checkpoint-lines"),
        "four lines": (f"{ORIGIN}\n12\n{ROOT}\nmore\n", "checkpoint-lines"),
        "empty line": (f"{ORIGIN}\n12\n{ROOT}\n\n", "checkpoint-lines"),
        "no end": (f"{ORIGIN}\n12\n{ROOT}", "checkpoint-lines"),
        "no origin": (f"\n12\n{ROOT}\n", "checkpoint-origin"),
        "space in origin": (f"audit carnet\n12\n{ROOT}\n", "checkpoint-origin"),
        "short root": (f"{ORIGIN}\n12\n{b64encode(bytes(31)).decode()}\n", "checkpoint-root"),
        "base64 with loose bits": (f"{ORIGIN}\n12\n{ROOT[:-2]}9=\n", "base64"),
        "base64 without padding": (f"{ORIGIN}\n12\n{ROOT[:-1]}\n", "base64"),
        "base64 with a space": (f"{ORIGIN}\n12\n{ROOT[:8]} {ROOT[8:]}\n", "base64"),
    }.values(),
)
def test_checkpoints_that_are_none(text: str, code: str) -> None:
    """A size, root or origin that could be read in two ways makes no checkpoint (bad input I106)."""
    with pytest.raises(TamperedError, match=code):
        parse_checkpoint(text)


GOOD = noted(LOG, NORTH, SOUTH)


@pytest.mark.parametrize(
    ("raw", "code"),
    {
        "CRLF": (GOOD.replace(b"\n", b"\r\n"), "note-control-character"),
        "NUL": (GOOD.replace(b"42", b"4\x002"), "note-control-character"),
        "tab": (GOOD.replace(b"42", b"42\t"), "note-control-character"),
        "not UTF-8": (GOOD.replace(b"42", b"\xff"), "note-not-utf-8"),
        "no signature": (CHECKPOINT.text.encode(), "note-malformed"),
        "no last newline": (GOOD[:-1], "note-malformed"),
        "only signatures": (b"\n\n" + GOOD.partition(b"\n\n")[2], "note-malformed"),
        "hyphen for a dash": (GOOD.replace("—".encode(), b"-"), "signature-malformed"),
        "two spaces": (GOOD.replace("— ".encode(), "—  ".encode()), "signature-malformed"),
        "plus in a name": (GOOD.replace(b"north", b"no+th"), "signature-malformed"),
        "only an id": (CHECKPOINT.text.encode() + "\n— north bm9ydA==\n".encode(), "signature-malformed"),
        "33 signatures": (noted(*[LOG] * 33), "note-too-many-signatures"),
        "too large": (b"x" * 65_537, "note-too-large"),
    }.values(),
)
def test_notes_that_are_none(raw: bytes, code: str) -> None:
    """One byte beside the format makes no note (bad input I106)."""
    with pytest.raises(TamperedError, match=code):
        parse_note(raw)


@pytest.mark.parametrize(
    ("vkey", "code"),
    [
        (str(LOG.key).replace("+", " ", 1), "key-malformed"),
        (str(LOG.key)[:-4], "key-malformed"),
        (str(LOG.key).replace("audit", "tidua"), "key-id"),
        (str(Key(ORIGIN, Kind.LOG, bytes(31))), "key-malformed"),
        ("", "key-malformed"),
    ],
)
def test_keys_that_are_none(vkey: str, code: str) -> None:
    """A key whose id is not its own, or that is no key, is refused."""
    with pytest.raises(TamperedError, match=code):
        parse_key(vkey)


@pytest.mark.parametrize(
    "line",
    [
        "quorum both",
        "quorum nobody",
        f"log {LOG.key}",
        f"log {NORTH.key}",
        f"witness west {NORTH.key}",
        f"witness north {signer('west', Kind.WITNESS, 9).key}",
        f"witness none {signer('west', Kind.WITNESS, 9).key}",
        f"witness west {LOG.key}",
        "group again any north",
        "group three 3 both",
        "group zero 0 both",
        "group odd +1 both",
        "group odd 01 both",
        "group odd \u0661 both",
        "group empty all",
        "group circle any circle",
        "trust everybody",
    ],
)
def test_policies_that_are_none(line: str) -> None:
    """A name used before it is defined, a key or a name twice, an impossible number: the line is named."""
    with pytest.raises(PolicyError, match="line 8"):
        parse_policy(f"{POLICY}{line}\n")


def test_a_policy_needs_a_quorum():
    """A policy that does not say how many witnesses are enough is none."""
    with pytest.raises(PolicyError, match="quorum"):
        parse_policy(f"log {LOG.key}\n")


@given(st.binary(max_size=300))
def test_bytes_that_are_no_note(raw: bytes) -> None:
    """Whatever comes, the answer is a note or a named fault; a note that was read is written back as it was."""
    try:
        note = parse_note(raw)
    except TamperedError:
        return
    assert str(note).encode() == raw


@given(st.data())
def test_a_flipped_bit_is_seen(data: st.DataObject) -> None:
    """No flipped bit in a witnessed checkpoint leaves one that is believed and says something else."""
    place = data.draw(st.integers(0, len(GOOD) * 8 - 1))
    raw = bytearray(GOOD)
    raw[place // 8] ^= 1 << place % 8
    with pytest.raises(TamperedError):
        policy().accept(bytes(raw))
