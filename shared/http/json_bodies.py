"""A JSON body has one reading: what two parsers could take differently is refused before a handler sees it."""

from email.message import Message as Header
from json import JSONDecodeError

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import strict_json
from shared.errors import RefusedError


class StrictJson:
    """ASGI middleware: a key twice, NaN, an endless number, a lone surrogate or another encoding end in 400.

    It parses what FastAPI will parse again: bodies in JSON are small here, and no door can be forgotten. FastAPI
    turns the error, which reaches it while it reads the body, into its own for malformed JSON.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, looking at its body when the last part of it has come."""
        if scope["type"] != "http" or not _is_json(Headers(scope=scope).get("content-type", "")):
            return await self._app(scope, receive, send)
        body = bytearray()

        async def checked() -> Message:
            message = await receive()
            body.extend(message.get("body", b""))
            if message["type"] == "http.request" and not message.get("more_body", False) and body:
                _check(bytes(body))
            return message

        return await self._app(scope, checked, send)


def _check(body: bytes) -> None:
    try:
        strict_json.canonical(strict_json.parse(body))
    except RefusedError as error:
        raise JSONDecodeError(error.code, "", 0) from None


def _is_json(content_type: str) -> bool:
    header = Header()
    header["content-type"] = content_type
    return header.get_content_maintype() == "application" and header.get_content_subtype().endswith("json")
