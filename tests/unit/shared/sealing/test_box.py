"""The box: opens in its place, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sealing import (
    ERASED,
    Key,
    SealBrokenError,
    UnknownBoxError,
    UnknownKeyError,
    aad,
    box_key_id,
    open_box,
    open_found,
    seal,
)
from shared.sealing.box import OVERHEAD

KEY = Key(b"i" * 16, b"k" * 32)
OTHER = Key(b"j" * 16, b"k" * 32)
PLACE = aad("a" * 32, "flux/1", "reimbursement.received.v1")


@given(st.binary(max_size=2000), st.binary(max_size=100))
def test_opens(text: bytes, place: bytes):
    """What was sealed opens under the same key and associated data, byte for byte."""
    box = seal(KEY, text, place)

    assert open_box(KEY, box, place) == text
    assert len(box) == len(text) + OVERHEAD


def test_never_twice_the_same():
    """Two boxes of one text differ: nobody sees that two people have the same line."""
    assert seal(KEY, b"text", PLACE) != seal(KEY, b"text", PLACE)


def test_layout():
    """A box is 0x01, the key's id, a nonce of 12 bytes, the cipher text and a tag of 16."""
    box = seal(KEY, b"text", PLACE)

    assert box[:17] == b"\x01" + KEY.id
    assert KEY.cipher.decrypt(box[17:29], box[29:], box[:17] + PLACE) == b"text"


@pytest.mark.parametrize(
    "place",
    [
        aad("b" * 32, "flux/1", "reimbursement.received.v1"),
        aad("a" * 32, "flux/2", "reimbursement.received.v1"),
        aad("a" * 32, "flux/1", "beneficiary.accepted.v1"),
        b"",
    ],
    ids=["record", "content", "schema", "none"],
)
def test_moved(place: bytes):
    """A box copied to another record, another content or another schema does not open."""
    with pytest.raises(SealBrokenError):
        open_box(KEY, seal(KEY, b"text", PLACE), place)


def test_every_bit():
    """No bit of a box may change: version, key id, nonce, cipher text and tag are all authenticated."""
    box = seal(KEY, b"te", PLACE)

    for position in range(len(box) * 8):
        flipped = bytearray(box)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises((SealBrokenError, UnknownBoxError)):
            open_box(KEY, bytes(flipped), PLACE)


def test_key_id_is_authenticated():
    """A box relabelled with the id of another key does not open, even if the material is the same."""
    box = seal(KEY, b"text", PLACE)

    with pytest.raises(SealBrokenError):
        open_box(OTHER, box[:1] + OTHER.id + box[17:], PLACE)


@pytest.mark.parametrize("cut", [0, 1, 16, 17, 29, OVERHEAD - 1])
def test_cut(cut: int):
    """Bytes shorter than any box are no box."""
    with pytest.raises(UnknownBoxError):
        open_box(KEY, seal(KEY, b"", PLACE)[:cut], PLACE)


def test_truncated():
    """A box that lost its end is broken."""
    with pytest.raises(SealBrokenError):
        open_box(KEY, seal(KEY, b"text", PLACE)[:-1], PLACE)


@pytest.mark.parametrize("version", [b"\x00", b"\x02", b"\xff"])
def test_version(version: bytes):
    """A box of another version is not understood, which is not the same as broken."""
    with pytest.raises(UnknownBoxError):
        box_key_id(version + seal(KEY, b"text", PLACE)[1:])


def test_erased():
    """A box whose key was destroyed has the value ERASED; no exception, so nobody retries."""
    box = seal(KEY, b"text", PLACE)

    assert open_found({KEY.id: ERASED}, box, PLACE) is ERASED
    assert open_found({KEY.id: KEY}, box, PLACE) == b"text"


def test_key_never_known():
    """A box that names a key nobody ever had is refused and not shown as erased."""
    with pytest.raises(UnknownKeyError) as caught:
        open_found({}, seal(KEY, b"text", PLACE), PLACE)

    assert caught.value.key_id == KEY.id


@given(*[st.tuples(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8))] * 2)
def test_aad_is_unambiguous(one: tuple[str, str, str], other: tuple[str, str, str]):
    """Different places never have the same associated data."""
    assert (aad(*one) == aad(*other)) == (one == other)


def test_aad_shifted():
    """Characters moved from one part to the next change the associated data."""
    assert len({aad("1:a,", "b", "c"), aad("1", "a,b", "c"), aad("", "1:a,b", "c"), aad("1:a,b,", "", "c")}) == 4


def test_key_hides_itself():
    """A key printed by mistake shows no material."""
    assert "kkkk" not in repr(KEY)


@pytest.mark.parametrize(("id_bytes", "material_bytes"), [(15, 32), (16, 16), (16, 0)])
def test_key_sizes(id_bytes: int, material_bytes: int):
    """A key is AES-256 with an id of 16 bytes; nothing shorter is accepted."""
    with pytest.raises(ValueError, match="16 bytes"):
        Key(bytes(id_bytes), bytes(material_bytes))
