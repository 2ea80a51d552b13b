"""The settings that every service has, from the environment; read once, in a service's `app.py`."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.messaging.rows import DELAYS


class ServiceSettings(BaseSettings):
    """Addresses, keys and time-outs. Nothing secret has a default."""

    model_config = SettingsConfigDict(env_prefix="CARNET_", frozen=True)

    amqp_url: SecretStr
    """The broker, with this service's own user: ``amqp://records:…@host:5672/``."""
    heartbeat: int = Field(default=10, ge=1, le=60)
    """Seconds between signs of life to the broker, which gives a silent process up after twice as long."""
    mongo_url: SecretStr
    """The database, a replica set."""
    database_suffix: str = ""
    """Appended to every database's name, so that several installations may share a server."""
    keys_dir: Path
    """Folder of the two secrets ``kek`` and ``index`` (32 bytes each, readable by their owner only)."""
    jwks_url: str
    """Where the token issuer publishes its keys."""
    issuer: str = "https://issuer.carnet.invalid"
    audience: str = "carnet"
    http_host: str = "127.0.0.1"
    http_port: int = Field(ge=0, le=65_535)
    insurers_file: Path | None = None
    """The insurers that may publish: code, broker user, source, regime, caisses."""
    retry_delays: Annotated[tuple[timedelta, ...], NoDecode] = DELAYS
    """How long a failing event waits before each further attempt; in seconds, separated by commas."""
    log_level: str = "INFO"

    @field_validator("retry_delays", mode="before")
    @classmethod
    def _seconds(cls, value: object) -> object:
        return tuple(timedelta(seconds=float(part)) for part in value.split(",")) if isinstance(value, str) else value

    def insurers(self) -> tuple[str, ...]:
        """Return the codes of the insurers that may publish, and so have a feedback queue."""
        if self.insurers_file is None:
            return ()
        return tuple(entry["code"] for entry in json.loads(self.insurers_file.read_text("utf-8")))
