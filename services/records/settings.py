"""Records' settings: today those that every service has."""

from shared.settings import ServiceSettings


class RecordsSettings(ServiceSettings):
    """From the environment, prefix ``CARNET_``."""
