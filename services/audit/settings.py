"""Audit's settings: today those that every service has."""

from shared.settings import ServiceSettings


class AuditSettings(ServiceSettings):
    """From the environment, prefix ``CARNET_``."""
