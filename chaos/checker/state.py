"""Order, books, log, quiet: what the whole must look like once everything has come to its end."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from chaos.aftermath import Adoption, Aftermath, Reign
from chaos.checker.finding import Finding, finding
from chaos.checker.ledger import Published
from chaos.history import Done
from cli.books import all_books
from shared.messaging.topology import FLOWS, LEDGER, UPSTREAM

_UPSTREAM = {flow.queue: flow.key for flow in FLOWS if flow.exchange in (UPSTREAM, "upstream.unknown")}
_COUNTED = ("done", "ignored", "refused")
"""Ends that the books count, and that the inbox still shows."""


SILENCING: Final = (
    "kill",
    "freeze",
    "cut",
    "refuse",
    "stall",
    "half-open",
    "corrupt",
    "step-down",
    "disk-full",
    "overtake",
    "wear-out",
    "process-killer",
    "queue",
    "partition",
    "node",
)
"""Faults, by how their names begin, after which a process may have been silent for long."""

SILENT_S: Final = 150.0
"""From the beginning of such a fault to the last take-over that it explains: the fault, 30 s of silence, and the load
under which a process then comes back to its beat."""

_EVERYBODY: Final = ("everybody", "database")
"""How what was struck begins where everybody was: nobody can tell that he lives while the database is away."""


def order(operations: Iterable[Done], left: Aftermath) -> Finding:
    """The state does not tell in which order things came: the latest version stays, the last correction counts."""
    latest: dict[str, int] = {}
    for event in left.sent.values():
        if event.type == "beneficiary.accepted.v1" and event.subject is not None:
            latest[event.subject] = max(latest.get(event.subject, 0), int(event.names or 0))
    return finding(
        "order",
        "whatever the order, the same state",
        len(latest) + len(left.documents),
        [*_versions(latest, left), *_statuses(operations, left)],
    )


def _versions(latest: Mapping[str, int], left: Aftermath) -> Iterator[str]:
    for record, version in latest.items():
        for where, versions in (("records", left.registered), ("notifications", left.contacts)):
            if versions.get(record) != version:
                yield f"record {record}: {where} has version {versions.get(record)}, the latest is {version}"


def _statuses(operations: Iterable[Done], left: Aftermath) -> Iterator[str]:
    """A document that another one replaces is deprecated; the last look of each patient says so."""
    replaced = {target for replaces in left.documents.values() for target in replaces}
    for each in operations:
        for document, status in (each.told.get("statuses") or {}).items():
            wanted = "deprecated" if document in replaced else "approved"
            if status != wanted:
                yield f"document {document} is {status}, {wanted} expected"


def documents(operations: Iterable[Done], left: Aftermath) -> Finding:
    """Every deposit that was answered is in its record, once, and reads as it was written."""
    answered = Counter(each.told["document"] for each in operations if each.op == "deposit" and each.outcome == "ok")
    spoilt = [each.asked["document"] for each in operations if each.told.get("intact") is False]
    violations = [
        *(f"document {name} was taken and is not there" for name in answered if name not in left.documents),
        *(f"document {name} does not read as it was written" for name in spoilt),
    ]
    return finding("documents", "what was deposited is kept, and reads intact", len(answered), violations)


def log(left: Aftermath) -> Finding:
    """The log follows from its first entry to its head, and nobody appended who had been overtaken (rule 13)."""
    violations = [*filter(None, [left.log_fault]), *_overtaken(left)]
    return finding("log", "recomputed, it is whole; only who was in charge appended", len(left.log), violations)


def _overtaken(left: Aftermath) -> Iterator[str]:
    """What was appended between two take-overs is the first one's; where somebody died unheard, it may be anybody's."""
    owned: Counter[str] = Counter()
    unheard = 0
    for one, following in pairwise([Reign("", 0, 0), *left.reigns]):
        if following.epoch == one.epoch + 1:
            owned[one.process] += following.size - one.size
        else:
            unheard += following.size - one.size
    for process in owned.keys() | left.appended.keys():
        appended = left.appended[process]
        if not owned[process] <= appended <= owned[process] + unheard:
            yield f"{process} appended {appended:,} entries, {owned[process]:,} of them while it was in charge"


def stuck(left: Aftermath) -> Finding:
    """Everything came to its end."""
    return finding("stuck", "everything came to its end", 1, (f"{count} {what}" for what, count in left.stuck.items()))


def adoption(moments: Sequence[Mapping[str, Any]], left: Aftermath) -> Finding:
    """Nobody takes over from a sender that lives: it had ended, or something had silenced it before (rule 7)."""
    return finding(
        "adoption",
        "unsent messages are taken over from the silent only",
        len(left.adoptions),
        (
            f"messages of {each.member or each.owner} were taken over after {each.at:.0f} s, and it lived"
            for each in left.adoptions
            if not any(_silences(moment, each) for moment in moments)
        ),
    )


def _silences(moment: Mapping[str, Any], taken: Adoption) -> bool:
    """Tell whether a moment is why somebody was silent; of whom nobody heard, its service must have been struck."""
    if moment["t"] >= taken.at:
        return False
    member = taken.member or f"{taken.owner.partition('.')[0]}."
    if moment["op"] == "restart":
        return bool(moment["name"].startswith(member)) and moment["t"] > taken.since
    if (moment["op"], moment["phase"]) != ("fault", "invoke") or not moment["name"].startswith(SILENCING):
        return False
    struck = str(moment["struck"])
    return moment["t"] > taken.at - SILENT_S and (member in struck or struck.startswith(_EVERYBODY))


def books(told: Published, left: Aftermath) -> Finding:
    """Per flow, what was published is what became of it (rule 14), and the books say what the inbox holds."""
    if not left.summaries:
        return finding("books", "per flow: published = accounted", 0, ["no door told its books"])
    violations = [*_law(told, left), *_rows(left)]
    return finding("books", "per flow: published = accounted", len(FLOWS), violations)


def _law(told: Published, left: Aftermath) -> Iterator[str]:
    for flow in all_books(left.summaries, told.confirmed):
        most = flow.published + _unsure(told, flow.queue)
        if not flow.published <= flow.accounted <= most:
            span = f"{flow.published:,}" if most == flow.published else f"{flow.published:,} to {most:,}"
            yield f"{flow.queue}: {span} published, {flow.accounted:,} accounted for"


def _unsure(told: Published, queue: str) -> int:
    """Return how many events more may have been published: those of which no copy was confirmed."""
    if queue not in _UPSTREAM:
        return 0
    known = {key for key in _UPSTREAM.values() if key != "unknown"}
    wanted = _UPSTREAM[queue]
    return sum(n for key, n in told.unsure.items() if key == wanted or (wanted == "unknown" and key not in known))


def _rows(left: Aftermath) -> Iterator[str]:
    """A batch that was counted twice left its rows once. The ledger's statements go on while somebody looks."""
    for flow in FLOWS:
        if flow.exchange == LEDGER:
            continue
        counted = left.summaries.get(flow.consumer, {}).get("flows", {}).get(flow.queue, {})
        rows = Counter(end.state for end in left.rows.get(flow.queue, {}).values())
        for state in _COUNTED:
            number = counted.get(state, 0)
            total = number if isinstance(number, int) else sum(number.values())
            if total != rows[state]:
                yield f"{flow.queue}: the books count {total:,} {state}, the inbox has {rows[state]:,}"
