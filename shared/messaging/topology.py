"""Every exchange, queue and binding of Carnet: the only place that names them."""

from dataclasses import dataclass, field
from typing import Final, TypeAlias

UPSTREAM: Final = "upstream"
EVENTS: Final = "events"
FEEDBACK: Final = "feedback"
DEAD: Final = "dead"
LOGGED: Final = "logged"
"""Audit's own answers: what is told here has no entry in the log."""
LEDGER: Final = "ledger"
"""What services state about their own publishing; it has no entry in the log either."""
STRAIGHT: Final = "straight"
"""Leads to one queue, past its bindings: what a consumer never saw is sent again to it alone (rule 8)."""
UNKNOWN: Final = "upstream.unknown"

Arguments: TypeAlias = dict[str, str | int | bool]

DELIVERY_LIMIT: Final = 20
"""Returns of a message before the broker sets it aside in ``<queue>.dead``."""

FEEDBACK_LIMIT: Final = 100_000
"""Refusals kept for an insurer that does not read them; the oldest go first and stay under /ops."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One service's subscription to one kind of message: a quorum queue, and how much of it one commit takes.

    ``batch`` is the most events that one transaction applies: 200 where the effects only insert rows keyed by
    their own event, 20 where they change rows that others change too.
    """

    consumer: str
    key: str
    exchange: str = EVENTS
    batch: int = 200
    single_active: bool = False

    @property
    def queue(self) -> str:
        """The queue's name, which is the flow's name everywhere: in the inbox, in the books, at the doors."""
        return f"{self.consumer}.{'all' if self.key == '#' else self.key}"


INGEST_BENEFICIARIES: Final = Flow("ingest", "beneficiary.registered.v1", UPSTREAM)
INGEST_REIMBURSEMENTS: Final = Flow("ingest", "reimbursement.settled.v1", UPSTREAM)
INGEST_UNKNOWN: Final = Flow("ingest", "unknown", UNKNOWN)
RECORDS_BENEFICIARIES: Final = Flow("records", "beneficiary.accepted.v1", batch=20)
RECORDS_REIMBURSEMENTS: Final = Flow("records", "reimbursement.received.v1")
NOTIFICATIONS_BENEFICIARIES: Final = Flow("notifications", "beneficiary.accepted.v1", batch=20)
NOTIFICATIONS_NOTICES: Final = Flow("notifications", "notice.requested.v1")
RECORDS_NOTICES_SENT: Final = Flow("records", "notice.sent.v1", batch=20)
RECORDS_NOTICES_UNDELIVERABLE: Final = Flow("records", "notice.undeliverable.v1", batch=20)
INGEST_ACCOUNTS_OPENED: Final = Flow("ingest", "account.opened.v1", batch=20)
INGEST_ACCOUNTS_OPPOSED: Final = Flow("ingest", "account.opposed.v1", batch=20)
INGEST_ACCOUNTS_CLOSED: Final = Flow("ingest", "account.closed.v1", batch=20)
INGEST_DOCUMENTS_STORED: Final = Flow("ingest", "document.stored.v1")
INGEST_DOCUMENTS_REFUSED: Final = Flow("ingest", "document.refused.v1")
RECORDS_DOCUMENTS: Final = Flow("records", "document.received.v1", batch=20)
RECORDS_LOGGED: Final = Flow("records", "access.logged.v1", LOGGED)
NOTIFICATIONS_ACCOUNTS_OPENED: Final = Flow("notifications", "account.opened.v1", batch=20)
NOTIFICATIONS_ACCOUNTS_OPPOSED: Final = Flow("notifications", "account.opposed.v1", batch=20)
NOTIFICATIONS_ACCOUNTS_CLOSED: Final = Flow("notifications", "account.closed.v1", batch=20)
AUDIT_EVENTS: Final = Flow("audit", "#", batch=500, single_active=True)
AUDIT_COUNTS: Final = Flow("audit", "access.counted.v1", batch=20)
AUDIT_OVERSIGHT: Final = Flow("audit", "oversight.changed.v1", batch=20)
STATEMENTS: Final = tuple(
    Flow(service, "ledger.stated.v1", LEDGER, batch=20) for service in ("ingest", "records", "notifications", "audit")
)

