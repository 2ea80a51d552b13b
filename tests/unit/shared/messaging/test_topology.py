"""The topology as a table: a change of it is a decision that somebody sees."""

from shared.messaging.topology import (
    DEAD,
    EVENTS,
    EXCHANGES,
    FLOWS,
    LEDGER,
    LOGGED,
    UNKNOWN,
    UPSTREAM,
    dead_queue,
    feedback_queue,
    queue_arguments,
)

QUEUES = {
    # queue: exchange, routing key, most events in a commit, single active consumer
    "ingest.beneficiary.registered.v1": (UPSTREAM, "beneficiary.registered.v1", 200, False),
    "ingest.reimbursement.settled.v1": (UPSTREAM, "reimbursement.settled.v1", 200, False),
    "ingest.unknown": (UNKNOWN, "unknown", 200, False),
    "records.beneficiary.accepted.v1": (EVENTS, "beneficiary.accepted.v1", 20, False),
    "records.reimbursement.received.v1": (EVENTS, "reimbursement.received.v1", 200, False),
    "notifications.beneficiary.accepted.v1": (EVENTS, "beneficiary.accepted.v1", 20, False),
    "notifications.notice.requested.v1": (EVENTS, "notice.requested.v1", 200, False),
    "notifications.account.opened.v1": (EVENTS, "account.opened.v1", 20, False),
    "notifications.account.opposed.v1": (EVENTS, "account.opposed.v1", 20, False),
    "notifications.account.closed.v1": (EVENTS, "account.closed.v1", 20, False),
    "records.notice.sent.v1": (EVENTS, "notice.sent.v1", 20, False),
    "records.notice.undeliverable.v1": (EVENTS, "notice.undeliverable.v1", 20, False),
    "records.document.received.v1": (EVENTS, "document.received.v1", 20, False),
    "records.access.logged.v1": (LOGGED, "access.logged.v1", 200, False),
    "ingest.account.opened.v1": (EVENTS, "account.opened.v1", 20, False),
    "ingest.account.opposed.v1": (EVENTS, "account.opposed.v1", 20, False),
    "ingest.account.closed.v1": (EVENTS, "account.closed.v1", 20, False),
    "ingest.document.stored.v1": (EVENTS, "document.stored.v1", 200, False),
    "ingest.document.refused.v1": (EVENTS, "document.refused.v1", 200, False),
    "audit.all": (EVENTS, "#", 500, True),
    "audit.access.counted.v1": (EVENTS, "access.counted.v1", 20, False),
    "audit.oversight.changed.v1": (EVENTS, "oversight.changed.v1", 20, False),
    "ingest.ledger.stated.v1": (LEDGER, "ledger.stated.v1", 20, False),
    "records.ledger.stated.v1": (LEDGER, "ledger.stated.v1", 20, False),
    "notifications.ledger.stated.v1": (LEDGER, "ledger.stated.v1", 20, False),
    "audit.ledger.stated.v1": (LEDGER, "ledger.stated.v1", 20, False),
}


def test_queues():
    """Each flow has one queue, bound to one exchange by one key; only audit has a single active consumer (rule 13)."""
    assert {flow.queue: (flow.exchange, flow.key, flow.batch, flow.single_active) for flow in FLOWS} == QUEUES


def test_exchanges():
    """What insurers publish under no known type is kept for ingest to refuse: nothing is dropped without a word."""
    assert {name: (str(kind), arguments) for name, (kind, arguments) in EXCHANGES.items()} == {
        "upstream": ("topic", {"alternate-exchange": "upstream.unknown"}),
        "upstream.unknown": ("fanout", {}),
        "events": ("topic", {}),
        "logged": ("direct", {}),
        "ledger": ("direct", {}),
        "straight": ("topic", {}),
        "feedback": ("direct", {}),
        "dead": ("direct", {}),
    }


def test_arguments():
    """Every queue is a quorum queue that dead-letters at least once and has no maximum length (design §3)."""
    for flow in FLOWS:
        arguments = dict(queue_arguments(flow))
        assert arguments.pop("x-single-active-consumer", False) is flow.single_active
        assert arguments == {
            "x-queue-type": "quorum",
            "x-delivery-limit": 20,
            "x-dead-letter-exchange": DEAD,
            "x-dead-letter-routing-key": f"{flow.queue}.dead",
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }


def test_names():
    """A queue is named after its service and its flow; what the broker gives up and what insurers read, after those."""
    assert dead_queue(FLOWS[0]) == "ingest.beneficiary.registered.v1.dead"
    assert feedback_queue("cpam-44") == "feedback.cpam-44"
    assert len({flow.queue for flow in FLOWS}) == len(FLOWS)
