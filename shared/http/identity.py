"""Who is calling: an access token verified by the service itself, whatever stands in front of it (design §5).

The gateway is not trusted for identity. A token is an RFC 9068 access token signed by the issuer; nothing in it
is believed before its signature, and nothing outside it (no header, no query) says who calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import orjson
from joserfc import jws
from joserfc.errors import JoseError

from shared.clock import Clock
from shared.errors import CarnetError
from shared.http.jwks import KeySource, UnknownKidError, VerificationKey

MAX_TOKEN_CHARACTERS: Final = 8192
MAX_LIFETIME: Final = timedelta(minutes=10)
LEEWAY: Final = timedelta(seconds=30)
"""How far the issuer's clock may be ahead of ours. An expired token gets none."""

_HEADER: Final = {"alg", "kid", "typ"}
"""A token names its key and carries none: `jwk`, `jku`, `x5u`, `crit` and anything unknown refuse it."""
_TYPE: Final = "at+jwt"
_MAX_KID: Final = 128
_MAX_SUB: Final = 128
_MAX_ROLES: Final = 32
_MAX_ROLE: Final = 64


class Kind(StrEnum):
    """What kind of caller a token is for. The doors of one kind are closed to the others."""

    OPERATOR = "operator"
    PATIENT = "patient"
    PROFESSIONAL = "professional"
    MACHINE = "machine"
    PHONE_AGENT = "phone-agent"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose token was verified."""

    sub: str
    kind: Kind
    roles: frozenset[str]
    jti: str | None = None


class TokenError(CarnetError):
    """A token that is not accepted; ``code`` is stable and says which rule refused it, never what it held."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


async def verify_token(token: str, jwks: KeySource, *, issuer: str, audience: str, clock: Clock) -> Principal:
    """Return whom a token speaks for.

    Raise `TokenError` if any rule refuses it, and `JwksUnavailableError` if the issuer's keys cannot be had.
    """
    kid, alg = _header(token)
    try:
        key = await jwks.key(kid)
    except UnknownKidError:
        raise TokenError("token-kid") from None
    if alg != key.alg:
        raise TokenError("token-alg")
    claims = _claims(_verified_payload(token, key))
    if claims.get("iss") != issuer:
        raise TokenError("token-issuer")
    if claims.get("aud") not in (audience, [audience]):
        raise TokenError("token-audience")
    _check_times(claims, clock)
    return _principal(claims)


def _header(token: str) -> tuple[str, str]:
    if len(token) > MAX_TOKEN_CHARACTERS or not token.isascii():
        raise TokenError("token-malformed")
    try:
        header = jws.extract_compact(token.encode()).protected
    except (JoseError, ValueError, TypeError, RecursionError):
        raise TokenError("token-malformed") from None
    if not isinstance(header, dict) or not header.keys() <= _HEADER:
        raise TokenError("token-header")
    if header.get("typ") != _TYPE:
        raise TokenError("token-typ")
    kid, alg = header.get("kid"), header.get("alg")
    if not isinstance(kid, str) or not 0 < len(kid) <= _MAX_KID:
        raise TokenError("token-kid")
    if not isinstance(alg, str):
        raise TokenError("token-alg")
    return kid, alg


def _verified_payload(token: str, key: VerificationKey) -> bytes:
    try:
        return jws.deserialize_compact(token, key.material, algorithms=[key.alg]).payload
    except (JoseError, ValueError, TypeError):
        raise TokenError("token-signature") from None


def _claims(payload: bytes) -> Mapping[str, Any]:
    try:
        claims = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise TokenError("token-malformed") from None
    if not isinstance(claims, dict):
        raise TokenError("token-malformed")
    return claims


def _check_times(claims: Mapping[str, Any], clock: Clock) -> None:
    now = clock.now().timestamp()
    expires, issued, begins = claims.get("exp"), claims.get("iat"), claims.get("nbf", claims.get("iat"))
    # An exact type: True is an int too, and an integer beyond 64 bits is read as a float.
    if type(expires) is not int or type(issued) is not int or type(begins) is not int:
        raise TokenError("token-times")
    if not 0 < expires - issued <= MAX_LIFETIME.total_seconds():
        raise TokenError("token-lifetime")
    if now >= expires:
        raise TokenError("token-expired")
    if max(issued, begins) > now + LEEWAY.total_seconds():
        raise TokenError("token-not-yet")


def _principal(claims: Mapping[str, Any]) -> Principal:
    sub, roles, jti = claims.get("sub"), claims.get("roles", []), claims.get("jti")
    if not _short(sub, _MAX_SUB) or not (jti is None or _short(jti, _MAX_SUB)):
        raise TokenError("token-subject")
    if not isinstance(roles, list) or len(roles) > _MAX_ROLES or not all(_short(r, _MAX_ROLE) for r in roles):
        raise TokenError("token-roles")
    try:
        kind = Kind(claims.get("kind", ""))
    except ValueError:
        raise TokenError("token-kind") from None
    return Principal(sub=claims["sub"], kind=kind, roles=frozenset(roles), jti=jti)


def _short(value: object, limit: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= limit and value.isprintable()
