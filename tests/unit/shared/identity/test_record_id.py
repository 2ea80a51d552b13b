import pytest

from shared.identity import blind_index, new_record_id, parse_ins
from shared.identity.ins import NIA, NIR

KEY = bytes(range(32))


def test_record_ids_say_nothing():
    """A record id is 32 hexadecimal characters, different each time."""
    first, second = new_record_id(), new_record_id()

    assert first != second
    assert len(first) == 32
    int(first, 16)


def test_blind_index_is_the_documented_hmac():
    """The index is HMAC-SHA256 over oid, 0x1F and number, so that another program can recompute it."""
    ins = parse_ins("2 55 08 14 168 025 38", NIR, production=True)

    assert blind_index(KEY, ins) == "afca2b96577d1add94b4c04f57e1efd5b904207527765383c5165f6c1f767d52"


def test_blind_index_follows_the_identity():
    """Writings of one identity share an index; another OID or another key gives another one (F19)."""
    capital = parse_ins("2 84 05 2A 321 025 52", NIR, production=True)
    small = parse_ins("284052a321025", NIR, production=True)
    waiting = parse_ins("2 84 05 2A 321 025 52", NIA, production=True)

    assert blind_index(KEY, capital) == blind_index(KEY, small)
    assert blind_index(KEY, capital) != blind_index(KEY, waiting)
    assert blind_index(KEY, capital) != blind_index(bytes(32), capital)


@pytest.mark.parametrize("key", [b"", b"short", bytes(33)])
def test_blind_index_needs_a_whole_key(key):
    """A key of any other length than 32 bytes is a configuration error."""
    ins = parse_ins("2 55 08 14 168 025 38", NIR, production=True)

    with pytest.raises(ValueError, match="32 bytes"):
        blind_index(key, ins)
