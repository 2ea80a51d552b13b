"""Limits on a request's body, whatever its headers say: how large it may be, and how long it may take."""

import asyncio
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_SECONDS: Final = 20.0
"""How long a body may take, and a second more for every `BYTES_PER_SECOND` that have come."""
BYTES_PER_SECOND: Final = 50_000
"""Half a megabit: slow enough for a surgery's worst line, too fast for who keeps doors open with a byte a second."""


class BodyLimit:
    """ASGI middleware: more than ``max_bytes`` of a body end in 413, one that comes too slowly in 408.

    FastAPI reads a body before it asks who calls, so this stands before everything else.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting what is read of it."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        left, complete = self._max_bytes, False
        began = asyncio.get_running_loop().time()

        async def counted() -> Message:
            nonlocal left, complete
            patience = self._seconds + (self._max_bytes - left) / BYTES_PER_SECOND
            try:
                async with asyncio.timeout_at(None if complete else began + patience):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408) from None
            complete = complete or not message.get("more_body", False)
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413)
            return message

        return await self._app(scope, counted, send)
