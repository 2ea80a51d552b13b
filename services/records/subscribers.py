"""What records listens to: queue, contract, handler."""

from functools import partial
from typing import Any

from services.records.handlers import register_accounts, store_reimbursements
from services.records.ports import AccountStore, LineStore
from shared.clock import Clock
from shared.contracts.ingest import BeneficiaryAcceptedV1, ReimbursementReceivedV1
from shared.messaging.subscription import Subscription, of_contract
from shared.messaging.topology import RECORDS_BENEFICIARIES, RECORDS_REIMBURSEMENTS


def subscriptions(*, accounts: AccountStore, lines: LineStore, clock: Clock) -> list[Subscription[Any]]:
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
    ]
