"""Tokens as a good issuer makes them and as people who wish us ill do, and a verifier at nine o'clock."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from shared.http.identity import AccessToken, Principal
from shared.http.verification import verify_token
from simulator.issuer import AUDIENCE, ISSUER, mint, new_key
from tests.fakes.gate import KnownKeys

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
SECOND = int(NOW.timestamp())
KEY = new_key()
INS = {"value": "255081416802538", "oid": "1.2.250.1.213.1.4.8"}
STRUCTURE = {"id": "1750712184", "name": "HOPITAL"}


class Frozen:
    """A clock that shows `NOW`."""

    def now(self) -> datetime:
        """Return the instant."""
        return NOW


async def verify(token: str, jwks: KnownKeys | None = None) -> Principal:
    """Verify as a service would, at nine o'clock."""
    return (await verified(token, jwks)).principal


async def verified(token: str, jwks: KnownKeys | None = None, *, production: bool = False) -> AccessToken:
    """Return all that a verified token says."""
    known: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE, "clock": Frozen()}
    return await verify_token(token, jwks or KnownKeys(KEY), production=production, **known)


def token(key: ECKey = KEY, *, header: dict[str, object] | None = None, now: datetime = NOW, **claims: object) -> str:
    """Return a good operator's token, but for what the test changes; a claim that is None is left out."""
    signed = mint(key, kind="operator", sub="op-1", roles=("reader",), now=now, claims=claims, header=header)
    if None not in claims.values():
        return signed
    payload = {name: value for name, value in json.loads(part(signed, 1)).items() if value is not None}
    return jwt.encode(json.loads(part(signed, 0)), payload, key, algorithms=["ES256"])


def part(signed: str, index: int) -> bytes:
    """Return a part of a token, decoded."""
    return base64.urlsafe_b64decode(signed.split(".")[index] + "==")


def b64(value: object) -> str:
    """Return JSON or bytes as a token writes them."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def rewritten(*, header: object = None, payload: object = None, signature: str | None = None) -> str:
    """Return a good token with parts replaced after it was signed."""
    parts = token().split(".")
    for index, new in enumerate((header, payload)):
        parts[index] = parts[index] if new is None else b64(new)
    parts[2] = parts[2] if signature is None else signature
    return ".".join(parts)


def patient(ins: object) -> str:
    """Return a patient's token with this claim."""
    return token(kind="patient", ins=ins)


def machine(structure: object) -> str:
    """Return a machine's token with this claim."""
    return token(kind="machine", structure=structure)
