"""Notifications' settings: those that every service has, the policy, the sender, the printer and the mail server."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from services.notifications.domain.lot import LARGEST
from services.notifications.domain.person import usable_email
from services.notifications.domain.policy import Policy
from shared.settings import ServiceSettings


class NotificationsSettings(ServiceSettings):
    """From the environment, prefix ``CARNET_``."""

    home: Path = Path(".carnet")
    notice_policy: Policy = Policy.SEED
    """Which text decides of channel and delay: ``seed`` or ``decree``; records must follow the same."""
    demonstration: bool = True
    """Whether letters say that they are not official: a real sender has to say that it is none."""
    letter_sender: str = "Assurance Maladie"
    letter_address: Annotated[tuple[str, ...], NoDecode] = (
        "Service Mon espace santé",
        "TSA 00000",
        "99999 DEMONSTRATION CEDEX",
    )
    """Where an opposition by post goes; lines separated by ``|``."""
    lots_dir: Path | None = None
    """Where the printer takes its lots; by default ``print/lots`` under home."""
    returns_dir: Path | None = None
    """Where receipts, production reports and e-mail failures appear; by default ``print/returns`` under home."""
    lot_size: int = Field(default=LARGEST, ge=1, le=LARGEST)
    presses: int = Field(default=1, ge=1, le=16)
    """Processes that typeset letters, one per core."""
    lots_kept: timedelta = timedelta(days=90)
    """How long files that name people stay once the printer is done with them; a return may come back until then."""
    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(default=8025, ge=1, le=65_535)
    smtp_start_tls: bool = False
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    mail_sender: str = "ne-pas-repondre@carnet.invalid"
    every: timedelta = timedelta(seconds=2)
    """How often the jobs look for something to do."""

    @field_validator("letter_address", mode="before")
    @classmethod
    def _lines(cls, value: object) -> object:
        return tuple(value.split("|")) if isinstance(value, str) else value

    @field_validator("mail_sender")
    @classmethod
    def _usable(cls, value: str) -> str:
        if usable_email(value) is None:
            raise ValueError("not an e-mail address that can stand in a header")
        return value

    @property
    def lots_folder(self) -> Path:
        """The printer's lots."""
        return self.lots_dir or self.home / "print" / "lots"

    @property
    def returns_folder(self) -> Path:
        """What comes back."""
        return self.returns_dir or self.home / "print" / "returns"

    def senders(self) -> Mapping[str, str]:
        """Return the insurance bodies' names by code: a notice is written in its own body's name."""
        if self.insurers_file is None:
            return {}
        entries = json.loads(self.insurers_file.read_text("utf-8"))
        return {entry["code"]: entry["name"] for entry in entries if entry.get("name")}
