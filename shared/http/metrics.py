"""``/metrics``: numbers for Prometheus, of this process on every role, of its service's flows on the role `api`.

Names and numbers only: no id, no person, no text of an error. The gateway leads nobody here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from shared.messaging.consumer import Consumer
from shared.messaging.runtime import Runtime

Check: TypeAlias = Callable[[], Awaitable[bool]]
Values: TypeAlias = Mapping[Any, float]
"""By the values of its labels."""
Summary: TypeAlias = Mapping[str, Any]
"""What ``/ops/messaging`` answers."""


class Gauge(NamedTuple):
    """One number of a service's own."""

    name: str
    text: str
    value: float


Gauges: TypeAlias = Callable[[], Awaitable[Sequence[Gauge]]]

PATIENCE_S: Final = 4.0
"""How long database and broker may take to say what stands in a service's flows; without, the rest is still told."""

_ENDED: Final = ("duplicate", "redelivered", "resent", "ignored", "refused")
_HELD: Final = ("waiting", "parked", "quarantined")

_registry = CollectorRegistry(auto_describe=False)
ProcessCollector(registry=_registry)
PlatformCollector(registry=_registry)
GCCollector(registry=_registry)


def metrics_door(
    app: FastAPI,
    runtime: Runtime,
    checks: Mapping[str, Check],
    *,
    consumers: Sequence[Consumer[Any]] = (),
    summary: Callable[[], Awaitable[Summary]] | None = None,
    missing: Callable[[], Awaitable[Mapping[tuple[str, str], int]]] | None = None,
    gauges: Gauges | None = None,
) -> None:
    """Add the door; ``summary`` gives the books of the service's flows, ``missing`` what the ledger misses.

    ``gauges`` gives what only this service has to tell.
    """

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        ready = dict(zip(checks, await asyncio.gather(*(check() for check in checks.values())), strict=True))
        families = [*_of_process(runtime, ready, consumers)]
        families += _of_flows(told) if (told := await _in_time(summary)) is not None else []
        families += _of_ledger(found) if (found := await _in_time(missing)) is not None else []
        families += [_gauge(each.name, each.text, [], {(): each.value}) for each in await _in_time(gauges) or ()]
        return Response(generate_latest(_Told(families)), media_type=CONTENT_TYPE_LATEST)


class _Told(Collector):
    """Everything of one answer; what is asked of a database cannot wait inside the library's own registry."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """See `Collector.collect`."""
        yield from _registry.collect()
        yield from self._families


async def _in_time(ask: Callable[[], Awaitable[Any]] | None) -> Any:
    if ask is None:
        return None
    asked = asyncio.ensure_future(ask())
    await asyncio.wait({asked}, timeout=PATIENCE_S)
    if not asked.done():
        asked.cancel()
        return None
    return None if asked.cancelled() or asked.exception() else asked.result()


def _of_process(runtime: Runtime, ready: Mapping[str, bool], consumers: Sequence[Consumer[Any]]) -> Iterator[Metric]:
    relay = runtime.relay
    yield _gauge(
        "carnet_ready", "What /readyz says, by check: 1 is well.", ["check"], {(k,): v for k, v in ready.items()}
    )
    counted = {("confirmed",): relay.confirmed, ("failed",): relay.failed}
    yield _counter("carnet_relay_messages", "Messages this process published, by how it ended.", ["end"], counted)
    if consumers:
        paused = {(each.subscription.flow.queue,): each.paused is not None for each in consumers}
        yield _gauge("carnet_flow_paused", "1 while this process takes nothing from a flow.", ["flow"], paused)


def _of_flows(summary: Summary) -> Iterator[Metric]:
    """Yield the books; every instance of the role tells the same of its service, so the maximum is the number."""
    everything: Mapping[str, Any] = summary["flows"]
    flows = {queue: flow for queue, flow in everything.items() if "queued" in flow}
    ends = {(queue, "applied", ""): flow.get("done", 0) for queue, flow in flows.items()}
    held: dict[tuple[str, str, str], int] = {}
    for queue, flow in flows.items():
        ends |= {(queue, end, reason): n for end in _ENDED for reason, n in _by_reason(flow.get(end, 0))}
        held |= {(queue, state, reason): n for state in _HELD for reason, n in _by_reason(flow.get(state, 0))}
    labels = ["flow", "end", "reason"]
    yield _counter("carnet_flow_events", "Events of a flow that came to an end.", labels, ends)
    yield _gauge("carnet_flow_held", "Events held in a flow, by state.", ["flow", "state", "reason"], held)
    for name in ("queued", "dead"):
        depths = {(queue,): flow[name] for queue, flow in flows.items()}
        yield _gauge(f"carnet_flow_{name}_messages", f"Messages {_DEPTHS[name]}.", ["flow"], depths)
    yield _counter(
        "carnet_published_events", "Events committed for publishing.", ["exchange", "type"], _emitted(everything)
    )
    outbox = summary["outbox"]
    yield _gauge("carnet_outbox_unsent_messages", "Messages committed and not confirmed.", [], {(): outbox["messages"]})
    yield _gauge("carnet_outbox_unsent_events", "Events in them.", [], {(): outbox["events"]})
    oldest = {(): outbox["oldest_seconds"]}
    yield _gauge("carnet_outbox_oldest_unsent_seconds", "Age of the oldest of them.", [], oldest)


_DEPTHS: Final = {"queued": "that wait in a flow's queue", "dead": "that the broker gave up delivering to a flow"}


def _of_ledger(missing: Mapping[tuple[str, str], int]) -> Iterator[Metric]:
    yield _gauge("carnet_ledger_missing", "What the ledger misses now.", ["kind", "flow"], missing)


def _emitted(flows: Mapping[str, Any]) -> dict[tuple[str, ...], float]:
    total: dict[tuple[str, ...], float] = {}
    for flow in flows.values():
        for exchange, types in flow.get("emitted", {}).items():
            for wire_type, count in types.items():
                total[exchange, wire_type] = total.get((exchange, wire_type), 0) + count
    return total


def _by_reason(counted: int | Mapping[str, int]) -> Iterable[tuple[str, int]]:
    return [("", counted)] if isinstance(counted, int) else counted.items()


def _gauge(name: str, text: str, labels: Sequence[str], values: Values) -> Metric:
    return _filled(GaugeMetricFamily(name, text, labels=labels), values)


def _counter(name: str, text: str, labels: Sequence[str], values: Values) -> Metric:
    return _filled(CounterMetricFamily(name, text, labels=labels), values)


def _filled(family: Any, values: Values) -> Metric:
    for labels, value in values.items():
        family.add_metric(list(labels), float(value))
    return family  # type: ignore[no-any-return]
