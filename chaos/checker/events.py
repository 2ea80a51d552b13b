"""Lost, doubled, unexpected: every event from its publisher to its last effect."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from chaos.aftermath import Aftermath, End
from chaos.checker.finding import Finding, finding
from chaos.checker.ledger import Due, Published, by_cause
from shared.messaging.topology import (
    AUDIT_EVENTS,
    EVENTS,
    FLOWS,
    INGEST_BENEFICIARIES,
    INGEST_REIMBURSEMENTS,
    LOGGED,
    RECORDS_DOCUMENTS,
    RECORDS_REIMBURSEMENTS,
    Flow,
)

_PASSED_ON: Final[Mapping[str, str]] = {
    INGEST_BENEFICIARIES.queue: "beneficiary.accepted.v1",
    INGEST_REIMBURSEMENTS.queue: "reimbursement.received.v1",
}
"""What ingest publishes for each event of a flow that it took: exactly one."""

_DONE: Final = "done"
_HELD: Final = ("refused", "quarantined", "parked", "waiting")
_ABSENT: Final = End("absent")
_INSIDE: Final = tuple(flow for flow in FLOWS if flow.exchange in (EVENTS, LOGGED))
"""Where services publish to one another from their outboxes; statements of the ledger are no events of anybody's."""


def lost(told: Published, left: Aftermath) -> Finding:
    """Whatever was confirmed has its row where it must, in every flow it goes to, and its effect."""
    checked = len(told.due) + len(left.sent)
    return finding("lost", "what was confirmed took effect", checked, _lost(told, left))


def _lost(told: Published, left: Aftermath) -> Iterator[str]:
    caused = by_cause(left.sent.items())
    for key, dues in told.due.items():
        for queue in {due.queue for due in dues}:
            names = _names(key, queue, caused, left)
            if names is not None and not any(name in left.rows.get(queue, {}) for name in names):
                yield f"{key} was confirmed and is not in {queue}"
    for key, event in left.sent.items():
        for flow in _flows_of(event.exchange, event.type):
            if key not in left.rows.get(flow.queue, {}):
                yield f"{key} ({event.type}) was published and is not in {flow.queue}"
        if event.exchange == EVENTS and not left.log[key]:
            yield f"{key} ({event.type}) has no entry in the log"
    yield from _without_effect(left, caused)


def _names(key: str, queue: str, caused: Mapping[str, list[str]], left: Aftermath) -> list[str] | None:
    """Return what an insurer's event is called in a flow; None if ingest lost or ended it, which is told elsewhere."""
    if queue in _PASSED_ON:
        return [key]
    if left.rows.get(INGEST_REIMBURSEMENTS.queue, {}).get(key, _ABSENT).state != _DONE:
        return None
    return _caused_by(key, caused, left, _PASSED_ON[INGEST_REIMBURSEMENTS.queue])


def _without_effect(left: Aftermath, caused: Mapping[str, list[str]]) -> Iterator[str]:
    for queue, wire_type in _PASSED_ON.items():
        for key, end in left.rows.get(queue, {}).items():
            if end.state == _DONE and not _caused_by(key, caused, left, wire_type):
                yield f"{key} was applied by ingest and never passed on"
    known = set(left.lines.values())
    for key, end in left.rows.get(RECORDS_REIMBURSEMENTS.queue, {}).items():
        if end.state == _DONE and key.partition("|")[2] not in known:
            yield f"{key} was applied and its line is not there"
    for key, end in left.rows.get(RECORDS_DOCUMENTS.queue, {}).items():
        if end.state == _DONE and key in left.sent and left.sent[key].names not in left.documents:
            yield f"{key} was applied and its document is not there"


def doubled(told: Published, left: Aftermath) -> Finding:
    """Nothing took effect twice: not in what was passed on, stored, logged or counted."""
    return finding("doubled", "nothing took effect twice", len(left.sent) + len(left.lines), _doubled(told, left))


