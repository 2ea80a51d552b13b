"""A token issuer for development: whoever can reach it is whoever they say they are. Never run it anywhere else.

`python -m simulator.issuer` serves ``GET /jwks`` and ``POST /token`` on the loopback interface only, with a key kept
under ``CARNET_HOME``. Real issuers (Pro Santé Connect for professionals) authenticate people; this one believes them.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import BaseModel, ConfigDict, Field
from starlette.middleware.trustedhost import TrustedHostMiddleware

from shared.http.identity import MAX_LIFETIME, Kind
from shared.http.limits import BodyLimit
from shared.http.problems import install
from shared.http.server import serving
from shared.roles import told_to_stop

ISSUER: Final = "https://issuer.carnet.invalid"
AUDIENCE: Final = "carnet"
LOOPBACK: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8089
ALGORITHM: Final = "ES256"

_Word = Annotated[str, Field(min_length=1, max_length=64)]


class TokenRequest(BaseModel):
    """Who wants to be whom."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    sub: Annotated[str, Field(min_length=1, max_length=128)]
    roles: Annotated[tuple[_Word, ...], Field(max_length=32)] = ()


def new_key() -> ECKey:
    """Return a new signing key, named by its thumbprint (RFC 7638)."""
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM}, private=True)
    return ECKey.import_key({**key.as_dict(private=True), "kid": key.thumbprint()})


def load_key(path: Path) -> ECKey:
    """Return the key kept in a file, made at the first start and readable by its owner only."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o400)
    except FileExistsError:
        return ECKey.import_key(json.loads(path.read_text()))
    key = new_key()
    with os.fdopen(descriptor, "w") as file:
        json.dump(key.as_dict(private=True), file)
    return key


def mint(
    key: ECKey,
    *,
    kind: str,
    sub: str,
    roles: tuple[str, ...] = (),
    now: datetime | None = None,
    lifetime: timedelta = MAX_LIFETIME,
    claims: Mapping[str, Any] | None = None,
    header: Mapping[str, Any] | None = None,
) -> str:
    """Return a signed access token (RFC 9068). ``claims`` and ``header`` replace what a test wants wrong."""
    issued = int((now or datetime.now(UTC)).timestamp())
    payload = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": issued,
        "nbf": issued,
        "exp": issued + int(lifetime.total_seconds()),
        "jti": uuid4().hex,
        "sub": sub,
        "kind": kind,
        "roles": list(roles),
        **(claims or {}),
    }
    protected = {"alg": ALGORITHM, "typ": "at+jwt", "kid": key.kid, **(header or {})}
    return jwt.encode(protected, payload, key, algorithms=[ALGORITHM])


def public_keys(key: ECKey) -> dict[str, Any]:
    """Return the key set (RFC 7517) that verifies what the key signs."""
    return {"keys": [key.as_dict(private=False)]}


def create_app(key: ECKey) -> FastAPI:
    """Return the issuer's two doors."""
    app = FastAPI(title="Carnet: development token issuer", docs_url=None, redoc_url=None)
    install(app)
    app.add_middleware(BodyLimit, max_bytes=16_384)
    # Without it, a web page could make its visitor's browser ask for a token (DNS rebinding).
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[LOOPBACK, "localhost"])

    @app.get("/jwks")
    async def jwks() -> dict[str, Any]:
        return public_keys(key)

    @app.post("/token")
    async def token(wanted: TokenRequest) -> dict[str, Any]:
        signed = mint(key, kind=wanted.kind, sub=wanted.sub, roles=wanted.roles)
        seconds = int(MAX_LIFETIME.total_seconds())
        return {"access_token": signed, "token_type": "Bearer", "expires_in": seconds}

    return app


async def _serve(app: FastAPI, port: int) -> None:
    async with serving(app, LOOPBACK, port):
        await told_to_stop()


def main() -> None:
    """Serve until interrupted."""
    home = Path(os.environ.get("CARNET_HOME", ".carnet"))
    home.mkdir(parents=True, exist_ok=True)
    port = int(os.environ.get("CARNET_HTTP_PORT", DEFAULT_PORT))
    asyncio.run(_serve(create_app(load_key(home / "issuer.jwk")), port))


if __name__ == "__main__":
    main()
