"""Audit's settings."""

from collections.abc import Mapping

from pydantic import Field, SecretStr

from shared.settings import ServiceSettings


class AuditSettings(ServiceSettings):
    """From the environment, prefix ``CARNET_``.

    The role `jobs` also finds in ``keys_dir`` the secret that the log signs with (``log``) and the policy that says
    whose signatures count (``policy``, C2SP tlog-policy): no other process needs either.
    """

    witnesses: Mapping[str, str] = {}
    """Where each witness of the policy is asked, by its name there, as JSON."""
    checkpoint_every_s: float = Field(default=5, gt=0, le=10)
    """Seconds between two checkpoints."""
    trace_overdue_s: float = Field(default=40, gt=0)
    """How long a trace may come after a later one of its producer: what a dead process left is adopted after 30 s.

    With a look every 15 s and a statement every 5 s, what is missing is named within the 60 s that an entry may take.
    """
    gc_mongo_url: SecretStr | None = None
    """The database for the one that destroys openings, by the user ``eraser``; audit's own user may not."""

    def databases(self) -> Mapping[str, SecretStr]:
        """See `ServiceSettings.databases`."""
        erased = {} if self.gc_mongo_url is None else {"CARNET_GC_MONGO_URL": self.gc_mongo_url}
        return {**super().databases(), **erased}
