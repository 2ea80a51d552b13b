"""What no service starts with outside demonstrations and tests, one row each."""

import os
from pathlib import Path
from typing import Any

import pytest

from shared.security import UnsafeError, require_safe
from shared.settings import ServiceSettings

GOOD: dict[str, Any] = {
    "security": "strict",
    "amqp_url": "amqps://records:s3cret@broker:5671/",
    "mongo_url": "mongodb://records:s3cret@one:27017,two:27017/?replicaSet=rs0&tls=true",
    "issuer": "https://auth.example.fr/realms/sante",
    "jwks_url": "https://auth.example.fr/jwks",
    "userinfo_url": "https://auth.example.fr/userinfo",
    "http_port": 0,
}

UNSAFE: dict[str, tuple[dict[str, Any], str]] = {
    "125 guest": ({"amqp_url": "amqps://guest:guest@broker/"}, "guest"),
    "guest with a password": ({"amqp_url": "amqps://guest:s3cret@broker/"}, "guest"),
    "nobody at the broker": ({"amqp_url": "amqps://broker/"}, "guest"),
    "no password at the broker": ({"amqp_url": "amqps://records@broker/"}, "guest"),
    "the user's name for a password": ({"amqp_url": "amqps://records:records@broker/"}, "guest"),
    "broker in clear": ({"amqp_url": "amqp://records:s3cret@broker/"}, "amqps://"),
    "broker unverified": ({"amqp_url": GOOD["amqp_url"] + "?no_verify_ssl=1"}, "not verified"),
    "125 database open": ({"mongo_url": "mongodb://one/?tls=true"}, "asks nobody"),
    "database user without password": ({"mongo_url": "mongodb://records@one/?tls=true"}, "asks nobody"),
    "database in clear": ({"mongo_url": "mongodb://records:s3cret@one/?replicaSet=rs0"}, "tls=true"),
    "database TLS off": ({"mongo_url": "mongodb+srv://records:s3cret@one/?tls=false"}, "tls=true"),
    "database unverified": ({"mongo_url": GOOD["mongo_url"] + "&tlsInsecure=true"}, "not verified"),
    "database's host unverified": ({"mongo_url": GOOD["mongo_url"] + "&tlsAllowInvalidHostnames=TRUE"}, "not verified"),
    "issuer of development": ({"issuer": "https://issuer.carnet.invalid"}, "believes everybody"),
    "issuer in clear": ({"issuer": "http://auth.example.fr"}, "CARNET_ISSUER must"),
    "keys in clear": ({"jwks_url": "http://auth.example.fr/jwks"}, "CARNET_JWKS_URL must"),
    "UserInfo in clear": ({"userinfo_url": "http://auth.example.fr/userinfo"}, "CARNET_USERINFO_URL must"),
    "a moved clock": ({"clock_file": "clock"}, "CARNET_CLOCK_FILE"),
    "22 sandbox in production": (
        {"production": True, "issuer": "https://auth.bas.psc.esante.gouv.fr/auth/realms/esante-wallet"},
        "sandbox",
    ),
    "relaxed in production": ({"production": True, "security": "relaxed"}, "CARNET_SECURITY"),
}

EXAMPLES = {
    "zeros": bytes(32),
    "one byte": b"\xa5" * 32,
    "a run": bytes(range(32)),
    "a run downwards": bytes(range(200, 168, -1)),
    "a pattern": b"\xde\xad\xbe\xef" * 8,
    "typed": b"0123456789abcdefghijklmnopqrstuv",
}


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Give a folder of keys that were drawn."""
    for name in ("kek", "index"):
        write(tmp_path / name, os.urandom(32))
    return tmp_path


def write(path: Path, secret: bytes) -> None:
    """Write a key for its owner only."""
    path.write_bytes(secret)
    path.chmod(0o400)


def findings(keys: Path, **changed: Any) -> list[str]:
    """Return why a service does not start with these settings."""
    try:
        require_safe(ServiceSettings(**{**GOOD, "keys_dir": keys, **changed}))
    except UnsafeError as error:
        return error.findings
    return []


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"mongo_url": "mongodb://one/?authMechanism=MONGODB-X509&tls=true&tlsCertificateKeyFile=/pem"},
        {"mongo_url": "mongodb+srv://records:s3cret@one/"},
        {"amqp_url": "amqps://broker/?auth=external&certfile=/pem"},
        {"userinfo_url": None},
        {"production": True},
    ],
    ids=["users", "database by certificate", "database by service record", "broker by certificate", "machines", "real"],
)
def test_safe(keys: Path, changed: dict[str, Any]):
    """Protected connections and drawn keys are all that strict asks for."""
    assert findings(keys, **changed) == []


@pytest.mark.parametrize(("changed", "said"), UNSAFE.values(), ids=UNSAFE)
def test_unsafe(keys: Path, changed: dict[str, Any], said: str):
    """What is not safe is said in a sentence that names the setting and repeats no secret."""
    found = findings(keys, **changed)

    assert any(said in sentence for sentence in found)
    assert all(sentence.endswith(".") and "s3cret" not in sentence for sentence in found)


@pytest.mark.parametrize("secret", EXAMPLES.values(), ids=EXAMPLES)
@pytest.mark.parametrize("name", ["kek", "index"])
def test_example_keys(keys: Path, name: str, secret: bytes):
    """A key out of an example is refused, whichever it is."""
    (keys / name).unlink()
    write(keys / name, secret)

    (found,) = findings(keys)
    assert name in found


def test_one_key_for_all(keys: Path):
    """The index key is not the key-encryption key."""
    (keys / "index").unlink()
    write(keys / "index", (keys / "kek").read_bytes())

    (found,) = findings(keys)
    assert "one and the same" in found


def test_all_at_once(keys: Path):
    """Everything that is wrong is said at once, so that a start is not tried ten times."""
    changed = {"amqp_url": "amqp://guest:guest@broker/", "mongo_url": "mongodb://one/"}

    assert len(findings(keys, **changed)) == 4


def test_relaxed(tmp_path: Path):
    """A demonstration starts with all of it."""
    unsafe = {name: value for changed, _ in UNSAFE.values() for name, value in changed.items()}

    assert findings(tmp_path, **{**unsafe, "security": "relaxed", "production": False}) == []


def test_strict_unless_told(keys: Path, monkeypatch: pytest.MonkeyPatch):
    """Nobody has to ask for safety."""
    monkeypatch.delenv("CARNET_SECURITY", raising=False)

    assert ServiceSettings(**{**GOOD, "keys_dir": keys, "security": "strict"}).security == "strict"
    assert ServiceSettings.model_fields["security"].default == "strict"


def test_a_refused_setting_is_not_repeated(monkeypatch: pytest.MonkeyPatch, keys: Path):
    """A setting of the wrong form stops the start without being shown: it may be a secret."""
    monkeypatch.setenv("CARNET_HTTP_PORT", "s3cret")

    with pytest.raises(ValueError, match="http_port") as caught:
        ServiceSettings(**{**GOOD, "keys_dir": keys, "http_port": "s3cret"})
    assert "s3cret" not in str(caught.value)
