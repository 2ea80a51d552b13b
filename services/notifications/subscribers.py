"""What notifications listens to: queue, contract, handler."""

from functools import partial
from typing import Any, Final

from services.notifications.handlers.contacts import keep_contacts
from services.notifications.handlers.decisions import keep_decisions
from services.notifications.handlers.notices import take_notices
from services.notifications.ports import ContactStore, DecisionStore, NoticeStore
from shared.clock import Clock
from shared.contracts.ingest import BeneficiaryAcceptedV1
from shared.contracts.records import AccountClosedV1, AccountOpenedV1, AccountOpposedV1, NoticeRequestedV1
from shared.messaging.subscription import Subscription, of_contract
from shared.messaging.topology import (
    NOTIFICATIONS_ACCOUNTS_CLOSED,
    NOTIFICATIONS_ACCOUNTS_OPENED,
    NOTIFICATIONS_ACCOUNTS_OPPOSED,
    NOTIFICATIONS_BENEFICIARIES,
    NOTIFICATIONS_NOTICES,
    Flow,
)

_DECISIONS: Final[tuple[tuple[Flow, type[Any]], ...]] = (
    (NOTIFICATIONS_ACCOUNTS_OPENED, AccountOpenedV1),
    (NOTIFICATIONS_ACCOUNTS_OPPOSED, AccountOpposedV1),
    (NOTIFICATIONS_ACCOUNTS_CLOSED, AccountClosedV1),
)


def subscriptions(
    *, contacts: ContactStore, notices: NoticeStore, decisions: DecisionStore, clock: Clock
) -> list[Subscription[Any]]:
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
        *(
            Subscription(flow=flow, admit=of_contract(contract), handler=partial(keep_decisions, decisions=decisions))
            for flow, contract in _DECISIONS
        ),
    ]
