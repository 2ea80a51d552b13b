"""What notifications listens to: queue, contract, handler."""

from functools import partial
from typing import Any

from services.notifications.handlers import keep_contacts
from services.notifications.ports import ContactStore
from shared.contracts.ingest import BeneficiaryAcceptedV1
from shared.messaging.subscription import Subscription, of_contract
from shared.messaging.topology import NOTIFICATIONS_BENEFICIARIES


def subscriptions(*, contacts: ContactStore) -> list[Subscription[Any]]:
    """Return notifications' flows and their handlers."""
    return [
        Subscription(
            flow=NOTIFICATIONS_BENEFICIARIES,
            admit=of_contract(BeneficiaryAcceptedV1),
            handler=partial(keep_contacts, contacts=contacts),
        )
    ]
