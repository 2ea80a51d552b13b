"""Whom a notice will go to: kept unopened until it is written."""

from base64 import b64decode
from collections.abc import Sequence

from services.notifications.domain.contact import Contact, supersedes
from services.notifications.ports import ContactStore
from shared.contracts.ingest import BeneficiaryAcceptedV1
from shared.messaging.unit import Unit


async def keep_contacts(events: Sequence[BeneficiaryAcceptedV1], unit: Unit, *, contacts: ContactStore) -> None:
    """Keep each person's latest contact, unopened."""
    read = await contacts.find({event.subject for event in events})
    current = dict(read)
    for event in events:
        news = _contact(event)
        if supersedes(news, current.get(event.subject)):
            current[event.subject] = news
        else:
            unit.ignore(event, "version-superseded")
    changed = [contact for record, contact in current.items() if contact is not read.get(record)]
    contacts.save(changed, unit, read=read)


def _contact(event: BeneficiaryAcceptedV1) -> Contact:
    return Contact(
        record=event.subject,
        version=event.data.version,
        insurer=event.data.insurer,
        event=event.id,
        regime=event.data.regime,
        department=event.data.department,
        box=b64decode(event.data.sealed, validate=True),
    )
