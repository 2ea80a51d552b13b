"""A run that never took place: one line of an insurer, one registration, one document, two reads, all as it must be."""

from collections import Counter
from typing import Any

from chaos.aftermath import Aftermath, End, Reign, Sent, Trace

LINE = "/insurers/msa|f1/1"
PERSON = "/insurers/msa|p1/2"
RECORD = "a" * 32
DOCUMENT = "d" * 32
CORRECTED = "c" * 32
RECEIVED, ACCEPTED, UPDATED = "/ingest|r1", "/ingest|a1", "/records|u1"
DEPOSITED, TRACED, DENIED = "/ingest|d1", "/records|t1", "/records|t2"
INGEST_LINES, INGEST_PEOPLE = "ingest.reimbursement.settled.v1", "ingest.beneficiary.registered.v1"
LINES, PEOPLE, DOCUMENTS = (
    "records.reimbursement.received.v1",
    "records.beneficiary.accepted.v1",
    "records.document.received.v1",
)
DONE = End("done")
READ = Trace("document-read", True, "professional", "899", RECORD, DOCUMENT)
UNSEEN = Trace("document-read", False, "machine", "1999", RECORD, "0" * 32)


def history() -> list[dict[str, Any]]:
    """Return what was tried and what came of it."""
    line_ends = [[INGEST_LINES, "done", None], [LINES, "done", None]]
    return [
        *publish(1, "reimbursement.settled.v1", [{"ends": line_ends, "ids": ["f1/1"]}]),
        *publish(2, "beneficiary.registered.v1", [{"ends": [[INGEST_PEOPLE, "done", None]], "ids": ["p1/2"]}]),
        *publish(3, "reimbursement.settled.v1", [{"end": [INGEST_LINES, "refused", "ins-key"], "bad": 1}], events=1),
        *operation(4, "clinic", "deposit", {}, "ok", {"status": 201, "document": DOCUMENT, "outcome": "stored"}),
        *operation(5, "doctor", "read", _asks(READ), "ok", {"status": 200, "intact": True}),
        *operation(6, "stranger", "read", _asks(UNSEEN), "ok", {"status": 404}),
        *operation(7, "patient", "look", {}, "ok", {"statuses": {DOCUMENT: "approved", CORRECTED: "deprecated"}}),
    ]


def aftermath() -> Aftermath:
    """Return what was left of it."""
    sent = {
        RECEIVED: Sent("events", "reimbursement.received.v1", LINE, RECORD, "line-1"),
        ACCEPTED: Sent("events", "beneficiary.accepted.v1", PERSON, RECORD, 2),
        UPDATED: Sent("events", "record.updated.v1", RECEIVED, RECORD, 1),
        DEPOSITED: Sent("events", "document.received.v1", None, RECORD, DOCUMENT),
        TRACED: Sent("events", "access.traced.v1", None, RECORD),
        DENIED: Sent("events", "access.traced.v1", None, RECORD),
    }
    rows = {
        INGEST_LINES: {LINE: DONE, "message|ff:0": End("refused", "ins-key")},
        INGEST_PEOPLE: {PERSON: DONE},
        LINES: {RECEIVED: DONE},
        PEOPLE: {ACCEPTED: DONE},
        "notifications.beneficiary.accepted.v1": {ACCEPTED: DONE},
        DOCUMENTS: {DEPOSITED: DONE},
        "audit.all": dict.fromkeys(sent, DONE),
    }
    return Aftermath(
        rows=rows,
        sent=sent,
        log=Counter(sent.keys()),
        reigns=[Reign("audit.1", 1, 0), Reign("audit.2", 2, 4), Reign("", 3, len(sent))],
        appended=Counter({"audit.1": 4, "audit.2": len(sent) - 4}),
        lines={"line-1": "r1"},
        documents={DOCUMENT: (CORRECTED,), CORRECTED: ()},
        registered={RECORD: 2},
        contacts={RECORD: 2},
        traces=Counter([READ, UNSEEN]),
        summaries=_summaries(rows, sent),
    )


def publish(number: int, key: str, groups: list[dict[str, Any]], *, events: int = 1) -> list[dict[str, Any]]:
    """Return the publishing of a message that was confirmed."""
    asked = {"message": number, "attempt": 1, "key": key, "events": events, "groups": groups}
    return operation(number, "insurer.msa", "publish", asked, "ok", {})


def operation(  # noqa: PLR0917 - a line of a history has so many words
    number: int, process: str, op: str, asked: dict[str, Any], phase: str, told: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the two moments of an operation."""
    each = {"t": float(number), "process": process, "op": op, "n": number}
    return [each | {"phase": "invoke"} | asked, each | {"phase": phase} | told]


def _asks(trace: Trace) -> dict[str, Any]:
    return {
        "action": trace.action,
        "kind": trace.kind,
        "number": trace.number,
        "record": trace.record,
        "document": trace.about,
    }


def _summaries(rows: dict[str, dict[str, End]], sent: dict[str, Sent]) -> dict[str, Any]:
    """Return the books that say just this."""
    found: dict[str, Any] = {
        name: {"flows": {}, "outbox": {}} for name in ("ingest", "records", "notifications", "audit")
    }
    for queue, ends in rows.items():
        flow = found[queue.partition(".")[0]]["flows"].setdefault(queue, {"emitted": {}})
        for end in ends.values():
            if end.reason is None:
                flow[end.state] = flow.get(end.state, 0) + 1
            else:
                reasons = flow.setdefault(end.state, {})
                reasons[end.reason] = reasons.get(end.reason, 0) + 1
    emitted = Counter(event.type for event in sent.values())
    found["ingest"]["flows"][INGEST_LINES]["emitted"] = {"events": dict(emitted)}
    return found
