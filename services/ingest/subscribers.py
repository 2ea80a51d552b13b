"""What ingest takes from the broker: the insurers' flows, and the news of accounts and documents."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from services.ingest.domain.insurers import Insurers
from services.ingest.handlers.accounts import follow_accounts
from services.ingest.handlers.admission import admission, nothing_known
from services.ingest.handlers.beneficiaries import accept_beneficiaries
from services.ingest.handlers.endings import end_deposits
from services.ingest.handlers.refusals import refuse_unreadable
from services.ingest.handlers.reimbursements import accept_reimbursements
from services.ingest.ports import AccountStore, DepositStore, IdentityStore
from shared.clock import Clock
from shared.contracts.event import Event
from shared.contracts.insurers import BeneficiaryRegisteredV1, ReimbursementSettledV1
from shared.contracts.records import (
    AccountClosedV1,
    AccountOpenedV1,
    AccountOpposedV1,
    DocumentRefusedV1,
    DocumentStoredV1,
)
from shared.messaging import topology
from shared.messaging.subscription import Subscription, of_contract
from shared.messaging.unit import Unit
from shared.sealing import Vault


def subscriptions(
    *,
    vault: Vault,
    identities: IdentityStore,
    insurers: Insurers,
    index_key: bytes,
    clock: Clock,
    production: bool,
) -> list[Subscription[Any]]:
    """Return ingest's flows; everything comes from outside, so it is read strictly and refused with an answer."""
    beneficiaries = partial(
        accept_beneficiaries,
        vault=vault,
        identities=identities,
        insurers=insurers,
        index_key=index_key,
        clock=clock,
        production=production,
    )
    reimbursements = partial(
        accept_reimbursements,
        vault=vault,
        insurers=insurers,
        index_key=index_key,
        clock=clock,
        production=production,
    )
    refuse = partial(refuse_unreadable, insurers=insurers, clock=clock)
    return [
        Subscription(
            flow=topology.INGEST_BENEFICIARIES,
            admit=admission(BeneficiaryRegisteredV1, insurers),
            handler=beneficiaries,
            refuse=refuse,
            strict=True,
        ),
        Subscription(
            flow=topology.INGEST_REIMBURSEMENTS,
            admit=admission(ReimbursementSettledV1, insurers),
            handler=reimbursements,
            refuse=refuse,
            strict=True,
        ),
        Subscription(
            flow=topology.INGEST_UNKNOWN,
            admit=nothing_known(insurers),
            handler=_nothing_admitted,
            refuse=refuse,
            strict=True,
            keeps=frozenset({"type-unknown"}),
        ),
    ]


def own_news(*, accounts: AccountStore, deposits: DepositStore, clock: Clock) -> list[Subscription[Any]]:
    """Return the flows of what records tells: which records are open, and what became of deposits."""
    follow = partial(follow_accounts, accounts=accounts)
    ends = partial(end_deposits, deposits=deposits, clock=clock)
    return [
        Subscription(topology.INGEST_ACCOUNTS_OPENED, of_contract(AccountOpenedV1), follow),
        Subscription(topology.INGEST_ACCOUNTS_OPPOSED, of_contract(AccountOpposedV1), follow),
        Subscription(topology.INGEST_ACCOUNTS_CLOSED, of_contract(AccountClosedV1), follow),
        Subscription(topology.INGEST_DOCUMENTS_STORED, of_contract(DocumentStoredV1), ends),
        Subscription(topology.INGEST_DOCUMENTS_REFUSED, of_contract(DocumentRefusedV1), ends),
    ]


async def _nothing_admitted(_events: Sequence[Event], _unit: Unit) -> None:
    """Nothing of an unknown type is ever admitted."""
