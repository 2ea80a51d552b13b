"""Puts notifications together: settings, adapters, handlers, one process per role."""

from services.notifications.adapters.mongo_contacts import MongoContacts
from services.notifications.settings import NotificationsSettings
from services.notifications.subscribers import subscriptions
from shared.http.api import run_api
from shared.logging import configure_logging
from shared.messaging.runtime import open_runtime
from shared.messaging.worker import run_worker

NAME = "notifications"


async def worker() -> None:
    """Consume what notifications listens to."""
    settings = NotificationsSettings()
    configure_logging(NAME, "worker", settings.log_level)
    async with open_runtime(NAME, settings) as runtime:
        await run_worker(runtime, subscriptions(contacts=MongoContacts(runtime.database)))


async def api() -> None:
    """Open the operators' doors; those of notices and preferences come with the letters."""
    settings = NotificationsSettings()
    configure_logging(NAME, "api", settings.log_level)
    async with open_runtime(NAME, settings) as runtime:
        await run_api(runtime)
