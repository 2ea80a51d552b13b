"""A witness's settings: it needs no broker, no database server and no issuer of tokens."""

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class WitnessSettings(BaseSettings):
    """From the environment, prefix ``CARNET_WITNESS_``."""

    model_config = SettingsConfigDict(
        env_prefix="CARNET_WITNESS_",
        frozen=True,
        hide_input_in_errors=True,
        secrets_dir=os.environ.get("CARNET_SECRETS_DIR"),
    )

    name: str
    """Under which it signs: an address without a scheme, of its own organisation."""
    key_file: Path
    """Its secret: 32 random bytes, readable by their owner only. Whoever has it can sign in its name."""
    logs: list[str]
    """The keys (vkey) of the logs that it watches, as JSON."""
    store: Path
    """The file in which it remembers what it saw. Without it, it would sign anything once."""
    http_host: str = "127.0.0.1"
    http_port: int = Field(ge=0, le=65_535)
    log_level: str = "INFO"
