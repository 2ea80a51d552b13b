"""What records listens to: queue, contract, handler."""

from functools import partial
from typing import Any

from services.records.domain.delay import Policy
from services.records.handlers.notices import fix_deadlines, stop_clocks
from services.records.handlers.registrations import register_accounts
from services.records.handlers.reimbursements import store_reimbursements
from services.records.ports import AccountStore, LineStore, NoticeStore
from shared.clock import Clock
from shared.contracts.ingest import BeneficiaryAcceptedV1, ReimbursementReceivedV1
from shared.contracts.notifications import NoticeSentV1, NoticeUndeliverableV1
from shared.messaging.subscription import Subscription, of_contract
from shared.messaging.topology import (
    RECORDS_BENEFICIARIES,
    RECORDS_NOTICES_SENT,
    RECORDS_NOTICES_UNDELIVERABLE,
    RECORDS_REIMBURSEMENTS,
)


def subscriptions(
    *, accounts: AccountStore, lines: LineStore, notices: NoticeStore, policy: Policy, clock: Clock
) -> list[Subscription[Any]]:
    """Return records' flows and their handlers."""
    return [
        Subscription(
            flow=RECORDS_BENEFICIARIES,
            admit=of_contract(BeneficiaryAcceptedV1),
            handler=partial(register_accounts, accounts=accounts, clock=clock),
        ),
        Subscription(
            flow=RECORDS_REIMBURSEMENTS,
            admit=of_contract(ReimbursementReceivedV1),
            handler=partial(store_reimbursements, accounts=accounts, lines=lines, clock=clock),
        ),
        Subscription(
            flow=RECORDS_NOTICES_SENT,
            admit=of_contract(NoticeSentV1),
            handler=partial(fix_deadlines, accounts=accounts, notices=notices, policy=policy, clock=clock),
        ),
        Subscription(
            flow=RECORDS_NOTICES_UNDELIVERABLE,
            admit=of_contract(NoticeUndeliverableV1),
            handler=partial(stop_clocks, notices=notices),
        ),
    ]