FLOWS: Final = (
    INGEST_BENEFICIARIES,
    INGEST_REIMBURSEMENTS,
    INGEST_UNKNOWN,
    RECORDS_BENEFICIARIES,
    RECORDS_REIMBURSEMENTS,
    NOTIFICATIONS_BENEFICIARIES,
    NOTIFICATIONS_NOTICES,
    NOTIFICATIONS_ACCOUNTS_OPENED,
    NOTIFICATIONS_ACCOUNTS_OPPOSED,
    NOTIFICATIONS_ACCOUNTS_CLOSED,
    RECORDS_NOTICES_SENT,
    RECORDS_NOTICES_UNDELIVERABLE,
    RECORDS_DOCUMENTS,
    RECORDS_LOGGED,
    INGEST_ACCOUNTS_OPENED,
    INGEST_ACCOUNTS_OPPOSED,
    INGEST_ACCOUNTS_CLOSED,
    INGEST_DOCUMENTS_STORED,
    INGEST_DOCUMENTS_REFUSED,
    AUDIT_EVENTS,
    AUDIT_COUNTS,
    AUDIT_OVERSIGHT,
    *STATEMENTS,
)

EXCHANGES: Final[dict[str, tuple[str, Arguments]]] = {
    UPSTREAM: ("topic", {"alternate-exchange": UNKNOWN}),
    UNKNOWN: ("fanout", {}),
    EVENTS: ("topic", {}),
    LOGGED: ("direct", {}),
    LEDGER: ("direct", {}),
    STRAIGHT: ("topic", {}),
    FEEDBACK: ("direct", {}),
    DEAD: ("direct", {}),
}


@dataclass(frozen=True, slots=True)
class Topology:
    """What this installation declares: the flows, and a feedback queue per insurer."""

    flows: tuple[Flow, ...] = FLOWS
    insurers: tuple[str, ...] = field(default=())


def bindings(flow: Flow) -> tuple[tuple[str, str], ...]:
    """Return the exchanges that a flow's queue is bound to, each with its key."""
    own = ((flow.exchange, flow.key),)
    return (*own, (STRAIGHT, f"*.{flow.queue}")) if flow.exchange in (EVENTS, LOGGED) else own


def straight_key(publisher: str, flow: Flow) -> str:
    """Return the key by which one service sends to one queue alone."""
    return f"{publisher}.{flow.queue}"


def queue_arguments(flow: Flow) -> Arguments:
    """Return a quorum queue's arguments: dead-lettering at least once, no maximum length (rules 5 and 8).

    `reject-publish` is what at-least-once dead-lettering requires; without a length limit it never rejects.
    """
    arguments: Arguments = {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD,
        "x-dead-letter-routing-key": dead_queue(flow),
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    if flow.single_active:
        arguments["x-single-active-consumer"] = True
    return arguments


DEAD_ARGUMENTS: Final[Arguments] = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000_000}
"""Nothing stands behind it: RabbitMQ 4 would drop after twenty returns what it keeps without a limit of its own."""

FEEDBACK_ARGUMENTS: Final[Arguments] = {
    "x-queue-type": "quorum",
    "x-max-length": FEEDBACK_LIMIT,
    "x-overflow": "drop-head",
}


def dead_queue(flow: Flow) -> str:
    """Return the queue of what the broker gave up delivering to a flow."""
    return f"{flow.queue}.dead"


def feedback_queue(insurer: str) -> str:
    """Return the queue where an insurer reads what was refused of its own."""
    return f"{FEEDBACK}.{insurer}"
