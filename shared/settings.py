"""The settings that every service has, from the environment; read once, in a service's `app.py`."""

import json
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from shared.clock import Clock, ClockAhead, SystemClock
from shared.messaging.rows import DELAYS

EXAMPLE_ISSUER: Final = "https://issuer.carnet.invalid"
"""The issuer of development: it believes whoever asks."""


class ServiceSettings(BaseSettings):
    """Addresses, keys and time-outs. Nothing secret has a default."""

    # A refused value is not repeated: it may be a secret.
    model_config = SettingsConfigDict(env_prefix="CARNET_", frozen=True, hide_input_in_errors=True)

    security: Literal["strict", "relaxed"] = "strict"
    """``strict``: no role starts with a default secret or an unprotected connection (`shared.security`);
    ``relaxed``: demonstration and tests, on one machine."""
    production: bool = False
    """Real people are concerned: identities of test are refused, and check digits must hold."""
    amqp_url: SecretStr
    """The broker, with this service's own user: ``amqp://records:…@host:5672/``."""
    heartbeat: int = Field(default=10, ge=1, le=60)
    """Seconds between signs of life to the broker, which gives a silent process up after twice as long."""
    mongo_url: SecretStr
    """The database, a replica set."""
    database_suffix: str = ""
    """Appended to every database's name, so that several installations may share a server."""
    keys_dir: Path
    """Folder of the secrets ``kek`` and ``index`` (32 bytes each, readable by their owner only)."""
    jwks_url: str
    """Where the token issuer publishes its keys."""
    userinfo_url: str | None = None
    """Where the issuer says who a professional is; without it no professional passes."""
    issuer: str = EXAMPLE_ISSUER
    audience: str = "carnet"
    http_host: str = "127.0.0.1"
    http_port: int = Field(ge=0, le=65_535)
    clock_file: Path | None = None
    """A file that says how many seconds ahead this installation lives; for demonstrations only."""
    insurers_file: Path | None = None
    """The insurers that may publish: code, broker user, source, regime, caisses."""
    retry_delays: Annotated[tuple[timedelta, ...], NoDecode] = DELAYS
    """How long a failing event waits before each further attempt; in seconds, separated by commas."""
    ledger_every_s: float = Field(default=15, gt=0)
    """Seconds between two looks of the ledger; what is missing is named after two or three of them."""
    log_level: str = "INFO"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the framework's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read what the environment does not say from files, ``carnet_amqp_url`` say, in ``CARNET_SECRETS_DIR``."""
        files = SecretsSettingsSource(settings_cls, secrets_dir=os.environ.get("CARNET_SECRETS_DIR"))
        return init_settings, env_settings, files

    @field_validator("retry_delays", mode="before")
    @classmethod
    def _seconds(cls, value: object) -> object:
        return tuple(timedelta(seconds=float(part)) for part in value.split(",")) if isinstance(value, str) else value

    def databases(self) -> Mapping[str, SecretStr]:
        """Return the addresses of the database that this service uses, by the variable that gives each."""
        return {"CARNET_MONGO_URL": self.mongo_url}

    def clock(self) -> Clock:
        """Return the clock that rules about dates go by."""
        return SystemClock() if self.clock_file is None else ClockAhead(self.clock_file)

    def insurers(self) -> tuple[str, ...]:
        """Return the codes of the insurers that may publish, and so have a feedback queue."""
        return self._of_insurers("code")

    def insurer_sources(self) -> tuple[str, ...]:
        """Return the names under which insurers publish."""
        return self._of_insurers("source")

    def _of_insurers(self, name: str) -> tuple[str, ...]:
        if self.insurers_file is None:
            return ()
        return tuple(entry[name] for entry in json.loads(self.insurers_file.read_text("utf-8")))
