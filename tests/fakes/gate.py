"""A gate whose issuer is at hand: its key, its word on professionals and its spent tokens, all in memory."""

import json
from collections.abc import Mapping
from datetime import datetime

from joserfc.jwk import ECKey, OKPKey

from shared.clock import Clock
from shared.http.gate import Gate
from shared.http.jwks import JwksUnavailableError, KeySource, UnknownKidError, VerificationKey, parse
from shared.http.professionals import NoProfessionalError
from shared.identity import Professional
from simulator.issuer import AUDIENCE, ISSUER


class KnownKeys:
    """The issuer's public keys, at hand; it writes down which ids were asked for."""

    def __init__(self, *keys: ECKey | OKPKey) -> None:
        self._keys = parse(json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode())
        self.asked: list[str] = []

    async def key(self, kid: str) -> VerificationKey:
        """See `KeySource.key`."""
        self.asked.append(kid)
        try:
            return self._keys[kid]
        except KeyError:
            raise UnknownKidError from None


class SilentIssuer:
    """An issuer nobody reaches."""

    async def key(self, kid: str) -> VerificationKey:
        """Fail."""
        raise JwksUnavailableError


class KnownProfessionals:
    """The issuer's word on professionals, by the ``sub`` of their tokens."""

    def __init__(self, known: Mapping[str, Professional] | None = None) -> None:
        self.known = dict(known or {})

    async def professional(self, token: str, *, sub: str, expires: int) -> Professional:
        """See `UserInfoSource.professional`."""
        if sub not in self.known:
            raise NoProfessionalError("profession-missing")
        return self.known[sub]


class SpentInMemory:
    """Spent tokens, never forgotten."""

    def __init__(self) -> None:
        self.tokens: set[str] = set()

    async def spend(self, token: str, until: datetime) -> bool:
        """See `SpentTokens.spend`."""
        first = token not in self.tokens
        self.tokens.add(token)
        return first


def gate_of(
    jwks: KeySource,
    *,
    professionals: KnownProfessionals | None = None,
    clock: Clock | None = None,
    production: bool = False,
) -> Gate:
    """Return a gate that believes the development issuer's keys."""
    return Gate(
        jwks,
        issuer=ISSUER,
        audience=AUDIENCE,
        production=production,
        userinfo=professionals or KnownProfessionals(),
        spent=SpentInMemory(),
        clock=clock,
    )
