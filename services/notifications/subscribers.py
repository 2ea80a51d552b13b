"""What notifications listens to: queue, contract, handler."""

from functools import partial
from typing import Any

from services.notifications.handlers.contacts import keep_contacts
from services.notifications.handlers.notices import take_notices
from services.notifications.ports import ContactStore, NoticeStore
from shared.clock import Clock
from shared.contracts.ingest import BeneficiaryAcceptedV1
from shared.contracts.records import NoticeRequestedV1
from shared.messaging.subscription import Subscription, of_contract
from shared.messaging.topology import NOTIFICATIONS_BENEFICIARIES, NOTIFICATIONS_NOTICES


def subscriptions(*, contacts: ContactStore, notices: NoticeStore, clock: Clock) -> list[Subscription[Any]]:
    """Return notifications' flows and their handlers."""
    return [
        Subscription(
            flow=NOTIFICATIONS_BENEFICIARIES,
            admit=of_contract(BeneficiaryAcceptedV1),
            handler=partial(keep_contacts, contacts=contacts),
        ),
        Subscription(
            flow=NOTIFICATIONS_NOTICES,
            admit=of_contract(NoticeRequestedV1),
            handler=partial(take_notices, notices=notices, clock=clock),
        ),
    ]
