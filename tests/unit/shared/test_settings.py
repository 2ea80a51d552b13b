"""Where settings come from: the environment, or files that only the process can read."""

from pathlib import Path

import pytest

from shared.settings import ServiceSettings

REQUIRED = {"mongo_url": "mongodb://m/", "keys_dir": "keys", "jwks_url": "http://j/", "http_port": "1"}


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of secrets of a process that has everything but the broker's address in its environment."""
    for name, value in REQUIRED.items():
        monkeypatch.setenv(f"CARNET_{name.upper()}", value)
    monkeypatch.delenv("CARNET_AMQP_URL", raising=False)
    monkeypatch.setenv("CARNET_SECRETS_DIR", str(tmp_path))
    return tmp_path


def test_a_secret_may_be_a_file(secrets: Path):
    """An address with a password comes from a file, so that it stands in no environment."""
    (secrets / "carnet_amqp_url").write_text("amqp://u:p@b/\n")
    assert ServiceSettings().amqp_url.get_secret_value() == "amqp://u:p@b/"


def test_the_environment_comes_first(secrets: Path, monkeypatch: pytest.MonkeyPatch):
    """What the environment says is not looked up in a file."""
    (secrets / "carnet_amqp_url").write_text("amqp://file/")
    monkeypatch.setenv("CARNET_AMQP_URL", "amqp://environment/")
    assert ServiceSettings().amqp_url.get_secret_value() == "amqp://environment/"
