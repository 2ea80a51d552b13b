"""The opaque names of a deposit: keyed hashes, stable where they must be found again, telling nothing without the key.

Each kind of name has a key of its own, derived from the installation's index key by a label.
"""

import hmac
from typing import Final

from services.ingest.domain.documents.metadata import DocumentEntry

_BYTES: Final = 16
_SEPARATOR: Final = "\x1f"


def document_id(key: bytes, unique_id: str) -> str:
    """Return a document's id: the same for the same producer's unique id, whoever deposits it (F26)."""
    return _named(key, b"carnet/document", unique_id)


def digest_of(key: bytes, entry: DocumentEntry) -> str:
    """Return what a repetition must repeat: the bytes, and what was asked to be hidden with them.

    Keyed, because the plain hash of a document would tell whether a known text was deposited.
    """
    return _named(key, b"carnet/deposit", _SEPARATOR.join((entry.sha256, *entry.confidentiality)))


def _named(key: bytes, label: bytes, text: str) -> str:
    return hmac.digest(hmac.digest(key, label, "sha256"), text.encode(), "sha256")[:_BYTES].hex()
