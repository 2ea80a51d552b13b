"""A token issuer for development: whoever can reach it is whoever they say they are. Never run it anywhere else.

`python -m simulator.issuer` serves, on the loopback interface only, ``GET /jwks``, ``POST /token`` and the ``GET
/userinfo`` of professionals; ``POST /rotate`` changes the key, ``POST /outage`` silences a door. Real issuers (Pro
Santé Connect for professionals) authenticate people; this one believes them.
"""

import asyncio
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from fastapi import FastAPI, Request
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.middleware.trustedhost import TrustedHostMiddleware

from shared.clock import SystemClock
from shared.http.bearer import bearer_token
from shared.http.identity import Kind, TokenError
from shared.http.limits import BodyLimit
from shared.http.problems import Problem, install
from shared.http.server import serving
from shared.http.verification import MAX_LIFETIME, verify_token
from shared.roles import told_to_stop
from simulator.professionals import Register
from simulator.signing import ALGORITHM, Keyring, load_key, new_key, public_keys
from simulator.token_request import Outage, TokenRequest

__all__ = ["ALGORITHM", "AUDIENCE", "ISSUER", "create_app", "load_key", "mint", "new_key", "public_keys"]

ISSUER: Final = "https://issuer.carnet.invalid"
AUDIENCE: Final = "carnet"
LOOPBACK: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8089


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


def create_app(key: ECKey, path: Path | None = None) -> FastAPI:
    """Return the issuer's doors; a key that they change to is kept at ``path``."""
    app = FastAPI(title="Carnet: development token issuer", docs_url=None, redoc_url=None)
    install(app)
    app.add_middleware(BodyLimit, max_bytes=16_384)
    # Without it, a web page could make its visitor's browser ask for a token (DNS rebinding).
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[LOOPBACK, "localhost"])
    keyring, known, silent = Keyring(key, path), Register(), set[str]()

    def answers(door: str) -> None:
        if door in silent:
            raise Problem(503)

    @app.get("/jwks")
    async def jwks() -> dict[str, Any]:
        answers("jwks")
        return keyring.public()

    @app.post("/token")
    async def token(wanted: TokenRequest) -> dict[str, Any]:
        known.note(wanted.sub, wanted.professional if wanted.kind is Kind.PROFESSIONAL else None)
        signed = mint(keyring.current, kind=wanted.kind, sub=wanted.sub, roles=wanted.roles, claims=wanted.claims())
        seconds = int(MAX_LIFETIME.total_seconds())
        return {"access_token": signed, "token_type": "Bearer", "expires_in": seconds}

    @app.get("/userinfo")
    async def info(request: Request) -> dict[str, Any]:
        answers("userinfo")
        return known.userinfo(await _subject(bearer_token(request), keyring))

    @app.post("/rotate")
    async def rotate() -> dict[str, Any]:
        return {"kid": keyring.rotate()}

    @app.post("/outage")
    async def outage(wanted: Outage) -> None:
        silent.clear()
        silent.update(wanted.doors)

    return app


async def _subject(token: str, keyring: Keyring) -> str:
    clock = SystemClock()
    try:
        found = await verify_token(token, keyring, issuer=ISSUER, audience=AUDIENCE, clock=clock, production=False)
    except TokenError as error:
        raise Problem(401, error.code) from None
    return found.principal.sub


async def _serve(app: FastAPI, port: int) -> None:
    stop = asyncio.create_task(told_to_stop())  # listens before anybody can be told that the issuer is there
    async with serving(app, LOOPBACK, port):
        await stop


def main() -> None:
    """Serve until interrupted."""
    home = Path(os.environ.get("CARNET_HOME", ".carnet"))
    home.mkdir(parents=True, exist_ok=True)
    port = int(os.environ.get("CARNET_HTTP_PORT", DEFAULT_PORT))
    path = home / "issuer.jwk"
    asyncio.run(_serve(create_app(load_key(path), path), port))


if __name__ == "__main__":
    main()
