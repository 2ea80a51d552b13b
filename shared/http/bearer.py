"""The bearer token of a request (RFC 6750): from one header, given once."""

from typing import Final

from fastapi import Request

from shared.clock import Clock
from shared.http.identity import Kind, Principal, TokenError, verify_token
from shared.http.jwks import JwksUnavailableError, KeySource
from shared.http.problems import Problem

_RETRY_SECONDS: Final = "5"


def bearer_token(request: Request, header: str = "authorization") -> str:
    """Return the token; raise a 400 problem for two headers and a 401 for none or another scheme."""
    headers = request.headers.getlist(header)
    if len(headers) > 1:
        raise Problem(400, "authorization-repeated")
    if not headers:
        raise Problem(401, "token-missing", headers={"www-authenticate": "Bearer"})
    scheme, _, token = headers[0].partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem(401, "token-missing", headers={"www-authenticate": "Bearer"})
    return token


async def caller(
    request: Request,
    kind: Kind,
    jwks: KeySource,
    *,
    issuer: str,
    audience: str,
    clock: Clock,
    header: str = "authorization",
) -> Principal:
    """Return who calls; raise a problem: 401 for a refused token, 403 for another kind, 503 without keys."""
    token = bearer_token(request, header)
    try:
        principal = await verify_token(token, jwks, issuer=issuer, audience=audience, clock=clock)
    except TokenError as error:
        refused = {"www-authenticate": 'Bearer error="invalid_token"'}
        raise Problem(401, error.code, headers=refused) from None
    except JwksUnavailableError:
        raise Problem(503, "issuer-unavailable", headers={"retry-after": _RETRY_SECONDS}) from None
    if principal.kind is not kind:
        raise Problem(403, "other-kind")
    return principal
