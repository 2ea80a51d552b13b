"""What a service refuses to start with: default secrets, connections that anybody may use or read, a moved clock.

`CARNET_SECURITY=relaxed` lifts this for demonstrations and tests on one machine; nothing else does.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from shared.errors import CarnetError
from shared.sealing.kek import read_secret
from shared.settings import EXAMPLE_ISSUER, ServiceSettings

KEYS: Final = ("kek", "index")
_ENOUGH: Final = 16
"""Different bytes that 32 drawn at random have at least: fewer happen once in 10^19 draws or so."""
_SANDBOX: Final = "auth.bas."
"""How the hosts of Pro Santé Connect's sandbox begin."""
_WEAK_TLS: Final = frozenset({"tlsinsecure", "tlsallowinvalidcertificates", "tlsallowinvalidhostnames"})


class UnsafeError(CarnetError):
    """The process must not start like this; each of ``findings`` is a sentence that says what to change."""

    def __init__(self, findings: list[str]) -> None:
        super().__init__(" ".join(findings))
        self.findings = findings


def require_safe(settings: ServiceSettings) -> None:
    """Raise `UnsafeError` for settings that only a demonstration may have; a sentence never holds a secret."""
    if settings.security == "relaxed" and not settings.production:
        return
    if found := list(_findings(settings)):
        raise UnsafeError(found)


def _findings(settings: ServiceSettings) -> Iterator[str]:
    if settings.security == "relaxed":
        yield "CARNET_SECURITY=relaxed does not go with CARNET_PRODUCTION: leave it out."
    yield from _broker(urlsplit(settings.amqp_url.get_secret_value()))
    for variable, address in settings.databases().items():
        yield from _database(variable, urlsplit(address.get_secret_value()))
    yield from _issuer(settings)
    yield from _keys(settings.keys_dir)
    if settings.clock_file is not None:
        yield "CARNET_CLOCK_FILE moves the clock of demonstrations: leave it out."


def _broker(url: SplitResult) -> Iterator[str]:
    if url.scheme != "amqps":
        yield "The broker is reached without TLS: CARNET_AMQP_URL must begin with amqps://."
    if _options(url).get("no_verify_ssl", "0") != "0":
        yield "The broker's certificate is not verified: take the option out of CARNET_AMQP_URL."
    user, password = unquote(url.username or ""), unquote(url.password or "")
    external = _options(url).get("auth") == "external"
    if not external and (not user or user == "guest" or password in ("", "guest", user)):
        yield "The broker's user is guest, or has no password of its own: give the service its own in CARNET_AMQP_URL."


def _database(variable: str, url: SplitResult) -> Iterator[str]:
    options = _options(url)
    if options.get("authmechanism") != "mongodb-x509" and not (url.username and url.password):
        yield f"The database asks nobody who they are: {variable} must name a user and a password, or X.509."
    tls = options.get("tls", options.get("ssl", "true" if url.scheme == "mongodb+srv" else "false"))
    if tls != "true":
        yield f"The database is reached without TLS: {variable} must say tls=true."
    if any(options.get(name) == "true" for name in _WEAK_TLS):
        yield f"The database's certificate is not verified: take the option out of {variable}."


def _issuer(settings: ServiceSettings) -> Iterator[str]:
    if settings.issuer == EXAMPLE_ISSUER:
        yield "The issuer is the one of development, which believes everybody: CARNET_ISSUER must name a real one."
    named = {"CARNET_ISSUER": settings.issuer, "CARNET_JWKS_URL": settings.jwks_url}
    if settings.userinfo_url is not None:
        named["CARNET_USERINFO_URL"] = settings.userinfo_url
    for variable, address in named.items():
        url = urlsplit(address)
        if url.scheme != "https" or not url.hostname:
            yield f"The issuer is reached without TLS: {variable} must begin with https://."
        if settings.production and (url.hostname or "").startswith(_SANDBOX):
            yield f"The issuer is a sandbox, whose people are of test: {variable} must name the real one."


def _keys(folder: Path) -> Iterator[str]:
    secrets = {name: read_secret(folder / name) for name in KEYS}
    for name, secret in secrets.items():
        if not _drawn(secret):
            yield f"The key {name} in CARNET_KEYS_DIR is an example: draw 32 random bytes."
    if len(set(secrets.values())) < len(secrets):
        yield "The keys in CARNET_KEYS_DIR are one and the same: draw each by itself."


def _drawn(secret: bytes) -> bool:
    """Tell whether a key may have been drawn at random: typed text, a run or a repetition was not."""
    steps = {(after - before) % 256 for before, after in pairwise(secret)}
    typed = secret.isascii() and secret.decode().isprintable()
    return len(set(secret)) >= _ENOUGH and len(steps) > 1 and not typed


def _options(url: SplitResult) -> dict[str, str]:
    """Return the options of an address in small letters, as drivers read them."""
    return {name.lower(): value.lower() for name, value in parse_qsl(url.query, keep_blank_values=True)}
