"""Takes the body of a deposit: of a known kind, not compressed, no larger and no slower than allowed."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from functools import lru_cache
from typing import Final

from fastapi import Request
from starlette.requests import ClientDisconnect

from shared.http.problems import Problem

MEDIA_TYPES: Final = frozenset({"application/xml", "text/xml"})
"""Of a CDA document; RFC 7303 makes no difference between them."""

_UTF_8: Final = frozenset({"utf-8", "utf8"})
_RETRY_S: Final = "2"


class Intray:
    """The bodies that one process holds at a time, in bytes: what comes on top is told to come back."""

    def __init__(self, *, largest: int, together: int, seconds: float) -> None:
        self._largest = largest
        self._left = together
        self._seconds = seconds

    @contextmanager
    def room(self, request: Request) -> Iterator[None]:
        """Keep room for a body while the block runs; raise a problem before anything of it is read."""
        _check_kind(request)
        size = self._size(request)
        if size > self._left:
            raise Problem(503, headers={"retry-after": _RETRY_S})
        self._left -= size
        try:
            yield
        finally:
            self._left += size

    async def take(self, request: Request) -> bytes:
        """Return the body; raise a problem as soon as it is too large, or when it takes too long to come."""
        parts = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                async for part in request.stream():
                    parts += part
                    if len(parts) > self._largest:
                        raise Problem(413, "xml-too-large")
        except TimeoutError:
            raise Problem(408, "body-too-slow", headers={"connection": "close"}) from None
        except ClientDisconnect:
            raise Problem(400, "body-incomplete") from None
        return bytes(parts)

    def _size(self, request: Request) -> int:
        """Return how much room a body may need: what its header says, else the most that is allowed."""
        declared = request.headers.get("content-length", "")
        if not (declared.isascii() and declared.isdigit()):
            return self._largest
        if len(declared) > len(str(self._largest)) or int(declared) > self._largest:
            raise Problem(413, "xml-too-large")
        return int(declared)


def _check_kind(request: Request) -> None:
    """Refuse a body by its headers: what is compressed may be a thousand times as large as it looks."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem(415, "content-encoding", headers={"accept-encoding": "identity"})
    given = request.headers.getlist("content-type")
    if len(given) != 1 or not _is_xml(given[0]):
        raise Problem(415, "content-type")


@lru_cache(64)
def _is_xml(content_type: str) -> bool:
    """Tell whether a header names one of the kinds, in UTF-8; a depositor's software writes it the same each time."""
    message = Message()
    message["content-type"] = content_type
    charset = message.get_param("charset", "utf-8")
    return message.get_content_type() in MEDIA_TYPES and isinstance(charset, str) and charset.lower() in _UTF_8
