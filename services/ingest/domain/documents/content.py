"""What an unstructured body (CDA level 1) may hold: a file in base64, of a kind that its first bytes prove (F28)."""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Final

from services.ingest.domain.documents.pdf import check_pdf
from shared.errors import RefusedError

BASE64: Final = "B64"
PDF: Final = "application/pdf"
_PDF_END: Final = b"%%EOF"
_PDF_TAIL: Final = 1024
"""Bytes in which readers look for a PDF's end mark (ISO 32000-1, annex H)."""


def _is_pdf(content: bytes) -> bool:
    return content.startswith(b"%PDF-") and _PDF_END in content[-_PDF_TAIL:]


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode("utf-8")
    except UnicodeDecodeError:
        return False


KINDS: Final[Mapping[str, Callable[[bytes], bool]]] = {
    PDF: _is_pdf,  # at byte 0: a file may be two things at once, and readers differ on which
    "text/plain": _is_text,
    "text/rtf": lambda content: content.startswith(b"{\\rtf"),
    "application/rtf": lambda content: content.startswith(b"{\\rtf"),
    "image/jpeg": lambda content: content.startswith(b"\xff\xd8\xff"),
    "image/tiff": lambda content: content.startswith((b"II*\0", b"MM\0*")),
}
"""The media types that a document may wrap, and what proves each."""


def check_content(media_type: str, representation: str, text: str, *, limit: int) -> str:
    """Return the media type of a wrapped file after looking at it; ``limit`` is in bytes, decoded."""
    kind = media_type.partition(";")[0].strip().lower()
    if kind not in KINDS:
        raise RefusedError("format-refused", "body")
    if representation != BASE64:
        raise RefusedError("body-base64", "body")
    content = _decoded(text)
    if not content:
        raise RefusedError("body-missing", "body")
    if len(content) > limit:
        raise RefusedError("body-too-large", "body")
    if not KINDS[kind](content):
        raise RefusedError("format-refused", "body")
    if kind == PDF:
        check_pdf(content)
    return kind


def _decoded(text: str) -> bytes:
    """White space is allowed between the characters; nothing else that is not base64 is."""
    try:
        return base64.b64decode(text.encode("ascii").translate(None, b" \t\r\n"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise RefusedError("body-base64", "body") from None
