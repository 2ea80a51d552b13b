"""What a PDF may not do: run, open or send anything, carry other files, or hide what it holds (ISO 32000-1).

A look at the names of its objects, also of those in compressed object streams; contents are never decoded. It stops
what is written in the open, not an attacker who writes a file that only some viewers can read.
"""

import re
import zlib
from typing import Final

from shared.errors import RefusedError

_ACTIVE: Final = re.compile(
    rb"/(?:JavaScript|JS|Launch|SubmitForm|ImportData|EmbeddedFiles?|RichMedia|XFA)(?![0-9A-Za-z])"
)
_ENCRYPTED: Final = re.compile(rb"/Encrypt(?![0-9A-Za-z])")
_STREAM: Final = re.compile(rb"\bstream\r?\n")
_END: Final = b"endstream"
_ESCAPED: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
_HEAD: Final = 2_048
"""Bytes before a stream in which its dictionary stands."""
_MOST_INFLATED: Final = 16_000_000
"""Bytes of all object streams together, inflated."""


def check_pdf(content: bytes) -> None:
    """Refuse a PDF that names an action of its own (``file-active``), or is encrypted (``file-encrypted``)."""
    names = _unescaped(b"\n".join(_outside_streams(content)))
    if _ENCRYPTED.search(names):
        raise RefusedError("file-encrypted", "body")
    if _ACTIVE.search(names):
        raise RefusedError("file-active", "body")


def _outside_streams(content: bytes) -> list[bytes]:
    """Return what is not in streams, and what the streams that hold objects hold."""
    parts, position, left = [], 0, _MOST_INFLATED
    while (start := _STREAM.search(content, position)) and (end := content.find(_END, start.end())) >= 0:
        parts.append(content[position : start.start()])
        if b"/ObjStm" in _unescaped(_dictionary(parts[-1])):
            parts.append(_inflated(content[start.end() : end], left))
            left -= len(parts[-1])
        position = end + len(_END)
    return [*parts, content[position:]]


def _dictionary(before: bytes) -> bytes:
    head = before[-_HEAD:]
    return head[head.rfind(b" obj") + 1 :]


def _inflated(data: bytes, most: int) -> bytes:
    """Return an object stream; one that is cut, too large or compressed in another way hides what it holds."""
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(data, max(most, 1))
    except zlib.error:
        raise RefusedError("file-active", "body") from None
    if not inflater.eof:
        raise RefusedError("file-active", "body")
    return text


def _unescaped(text: bytes) -> bytes:
    """Return names as they are meant: ``/J#53`` is ``/JS``."""
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), text)