def _doubled(told: Published, left: Aftermath) -> Iterator[str]:
    caused = by_cause(left.sent.items())
    passed_on = Counter(
        key
        for wire_type in _PASSED_ON.values()
        for key in told.due.keys() | told.maybe
        for _ in _caused_by(key, caused, left, wire_type)
    )
    yield from (f"{key} was passed on {times} times" for key, times in _repeated(passed_on))
    yield from (f"{key} stands in two outbox rows" for key in left.sent_twice)
    yield from (f"event {event} brought {times} lines" for event, times in _repeated(Counter(left.lines.values())))
    yield from (f"{key} has {times} entries in the log" for key, times in _repeated(left.log))
    grown = sum(int(event.names or 0) for event in left.sent.values() if event.type == "record.updated.v1")
    if grown != len(left.lines):
        yield f"records told of {grown} lines and holds {len(left.lines)}"


def _repeated(counted: Counter[str]) -> Iterator[tuple[str, int]]:
    return ((key, times) for key, times in counted.items() if times > 1)


def unexpected(told: Published, left: Aftermath) -> Finding:
    """Nothing is there that nobody published, and nothing ended in another way than it must."""
    checked = sum(map(len, left.rows.values())) + len(left.log)
    return finding("unexpected", "nothing is there that was not published", checked, _unexpected(told, left))


def _unexpected(told: Published, left: Aftermath) -> Iterator[str]:
    for queue, wire_type in _PASSED_ON.items():
        yield from _uncalled(told, left, queue, wire_type)
    for flow in _INSIDE:
        for key in left.rows.get(flow.queue, {}).keys() - left.sent.keys():
            yield f"{key} is in {flow.queue} and nobody published it"
    for key in left.log.keys() - left.sent.keys():
        yield f"{key} is in the log and nobody published it"
    yield from _other_ends(told, left, by_cause(left.sent.items()))


def _uncalled(told: Published, left: Aftermath, queue: str, wire_type: str) -> Iterator[str]:
    rows, known = left.rows.get(queue, {}), told.due.keys() | told.maybe
    for key, end in rows.items():
        if "#" in key:
            yield f"{key}: two contents under one id"
        elif end.state == _DONE and key not in known:
            yield f"{key} was applied in {queue} and nobody published it"
    for key, event in left.sent.items():
        if event.type == wire_type and event.cause not in rows:
            yield f"{key} was passed on without a cause"


def _other_ends(told: Published, left: Aftermath, caused: Mapping[str, list[str]]) -> Iterator[str]:
    for key, dues in told.due.items():
        for due in dues:
            for name in _names(key, due.queue, caused, left) or ():
                end = left.rows.get(due.queue, {}).get(name)
                if end is not None and end != due.end:
                    yield f"{key} ended {_said(end)} in {due.queue}, {_said(due.end)} expected"


def held(told: Published, left: Aftermath) -> Finding:
    """What was refused, set aside or parked is exactly what deserved it."""
    counted = Counter(
        Due(queue, end) for queue, rows in left.rows.items() for end in rows.values() if end.state in _HELD
    )
    return finding("parked", "refused and parked: exactly the poisons", counted.total(), _held(told, counted))


def _held(told: Published, counted: Counter[Due]) -> Iterator[str]:
    certain = told.bad + Counter(due for dues in told.due.values() for due in dues)
    for due in certain.keys() | counted.keys() | told.maybe_bad.keys():
        if due.end.state not in _HELD:
            continue
        least, most = certain[due], certain[due] + told.maybe_bad[due]
        if not least <= counted[due] <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            yield f"{counted[due]} events ended {_said(due.end)} in {due.queue}, {wanted} expected"


def _caused_by(key: str, caused: Mapping[str, list[str]], left: Aftermath, wire_type: str) -> list[str]:
    return [each for each in caused.get(key, ()) if left.sent[each].type == wire_type]


def _flows_of(exchange: str, wire_type: str) -> list[Flow]:
    return [flow for flow in _INSIDE if flow.exchange == exchange and (flow is AUDIT_EVENTS or flow.key == wire_type)]


def _said(end: End) -> str:
    return end.state if end.reason is None else f"{end.state} ({end.reason})"
