"""A certificate authority of one clone and what it signs: made once, renewed before they end, never committed."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from deploy.local.credentials import replace_secret
from deploy.local.places import folder

if TYPE_CHECKING:
    from deploy.containers.certificates import Pair

AUTHORITY = "ca"
NAMES = ("localhost", "gateway", "127.0.0.1", "::1")

RENEWED_AFTER_S = 180 * 24 * 3600
"""Half a certificate's life; the authority's is ten years, and it changes when its files are deleted."""


class Certificate(NamedTuple):
    """Where a certificate and its private key lie, both in PEM."""

    certificate: Path
    key: Path


def ensure_authority(home: Path) -> Certificate:
    """Give the authority that clients of this clone trust: `curl --cacert <home>/tls/ca.pem`."""
    place = _place(home, AUTHORITY)
    if not place.certificate.exists():
        from deploy.containers.certificates import new_authority

        _write(place, new_authority(f"Carnet in {home.name}"))
    return place


def ensure_certificate(home: Path, name: str) -> Certificate:
    """Give a certificate of this clone's authority for a program on this machine, server or client."""
    authority, place = ensure_authority(home), _place(home, name)
    if not _lasts(place.certificate) or place.certificate.stat().st_mtime < authority.certificate.stat().st_mtime:
        from deploy.containers.certificates import Pair, new_server

        signer = Pair(authority.certificate.read_bytes(), authority.key.read_bytes())
        _write(place, new_server(signer, [name, *NAMES]))
    return place


def _place(home: Path, name: str) -> Certificate:
    tls = folder(home / "tls", mode=0o700)
    return Certificate(tls / f"{name}.pem", tls / f"{name}.key")


def _lasts(certificate: Path) -> bool:
    """Say whether it is there and young; by the file's age, which spares loading the library."""
    return certificate.exists() and time.time() - certificate.stat().st_mtime < RENEWED_AFTER_S


def _write(place: Certificate, pair: "Pair") -> None:
    """Write the key first: a certificate whose key is missing would never be replaced."""
    replace_secret(place.key, pair.key, mode=0o400)
    replace_secret(place.certificate, pair.certificate, mode=0o444)
