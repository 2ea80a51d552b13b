"""The bearer token of a request (RFC 6750): from one header, given once."""

from fastapi import Request

from shared.http.problems import Problem


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
