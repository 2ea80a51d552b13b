"""Puts notifications together: settings, adapters, handlers, one process per role."""

from functools import partial
from hashlib import sha256
from typing import Final

from fastapi import APIRouter

from services.notifications import jobs as table
from services.notifications.adapters.lots import LotFolders, ReturnsFolder
from services.notifications.adapters.mongo_contacts import MongoContacts
from services.notifications.adapters.mongo_decisions import MongoDecisions, MongoPreferences
from services.notifications.adapters.mongo_lots import MongoLots, MongoSlips
from services.notifications.adapters.mongo_notices import MongoNotices
from services.notifications.adapters.smtp_mail import Relay, SmtpCarrier
from services.notifications.adapters.typesetting import TEMPLATE
from services.notifications.adapters.typst_letters import TypstPress
from services.notifications.api.me import Me, patient_doors
from services.notifications.api.sending import sending_doors
from services.notifications.domain.wording import wordings
from services.notifications.handlers.letters import Desk
from services.notifications.handlers.reports import Returns
from services.notifications.settings import NotificationsSettings
from services.notifications.subscribers import subscriptions
from shared.http.api import run_api
from shared.http.gate import Gate
from shared.http.identity import Kind
from shared.logging import configure_logging
from shared.messaging.acts import perform
from shared.messaging.jobs import Job, run_jobs
from shared.messaging.runtime import Runtime, open_runtime
from shared.messaging.worker import run_worker

NAME: Final = "notifications"


async def worker() -> None:
    """Consume what notifications listens to."""
    settings = NotificationsSettings()
    configure_logging(NAME, "worker", settings.log_level)
    async with open_runtime(NAME, settings) as runtime:
        notices = MongoNotices(runtime.database)
        await notices.prepare()
        contacts, decisions = MongoContacts(runtime.database), MongoDecisions(runtime.database)
        flows = subscriptions(contacts=contacts, notices=notices, decisions=decisions, clock=runtime.clock)
        await run_worker(runtime, flows)


async def api() -> None:
    """Open the operators' doors."""
    settings = NotificationsSettings()
    configure_logging(NAME, "api", settings.log_level)
    async with open_runtime(NAME, settings) as runtime:
        notices, lots = MongoNotices(runtime.database), MongoLots(runtime.database)
        me = Me(
            notices, MongoPreferences(runtime.database), runtime.vault, runtime.index_key, partial(perform, runtime)
        )

        def doors(gate: Gate) -> list[APIRouter]:
            return [sending_doors(notices, lots, gate.operator), patient_doors(me, gate.admits(Kind.PATIENT))]

        await run_api(runtime, doors)


async def jobs() -> None:
    """Print, send, and read what comes back."""
    settings = NotificationsSettings()
    configure_logging(NAME, "jobs", settings.log_level)
    async with open_runtime(NAME, settings) as runtime, _press(settings) as press:
        await run_jobs(runtime, await _jobs(runtime, settings, press))


def _press(settings: NotificationsSettings) -> TypstPress:
    return TypstPress(
        wordings(settings.notice_policy),
        sender=settings.letter_sender,
        address=settings.letter_address,
        demonstration=settings.demonstration,
        processes=settings.presses,
    )


async def _jobs(runtime: Runtime, settings: NotificationsSettings, press: TypstPress) -> list[Job]:
    notices, lots = MongoNotices(runtime.database), MongoLots(runtime.database)
    await notices.prepare()
    await lots.prepare()
    policy, clock = settings.notice_policy, runtime.clock
    contacts, decisions = MongoContacts(runtime.database), MongoDecisions(runtime.database)
    preferences = MongoPreferences(runtime.database)
    return table.jobs(
        desk=Desk(notices, contacts, lots, decisions, preferences, runtime.vault, clock, policy, settings.senders()),
        returns=Returns(notices, lots, MongoSlips(runtime.database), clock, policy),
        press=press,
        out_tray=LotFolders(settings.lots_folder, template=sha256(TEMPLATE.read_bytes()).hexdigest()),
        in_tray=ReturnsFolder(settings.returns_folder),
        carrier=SmtpCarrier(_relay(settings), clock),
        words=wordings(policy),
        address=settings.letter_address,
        lot_size=settings.lot_size,
        presses=settings.presses,
        every=settings.every,
        kept=settings.lots_kept,
    )


def _relay(settings: NotificationsSettings) -> Relay:
    return Relay(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.mail_sender,
        start_tls=settings.smtp_start_tls,
        user=settings.smtp_user,
        password=settings.smtp_password,
    )
