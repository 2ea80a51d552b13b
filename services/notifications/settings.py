"""Notifications' settings: today those that every service has."""

from shared.settings import ServiceSettings


class NotificationsSettings(ServiceSettings):
    """From the environment, prefix ``CARNET_``."""
