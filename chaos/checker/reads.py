"""Every answer has its trace in the log, and one only: no read without, and no trace of what nobody asked."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from chaos.aftermath import Aftermath, Trace
from chaos.checker.finding import Finding, finding
from chaos.history import Done

_ASKED: Final = ("read", "find", "authorise")


def reads(operations: Iterable[Done], left: Aftermath) -> Finding:
    """An answer has one trace; what was asked and whose answer nobody knows has one or none."""
    certain: Counter[Trace] = Counter()
    maybe: Counter[Trace] = Counter()
    for each in operations:
        if each.op in _ASKED:
            permitted, denied = _trace(each, permitted=True), _trace(each, permitted=False)
            if each.outcome == "ok":
                certain[permitted if each.told["status"] < 300 else denied] += 1
            elif each.outcome == "info":
                maybe.update((permitted, denied))
    return finding("reads", "every answer has exactly one trace", certain.total(), _without(certain, maybe, left))


def _without(certain: Counter[Trace], maybe: Counter[Trace], left: Aftermath) -> Iterator[str]:
    traces = Counter[Trace]()
    for trace, times in left.traces.items():
        traces[_anonymous(trace)] += times
    for trace, times in certain.items():
        if traces[trace] < times:
            yield f"{_said(trace)}: answered {times} times, traced {traces[trace]} times"
    actions = {trace.action for trace in certain} | {trace.action for trace in maybe}
    for trace, times in traces.items():
        if trace.action in actions and times > certain[trace] + maybe[trace]:
            yield f"{_said(trace)}: asked {certain[trace] + maybe[trace]} times, traced {times} times"
    if left.traces_unreadable:
        yield f"{left.traces_unreadable} traces do not open"


def _trace(each: Done, *, permitted: bool) -> Trace:
    asked = each.asked
    about = asked.get("document") or asked.get("professional")
    return _anonymous(Trace(asked["action"], permitted, asked["kind"], asked["number"], asked.get("record"), about))


def _anonymous(trace: Trace) -> Trace:
    """What a search finds is told in its answer and not in its question: by whom it was asked is all that is known."""
    return trace._replace(record=None) if trace.action == "record-searched" else trace


def _said(trace: Trace) -> str:
    outcome = "permitted" if trace.permitted else "denied"
    return f"{trace.action} ({outcome}) by {trace.kind} {trace.number or ''} of {trace.about or trace.record}"
