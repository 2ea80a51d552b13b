"""What an installation in containers keeps secret: given to one user each, and good enough for the strict rules."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from deploy.containers.certificates import new_authority, new_server
from deploy.containers.secrets import CARNET, SERVERS, main, new_installation
from deploy.local.users import SERVICES
from shared.security import require_safe
from shared.settings import ServiceSettings

DRAWN = {secret.name: secret for secret in new_installation(["broker.example"])}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_with_what_is_drawn(service: str, tmp_path: Path):
    """The addresses and keys drawn for a service pass what it refuses to start without."""
    for name in ("kek", "index"):
        (tmp_path / name).write_bytes(DRAWN[name].content)
        (tmp_path / name).chmod(0o400)
    settings = ServiceSettings.model_validate(
        {
            "security": "strict",
            "amqp_url": DRAWN[f"{service}.amqp-url"].content.decode(),
            "mongo_url": DRAWN[f"{service}.mongo-url"].content.decode(),
            "keys_dir": tmp_path,
            "issuer": "https://issuer.example",
            "jwks_url": "https://issuer.example/jwks",
            "http_port": 8080,
        }
    )
    require_safe(settings)


def test_a_secret_is_for_one_user():
    """Each secret is readable by its owner only; the authority's certificate is public."""
    assert {name for name, secret in DRAWN.items() if secret.mode & 0o077} == {"ca.pem"}
    assert {DRAWN[name].owner for name in ("kek", "index", "records.amqp-url", "audit.mongo-url")} == {CARNET}
    assert {DRAWN[name].owner for name in ("definitions.json", "rabbitmq.key", "mongodb.keyfile")} == {SERVERS}


def test_nothing_is_drawn_twice():
    """Another installation shares no secret with this one."""
    again = {secret.name: secret.content for secret in new_installation(["broker.example"])}
    assert [name for name, secret in DRAWN.items() if again[name] == secret.content] == ["nginx.conf"]


def test_half_a_set_is_not_completed(tmp_path: Path):
    """A folder that lost a secret is left alone: new passwords would not fit the old database."""
    (tmp_path / "kek").write_bytes(b"")
    with pytest.raises(SystemExit, match="only some"):
        main(tmp_path, ["localhost"])
    assert [each.name for each in tmp_path.iterdir()] == ["kek"]


def test_another_release_keeps_what_was_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run again, it draws nothing anew, and makes rights, topology and certificates from what is there."""
    monkeypatch.setattr(os, "chown", lambda *_: None)  # the test is not always root
    main(tmp_path, ["localhost"])
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    main(tmp_path, ["localhost"])
    changed = {each.name for each in tmp_path.iterdir() if before[each.name] != each.read_bytes()}
    certificates = {"rabbitmq.pem", "rabbitmq.key", "mongodb.pem", "gateway.pem", "gateway.key"}
    assert changed == {"definitions.json", *certificates}


def server_is_trusted(certificate: bytes, authority: bytes, name: str, *, at: datetime) -> bool:
    """Verify a server's certificate as a client does."""
    store = Store(x509.load_pem_x509_certificates(authority))
    verifier = PolicyBuilder().store(store).time(at).build_server_verifier(x509.DNSName(name))
    try:
        verifier.verify(x509.load_pem_x509_certificate(certificate), [])
    except VerificationError:
        return False
    return True


def test_a_server_is_known_by_its_names():
    """A client that trusts the authority accepts a server under its own names, for a year, and under no other."""
    authority, now = new_authority("test"), datetime.now(UTC)
    made = new_server(authority, ["rabbitmq", "broker.example"])
    trusted = (made.certificate, authority.certificate)
    assert server_is_trusted(*trusted, "rabbitmq", at=now)
    assert server_is_trusted(*trusted, "broker.example", at=now + timedelta(days=390))
    assert not server_is_trusted(*trusted, "mongodb", at=now)
    assert not server_is_trusted(*trusted, "rabbitmq", at=now + timedelta(days=400))
    assert not server_is_trusted(made.certificate, new_authority("other").certificate, "rabbitmq", at=now)
