"""Records' settings: those that every service has, the plan of the campaign and the policy of the delay."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from services.records.domain.campaign import Campaign, Territory
from services.records.domain.delay import Policy
from shared.settings import ServiceSettings

Words = Annotated[tuple[str, ...], NoDecode]
"""Separated by commas."""


class RecordsSettings(ServiceSettings):
    """From the environment, prefix ``CARNET_``; the dates and places are those of the announcements of 2021."""

    notice_policy: Policy = Policy.SEED
    """Which delay runs from a notice: a month and ten days, or the decree's six weeks."""
    demonstration: bool = True
    """Whether proofs say that they are not official: a real body has to say that it is none."""
    authorisation_days: int = Field(default=365, ge=1)
    """How long a professional's authorisation lasts, unless it is renewed."""
    pilot_from: date = date(2021, 7, 1)
    pilot_departments: Words = ("31", "44", "80")
    pilot_regimes: Words = ("RG", "MSA", "MGEN")
    national_from: date = date(2022, 1, 1)
    campaign_every_s: float = Field(default=5, gt=0)
    """Seconds between two looks for those whom the campaign reaches."""
    notices_per_round: int = Field(default=2_000, ge=1)
    """At most so many notices are asked for each time, so that printers and mail servers keep up."""
    deadlines_every_s: float = Field(default=5, gt=0)
    """Seconds between two looks for those whose delay is over."""

    gc_mongo_url: SecretStr | None = None
    """The database for the one that removes documents' bytes, by the user ``gc``; records' own user may not."""
    gc_every_s: float = Field(default=60, gt=0)
    """Seconds between two looks for bytes of refused documents."""
    gc_grace_s: float = Field(default=86_400, ge=0)
    """How long such bytes stay, in seconds."""

    @field_validator("pilot_departments", "pilot_regimes", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        return tuple(value.split(",")) if isinstance(value, str) else value

    def databases(self) -> Mapping[str, SecretStr]:
        """See `ServiceSettings.databases`."""
        swept = {} if self.gc_mongo_url is None else {"CARNET_GC_MONGO_URL": self.gc_mongo_url}
        return {**super().databases(), **swept}

    def campaign(self) -> Campaign:
        """Return the plan."""
        pilot = Territory(frozenset(self.pilot_departments), frozenset(self.pilot_regimes))
        return Campaign(pilot, self.pilot_from, self.national_from)
