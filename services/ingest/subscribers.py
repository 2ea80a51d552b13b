"""What ingest takes from the broker: the insurers' two flows, and what has no flow."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from services.ingest.domain.insurers import Insurers
from services.ingest.handlers.admission import admission, nothing_known
from services.ingest.handlers.beneficiaries import accept_beneficiaries
from services.ingest.handlers.refusals import refuse_unreadable
from services.ingest.handlers.reimbursements import accept_reimbursements
from services.ingest.ports import IdentityStore
from shared.clock import Clock
from shared.contracts.event import Event
from shared.contracts.insurers import BeneficiaryRegisteredV1, ReimbursementSettledV1
from shared.messaging import topology
from shared.messaging.subscription import Subscription
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
        ),
    ]


async def _nothing_admitted(_events: Sequence[Event], _unit: Unit) -> None:
    """Nothing of an unknown type is ever admitted."""
