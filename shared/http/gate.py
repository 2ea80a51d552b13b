"""The gate of a service: who may pass a door, from an access token that the service verifies itself.

Tokens are judged by the machine's clock: a clock that a demonstration moves must not keep an old token alive.
"""

import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, TypeAlias

from fastapi import Request

from shared.clock import Clock, SystemClock
from shared.http.bearer import bearer_token
from shared.http.certificates import thumbprint
from shared.http.identity import AccessToken, Kind, Principal, TokenError
from shared.http.jwks import JwksCache, JwksUnavailableError, KeySource
from shared.http.problems import Problem
from shared.http.professionals import NoProfessionalError, UserInfoUnavailableError
from shared.http.spent import MongoSpentTokens, SpentTokens
from shared.http.userinfo import UserInfo, UserInfoSource
from shared.http.verification import verify_token
from shared.messaging.failures import Failure, classify
from shared.messaging.runtime import Runtime

SECOND: Final = "second-operator"
"""The header in which a second operator's bearer token agrees to an act that destroys."""

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110 §9.2.1)."""
_RETRY_SECONDS: Final = "5"
_MARGIN: Final = timedelta(minutes=1)

Door: TypeAlias = Callable[[Request], Awaitable[Principal]]
"""A FastAPI dependency that gives who calls, or refuses with problem details."""


class Gate:
    """Makes the dependencies that let callers in, each kind by its own doors."""

    def __init__(
        self,
        jwks: KeySource,
        *,
        issuer: str,
        audience: str,
        production: bool,
        userinfo: UserInfoSource | None,
        spent: SpentTokens,
        clock: Clock | None = None,
    ) -> None:
        """``userinfo`` None: nobody says who a professional is, so no professional passes."""
        self._jwks = jwks
        self._issuer = issuer
        self._audience = audience
        self._production = production
        self._userinfo = userinfo
        self._spent = spent
        self._clock = clock or SystemClock()
        self._doors: dict[tuple[frozenset[Kind], str | None, str], Door] = {}

    def admits(self, *kinds: Kind, role: str | None = None, header: str = "authorization") -> Door:
        """Return the dependency that gives a caller of one of these kinds; the same one for the same arguments.

        It raises a problem: 400 for two tokens, 401 for a refused one, 403 for another kind, for a professional
        without a profession and for a missing ``role``, 409 for a token that was spent, 503 if the issuer is silent.
        """
        return self._doors.setdefault((frozenset(kinds), role, header), self._door(frozenset(kinds), role, header))

    @property
    def operator(self) -> Door:
        """The lock of everything under ``/ops``."""
        return self.admits(Kind.OPERATOR)

    @property
    def second_operator(self) -> Door:
        """Who agrees to an act that destroys: another operator's token, in a header of its own."""
        return self.admits(Kind.OPERATOR, header=SECOND)

    def _door(self, kinds: frozenset[Kind], role: str | None, header: str) -> Door:
        async def door(request: Request) -> Principal:
            text = bearer_token(request, header)
            token = await self._verified(text)
            if token.principal.kind not in kinds:
                raise Problem(403, "other-kind")
            if role is not None and role not in token.principal.roles:
                raise Problem(403, "role-missing")
            if token.certificate is not None and token.certificate != thumbprint(request):
                raise _refused("token-certificate")
            principal = await self._described(token, text)
            if token.single_use and request.method not in _SAFE:
                await self._spend(token)
            return principal

        return door

    async def _verified(self, text: str) -> AccessToken:
        try:
            return await verify_token(
                text,
                self._jwks,
                issuer=self._issuer,
                audience=self._audience,
                clock=self._clock,
                production=self._production,
            )
        except TokenError as error:
            raise _refused(error.code) from None
        except JwksUnavailableError:
            raise _unavailable("issuer-unavailable") from None

    async def _described(self, token: AccessToken, text: str) -> Principal:
        """Add to a professional what only the issuer can say; nobody passes as one without it (F23)."""
        principal = token.principal
        if principal.kind is not Kind.PROFESSIONAL:
            return principal
        if self._userinfo is None:
            raise _unavailable("issuer-unavailable")
        try:
            found = await self._userinfo.professional(text, sub=principal.sub, expires=token.expires)
        except TokenError as error:
            raise _refused(error.code) from None
        except NoProfessionalError as error:
            raise Problem(403, error.code) from None
        except UserInfoUnavailableError:
            raise _unavailable("issuer-unavailable") from None
        return replace(principal, professional=found)

    async def _spend(self, token: AccessToken) -> None:
        """Use a token up before the change, whatever becomes of it: the reverse would let two changes through."""
        name = sha256(f"{self._issuer}|{token.principal.jti}".encode()).hexdigest()
        try:
            first = await self._spent.spend(name, datetime.fromtimestamp(token.expires, UTC) + _MARGIN)
        except Exception as error:
            if classify(error) is Failure.DATA:
                raise
            raise _unavailable("unavailable") from None
        if not first:
            raise Problem(409, "token-spent")


@asynccontextmanager
async def open_gate(runtime: Runtime) -> AsyncIterator[Gate]:
    """Give the gate of a service's role `api`; what it keeps at hand is dropped at the end."""
    settings = runtime.settings
    jwks, spent = JwksCache(settings.jwks_url), MongoSpentTokens(runtime.database)
    await spent.prepare()
    url = settings.userinfo_url
    userinfo = UserInfo(url, production=settings.production) if url else None
    try:
        yield Gate(
            jwks,
            issuer=settings.issuer,
            audience=settings.audience,
            production=settings.production,
            userinfo=userinfo,
            spent=spent,
        )
    finally:
        await jwks.aclose()
        if userinfo is not None:
            await userinfo.aclose()


def _refused(code: str) -> Problem:
    return Problem(401, code, headers={"www-authenticate": 'Bearer error="invalid_token"'})


def _unavailable(code: str) -> Problem:
    return Problem(503, code, headers={"retry-after": _RETRY_SECONDS})


def agreeing(second: Principal, first: Principal) -> str:
    """Return who agrees to an act that destroys, who has to be somebody else than whoever does it."""
    if _person(second) == _person(first):
        raise Problem(403, "second-operator-same")
    return second.sub


def _person(principal: Principal) -> str:
    """Two spellings of one name are one person: an issuer may pass on what somebody typed."""
    return "".join(unicodedata.normalize("NFKC", principal.sub).casefold().split())
