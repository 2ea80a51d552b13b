"""The issuer's public keys, kept close by and never trusted more than necessary.

An issuer that is slow, down, rotated or hostile must neither stop the services nor make them fetch for every token.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, Protocol, TypeAlias

import httpx
import orjson
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from shared.errors import CarnetError
from shared.http.small_answers import NoAnswerError, get_small, small_client

MAX_KEYS: Final = 16
LIFE: Final = 300.0
"""Seconds for which the keys serve without a new look."""
STALE: Final = 3600.0
"""Seconds for which they go on serving while the issuer does not answer."""
COOL_DOWN: Final = 30.0
"""Seconds between two looks that an unknown key id or a failing issuer may cause."""
FIRST_RETRY: Final = 1.0
"""Seconds between two looks while there is no key at all."""

_KINDS: Final[Mapping[str, tuple[str, str | None]]] = {
    "ES256": ("EC", "P-256"),
    "Ed25519": ("OKP", "Ed25519"),
    "EdDSA": ("OKP", "Ed25519"),
    "RS256": ("RSA", None),
}
"""The algorithms accepted, all asymmetric, each with the one type and curve of key it goes with."""
_RSA_BITS: Final = range(2048, 4097)

Material: TypeAlias = ECKey | OKPKey | RSAKey


class JwksUnavailableError(CarnetError):
    """There is no usable key set: the caller answers 503, not 401."""


class UnknownKidError(CarnetError):
    """The issuer has no key of this id."""


@dataclass(frozen=True, slots=True, eq=False)
class VerificationKey:
    """A public key and the one algorithm it may be used with; equal to nothing but itself."""

    kid: str
    alg: str
    material: Material


class KeySource(Protocol):
    """Where the keys that verify tokens come from."""

    async def key(self, kid: str) -> VerificationKey:
        """Return a key; raise `UnknownKidError`, or `JwksUnavailableError` if nobody can tell."""
        ...


class JwksCache:
    """The key set at a URL: one fetch at a time, whoever waits."""

    def __init__(
        self,
        url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._url = url
        self._client = small_client(transport)
        self._clock = clock
        self._keys: Mapping[str, VerificationKey] = {}
        self._fetched_at = float("-inf")
        self._look_at = float("-inf")
        self._unknown_from = float("-inf")
        self._looks = 0
        self._one_at_a_time = asyncio.Lock()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def key(self, kid: str) -> VerificationKey:
        """See `KeySource.key`."""
        now = self._clock()
        if now >= self._look_at:
            await self._look()
        elif kid not in self._keys and now >= self._unknown_from:
            self._unknown_from = now + COOL_DOWN
            await self._look()
        elif kid not in self._keys:
            await self._join()
        if self._clock() - self._fetched_at > STALE:
            raise JwksUnavailableError("the issuer's keys cannot be read")
        try:
            return self._keys[kid]
        except KeyError:
            raise UnknownKidError("the issuer has no such key") from None

    async def _join(self) -> None:
        """Wait for a look that is under way: it may bring the key."""
        async with self._one_at_a_time:
            pass

    async def _look(self) -> None:
        """Fetch the keys, unless somebody else did while we waited for our turn."""
        looks = self._looks
        async with self._one_at_a_time:
            if self._looks != looks:
                return
            try:
                self._keys = await fetch(self._client, self._url)
            except JwksUnavailableError:
                self._look_at = self._clock() + (COOL_DOWN if self._keys else FIRST_RETRY)
            else:
                self._fetched_at = self._clock()
                self._look_at = self._fetched_at + LIFE
            self._looks += 1


async def fetch(client: httpx.AsyncClient, url: str) -> Mapping[str, VerificationKey]:
    """Return the usable keys at a URL, by id; raise `JwksUnavailableError` for anything but a small, plain key set."""
    try:
        return parse(await get_small(client, url))
    except NoAnswerError as error:
        raise JwksUnavailableError(str(error)) from None


def parse(body: bytes) -> Mapping[str, VerificationKey]:
    """Return the keys of a key set (RFC 7517) that we can use; the others are skipped, as section 5 asks."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise JwksUnavailableError("the issuer's key set is not JSON") from None
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise JwksUnavailableError("the issuer's key set has no list of keys, or too many")
    usable = [key for entry in listed if (key := _usable(entry)) is not None]
    keys = {key.kid: key for key in usable}
    if not keys or len(keys) != len(usable):
        raise JwksUnavailableError("the issuer's key set has no usable key, or two of one id")
    return keys


def _usable(entry: Any) -> VerificationKey | None:
    """Return a key that names its id and algorithm and fits them; a private or symmetric one is none of ours."""
    if not isinstance(entry, dict) or "d" in entry or entry.get("use", "sig") != "sig":
        return None
    kid, alg = entry.get("kid"), entry.get("alg")
    if not isinstance(kid, str) or not isinstance(alg, str) or alg not in _KINDS:
        return None
    if (entry.get("kty"), entry.get("crv")) != _KINDS[alg]:
        return None
    try:
        material = _material(entry)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return VerificationKey(kid=kid, alg=alg, material=material) if _strong(material) else None


def _material(entry: dict[str, Any]) -> Material:
    match entry["kty"]:
        case "EC":
            return ECKey.import_key(entry)
        case "OKP":
            return OKPKey.import_key(entry)
        case _:
            return RSAKey.import_key(entry)


def _strong(material: Material) -> bool:
    return not isinstance(material, RSAKey) or material.public_key.key_size in _RSA_BITS
