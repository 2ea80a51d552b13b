"""What records listens to: queue, contract, handler."""

from functools import partial
from typing import Any

from services.records.domain.delay import Policy
from services.records.handlers.documents import store_documents
from services.records.handlers.logged import forget_traces
from services.records.handlers.notices import fix_deadlines, stop_clocks
from services.records.handlers.registrations import register_accounts
from services.records.handlers.reimbursements import store_reimbursements
from services.records.ports import AccountStore, DocumentStore, LineStore, NoticeStore, TraceStore, UnclaimedStore
from shared.clock import Clock
from shared.contracts.audit import AccessLoggedV1
from shared.contracts.ingest import BeneficiaryAcceptedV1, DocumentReceivedV1, ReimbursementReceivedV1
from shared.contracts.notifications import NoticeSentV1, NoticeUndeliverableV1
from shared.messaging.subscription import Subscription, of_contract
from shared.messaging.topology import (
    RECORDS_BENEFICIARIES,
    RECORDS_DOCUMENTS,
    RECORDS_LOGGED,
    RECORDS_NOTICES_SENT,
    RECORDS_NOTICES_UNDELIVERABLE,
    RECORDS_REIMBURSEMENTS,
)


def subscriptions(
    *,
    accounts: AccountStore,
    lines: LineStore,
    notices: NoticeStore,
    documents: DocumentStore,
    unclaimed: UnclaimedStore,
    traces: TraceStore,
    policy: Policy,
    clock: Clock,
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
        Subscription(
            flow=RECORDS_DOCUMENTS,
            admit=of_contract(DocumentReceivedV1),
            handler=partial(store_documents, accounts=accounts, documents=documents, unclaimed=unclaimed, clock=clock),
        ),
        Subscription(
            flow=RECORDS_LOGGED,
            admit=of_contract(AccessLoggedV1),
            handler=partial(forget_traces, traces=traces),
        ),
    ]
