"""A document's bytes in their box: packed, sealed, and given back only as they were."""

import pytest

from shared.sealing import Key, SealBrokenError, open_box
from shared.sealing.contents import content_aad, seal_content, unpack

KEY = Key(b"k" * 16, b"m" * 32)
BODY = "<ClinicalDocument>é</ClinicalDocument>".encode() * 2_000


def packed(body: bytes = BODY) -> bytes:
    """Return the text of a document's box."""
    box = seal_content(KEY, body, record="r", content="c")
    return open_box(KEY, box, content_aad("r", "c"))


def test_the_bytes_come_back():
    """F25: what is read is what was deposited, byte for byte, whatever bytes they were."""
    assert unpack(packed(), size=len(BODY)) == BODY
    assert unpack(packed(bytes(range(256))), size=256) == bytes(range(256))


def test_a_box_is_smaller_than_its_document():
    """Text that repeats itself takes little room."""
    assert len(seal_content(KEY, BODY, record="r", content="c")) < len(BODY) / 5


def test_a_box_opens_in_its_own_place():
    """A box that was moved to another document does not open."""
    box = seal_content(KEY, BODY, record="r", content="c")
    with pytest.raises(SealBrokenError):
        open_box(KEY, box, content_aad("r", "d"))


@pytest.mark.parametrize("size", [0, 1, len(BODY) - 1, len(BODY) + 1])
def test_another_size(size: int):
    """What has not the size that was noted is no document: nothing is cut, nothing unpacked without end."""
    with pytest.raises(SealBrokenError):
        unpack(packed(), size=size)


@pytest.mark.parametrize("text", [b"", b"<ClinicalDocument/>", packed()[:-1], packed() + b"more", packed() * 2])
def test_what_is_no_packed_document(text: bytes):
    """Bad bytes, a torn end, or more than one document: refused as damaged, never half shown."""
    with pytest.raises(SealBrokenError):
        unpack(text, size=len(BODY))
