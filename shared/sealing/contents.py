"""A document's bytes as they are kept: packed (Zstandard, RFC 8878), then sealed.

Ingest keeps them and records opens them. CDA shrinks to a fifth or a tenth, so a commit writes and a read fetches that
much less; how well a document packs is all that its box tells besides its size, which stands beside it anyway.
"""

import sys
from typing import Final

from shared.sealing.box import aad, seal
from shared.sealing.errors import SealBrokenError
from shared.sealing.keys import Key

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SCHEMA: Final = "cda.zst.v1"

_LEVEL: Final = 1
"""77 kB take a tenth of a millisecond; higher levels save little more of CDA."""


def content_aad(record: str, content: str) -> bytes:
    """Return what ties a document's box to its record and its content id."""
    return aad(record, content, SCHEMA)


def seal_content(key: Key, body: bytes, *, record: str, content: str) -> bytes:
    """Return the box of a document's bytes."""
    return seal(key, zstd.compress(body, level=_LEVEL), content_aad(record, content))


def unpack(text: bytes, *, size: int) -> bytes:
    """Return the bytes of an opened box; raise `SealBrokenError` unless they are as many as were deposited.

    No more than that is unpacked, whatever the text claims.
    """
    reader = zstd.ZstdDecompressor()
    try:
        body = reader.decompress(text, max_length=size + 1)
    except zstd.ZstdError:
        raise SealBrokenError("the box holds no packed document") from None
    if len(body) != size or not reader.eof or reader.unused_data:
        raise SealBrokenError("the document has not the size that it had")
    return body
