"""The keys of the development issuer: the one it signs with, and those before it, which still verify."""

import json
import os
from pathlib import Path
from typing import Any, Final

import orjson
from joserfc.jwk import ECKey

from shared.http.jwks import UnknownKidError, VerificationKey, parse

ALGORITHM: Final = "ES256"
KEPT: Final = 3
"""Keys published at a time: the tokens that a former one signed are good until they end."""


class Keyring:
    """The current key and its predecessors, in memory; ``path`` keeps the current one for the next start."""

    def __init__(self, key: ECKey, path: Path | None = None) -> None:
        self._keys = [key]
        self._path = path

    @property
    def current(self) -> ECKey:
        """The key that signs."""
        return self._keys[0]

    def rotate(self) -> str:
        """Sign with a new key from now on; return its id."""
        self._keys = [new_key(), *self._keys][:KEPT]
        if self._path is not None:
            fresh = self._path.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            _write_once(fresh, self.current)
            fresh.replace(self._path)
        return str(self.current.kid)

    def public(self) -> dict[str, Any]:
        """Return the key set that is published."""
        return {"keys": [each for key in self._keys for each in public_keys(key)["keys"]]}

    async def key(self, kid: str) -> VerificationKey:
        """See `shared.http.jwks.KeySource.key`."""
        try:
            return parse(orjson.dumps(self.public()))[kid]
        except KeyError:
            raise UnknownKidError from None


def new_key() -> ECKey:
    """Return a new signing key, named by its thumbprint (RFC 7638)."""
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM}, private=True)
    return ECKey.import_key({**key.as_dict(private=True), "kid": key.thumbprint()})


def load_key(path: Path) -> ECKey:
    """Return the key kept in a file, made at the first start and readable by its owner only."""
    key = new_key()
    try:
        _write_once(path, key)
    except FileExistsError:
        return ECKey.import_key(json.loads(path.read_text()))
    return key


def public_keys(key: ECKey) -> dict[str, Any]:
    """Return the key set (RFC 7517) that verifies what the key signs."""
    return {"keys": [key.as_dict(private=False)]}


def _write_once(path: Path, key: ECKey) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o400)
    with os.fdopen(descriptor, "w") as file:
        json.dump(key.as_dict(private=True), file)
