"""Who a professional is: the UserInfo of Pro Santé Connect, asked with the caller's own access token.

A verified access token says who calls and nothing about a profession; the role is never taken from the client's words.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from time import monotonic, time
from typing import Final, Protocol, TypeAlias

import httpx
import structlog

from shared.errors import CarnetError
from shared.http.identity import TokenError
from shared.http.professionals import NoProfessionalError, UserInfoUnavailableError, read_professional
from shared.http.small_answers import NoAnswerError, get_small, small_client
from shared.identity import Professional

MAX_KNOWN: Final = 4096
"""Professionals kept at hand; the longest known go first."""
COOL_DOWN: Final = 1.0
"""Seconds for which an issuer that did not answer is not asked again."""

log = structlog.get_logger()


class UserInfoSource(Protocol):
    """Where it is said who a professional is."""

    async def professional(self, token: str, *, sub: str, expires: int) -> Professional:
        """Return whom a verified token, which ends at ``expires``, speaks for.

        Raise `TokenError` if the issuer no longer knows the token or speaks of somebody else,
        `NoProfessionalError` if whoever it is has no profession, and `UserInfoUnavailableError` if nobody can tell.
        """
        ...


_Outcome: TypeAlias = Professional | CarnetError


class UserInfo:
    """The UserInfo at a URL: one question per token, whoever waits, and its answer until the token ends."""

    def __init__(
        self,
        url: str,
        *,
        production: bool,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._url = url
        self._production = production
        self._client = small_client(transport)
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[int, asyncio.Task[_Outcome]]] = OrderedDict()
        self._ask_from = float("-inf")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def professional(self, token: str, *, sub: str, expires: int) -> Professional:
        """See `UserInfoSource.professional`."""
        name = sha256(token.encode()).digest()
        if name not in self._known:
            self._make_room()
            self._known[name] = expires, asyncio.create_task(self._outcome(token, sub))
        # A caller who hangs up must not take the answer from the others.
        outcome = await asyncio.shield(self._known[name][1])
        if isinstance(outcome, UserInfoUnavailableError):
            self._known.pop(name, None)
        if isinstance(outcome, CarnetError):
            raise outcome.with_traceback(None)  # kept for long: it must not gather what led to it each time
        return outcome

    def _make_room(self) -> None:
        while self._known and (len(self._known) >= MAX_KNOWN or next(iter(self._known.values()))[0] < time()):
            self._known.popitem(last=False)

    async def _outcome(self, token: str, sub: str) -> _Outcome:
        try:
            return read_professional(await self._ask(token), sub=sub, production=self._production)
        except (TokenError, NoProfessionalError, UserInfoUnavailableError) as error:
            return error

    async def _ask(self, token: str) -> bytes:
        if self._clock() < self._ask_from:
            raise UserInfoUnavailableError("the issuer did not answer a moment ago")
        try:
            return await get_small(self._client, self._url, {"authorization": f"Bearer {token}"})
        except NoAnswerError as error:
            if error.status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
                raise TokenError("token-revoked") from None
            self._ask_from = self._clock() + COOL_DOWN
            log.warning("userinfo_unavailable", status=error.status)
            raise UserInfoUnavailableError(str(error)) from None
