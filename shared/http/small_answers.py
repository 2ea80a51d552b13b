"""Asking the issuer for something small: whatever it answers, it costs little memory and little time."""

import asyncio
from collections.abc import Mapping
from typing import Final

import httpx

from shared.errors import CarnetError

MAX_BYTES: Final = 64 * 1024
PATIENCE: Final = 5.0
_PLAIN: Final = {"accept": "application/json", "accept-encoding": "identity"}


class NoAnswerError(CarnetError):
    """There is no usable answer; ``status`` is that of an answer of another kind than 200, if there was one."""

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


def small_client(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Return a client that follows no redirect and heeds no proxy of the environment."""
    return httpx.AsyncClient(transport=transport, follow_redirects=False, trust_env=False, timeout=PATIENCE)


async def get_small(client: httpx.AsyncClient, url: str, headers: Mapping[str, str] | None = None) -> bytes:
    """Return the body of a plain 200 of at most `MAX_BYTES` within `PATIENCE`; raise `NoAnswerError` otherwise."""
    try:
        async with (
            asyncio.timeout(PATIENCE),
            client.stream("GET", url, headers={**_PLAIN, **(headers or {})}) as response,
        ):
            if response.status_code != httpx.codes.OK or "content-encoding" in response.headers:
                raise NoAnswerError(f"the issuer answered {response.status_code}", response.status_code)
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise NoAnswerError("the issuer's answer is too large")
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise NoAnswerError(f"the issuer does not answer ({type(error).__name__})") from None
    return bytes(body)
