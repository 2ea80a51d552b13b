"""An access token verified by the service itself, whatever stands in front of it (design §5).

The gateway is not trusted for identity. A token is an RFC 9068 access token signed by the issuer; nothing in it
is believed before its signature, and nothing outside it (no header, no query) says who calls.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

import orjson
from joserfc import jws
from joserfc.errors import JoseError

from shared.clock import Clock
from shared.http.identity import AccessToken, Kind, Principal, TokenError
from shared.http.jwks import KeySource, UnknownKidError, VerificationKey
from shared.identity import Ins, InsError, Structure, StructureIdError, parse_ins, parse_structure

MAX_TOKEN_CHARACTERS: Final = 8192
MAX_LIFETIME: Final = timedelta(minutes=10)
LEEWAY: Final = timedelta(seconds=30)
"""How far the issuer's clock may be ahead of ours. An expired token gets none."""

_REMEMBERED: Final = 4096
"""Tokens remembered; the longest unused go first."""

_HEADER: Final = {"alg", "kid", "typ"}
"""A token names its key and carries none: `jwk`, `jku`, `x5u`, `crit` and anything unknown refuse it."""
_TYPE: Final = "at+jwt"
_MAX_KID: Final = 128
_MAX_SUB: Final = 128
_MAX_ROLES: Final = 32
_MAX_ROLE: Final = 64
_MAX_NAME: Final = 200
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}")
"""SHA-256 in base64url without padding (RFC 8705 §3.1)."""


async def verify_token(
    token: str, jwks: KeySource, *, issuer: str, audience: str, clock: Clock, production: bool
) -> AccessToken:
    """Return what a token says; ``production``: people and structures of test are none.

    Raise `TokenError` if any rule refuses it, and `JwksUnavailableError` if the issuer's keys cannot be had.
    """
    kid, alg = _header(token)
    try:
        key = await jwks.key(kid)
    except UnknownKidError:
        raise TokenError("token-kid") from None
    if alg != key.alg:
        raise TokenError("token-alg")
    claims = _verified_claims(token, key)
    if claims.get("iss") != issuer:
        raise TokenError("token-issuer")
    if claims.get("aud") not in (audience, [audience]):
        raise TokenError("token-audience")
    _check_times(claims, clock)
    return _said(token, key, production)


@lru_cache(_REMEMBERED)
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


@lru_cache(_REMEMBERED)
def _verified_claims(token: str, key: VerificationKey) -> Mapping[str, Any]:
    """Return what a key signed; issuer, audience and times are judged at every request.

    The same bytes under the same key say the same again, and callers send a token many times. A key that the issuer
    publishes anew is another object, so whatever it signed is verified again.
    """
    try:
        payload = jws.deserialize_compact(token, key.material, algorithms=[key.alg]).payload
    except (JoseError, ValueError, TypeError):
        raise TokenError("token-signature") from None
    return _claims(payload)


@lru_cache(_REMEMBERED)
def _said(token: str, key: VerificationKey, production: bool) -> AccessToken:
    """Return whom a verified token speaks for."""
    claims = _verified_claims(token, key)
    principal = _principal(claims, production=production)
    return AccessToken(principal, claims["exp"], _certificate(claims.get("cnf")), _single_use(claims))


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


def _principal(claims: Mapping[str, Any], *, production: bool) -> Principal:
    sub, roles, jti = claims.get("sub"), claims.get("roles", []), claims.get("jti")
    if not _short(sub, _MAX_SUB) or not (jti is None or _short(jti, _MAX_SUB)):
        raise TokenError("token-subject")
    if not isinstance(roles, list) or len(roles) > _MAX_ROLES or not all(_short(r, _MAX_ROLE) for r in roles):
        raise TokenError("token-roles")
    try:
        kind = Kind(claims.get("kind", ""))
    except ValueError:
        raise TokenError("token-kind") from None
    return Principal(
        sub=claims["sub"],
        kind=kind,
        roles=frozenset(roles),
        jti=jti,
        ins=_ins(claims.get("ins"), production=production) if kind is Kind.PATIENT else None,
        structure=_structure(claims.get("structure"), production=production) if kind is Kind.MACHINE else None,
    )


def _ins(claim: Any, *, production: bool) -> Ins:
    match claim:
        case {"value": str(value), "oid": str(oid)} if len(claim) == 2:
            try:
                return parse_ins(value, oid, production=production)
            except InsError:
                pass
    raise TokenError("token-ins")


def _structure(claim: Any, *, production: bool) -> Structure:
    match claim:
        case {"id": str(value)} if claim.keys() <= {"id", "name"}:
            name = claim.get("name")
            if name is None or _short(name, _MAX_NAME):
                try:
                    return parse_structure(value, name, production=production)
                except StructureIdError:
                    pass
    raise TokenError("token-structure")


def _certificate(claim: Any) -> str | None:
    """A binding that we cannot check is not one that we may ignore."""
    match claim:
        case None:
            return None
        case {"x5t#S256": str(thumbprint)} if len(claim) == 1 and _THUMBPRINT.fullmatch(thumbprint):
            return thumbprint
    raise TokenError("token-confirmation")


def _single_use(claims: Mapping[str, Any]) -> bool:
    once = claims.get("single_use", False)
    if not isinstance(once, bool) or (once and claims.get("jti") is None):
        raise TokenError("token-single-use")
    return once


def _short(value: object, limit: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= limit and value.isprintable()
