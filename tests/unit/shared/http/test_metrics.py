"""What a role tells Prometheus."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from shared.http import metrics
from shared.http.metrics import metrics_door

FLOW = {
    "done": 7,
    "duplicate": 2,
    "refused": {"ins-key": 3},
    "parked": {"failed": 4},
    "queued": 5,
    "dead": 1,
    "emitted": {"events": {"record.updated.v1": 6}},
}
SUMMARY = {
    "flows": {"works.thing.v1": FLOW, "acts": {"emitted": {"events": {"record.updated.v1": 2}}}},
    "outbox": {"messages": 8, "events": 9, "oldest_seconds": 61.5},
}


async def told(
    summary: Callable[[], Awaitable[Mapping[str, Any]]] | None = None,
    missing: Callable[[], Awaitable[Mapping[tuple[str, str], int]]] | None = None,
) -> dict[tuple[str, ...], float]:
    """Return what the door tells, by name and the values of its labels."""

    async def well() -> bool:
        return True

    runtime: Any = SimpleNamespace(relay=SimpleNamespace(confirmed=10, failed=0))
    app = FastAPI()
    metrics_door(app, runtime, {"broker": well}, summary=summary, missing=missing)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://works") as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in families
        for sample in family.samples
    }


async def test_the_books_of_every_flow():
    """Every end, what is held, queued, dead and unsent is told per flow; what is published by all, by type."""

    async def summary() -> Mapping[str, Any]:
        return SUMMARY

    said = await told(summary)

    assert said["carnet_flow_events_total", "applied", "works.thing.v1", ""] == 7
    assert said["carnet_flow_events_total", "duplicate", "works.thing.v1", ""] == 2
    assert said["carnet_flow_events_total", "refused", "works.thing.v1", "ins-key"] == 3
    assert said["carnet_flow_held", "works.thing.v1", "failed", "parked"] == 4
    assert said["carnet_flow_queued_messages", "works.thing.v1"] == 5
    assert said["carnet_flow_dead_messages", "works.thing.v1"] == 1
    assert said["carnet_published_events_total", "events", "record.updated.v1"] == 8
    assert said["carnet_outbox_oldest_unsent_seconds",] == 61.5
    assert not any("acts" in key for key in said)


async def test_what_the_ledger_misses():
    """A finding of the ledger is a number by kind and flow."""

    async def missing() -> Mapping[tuple[str, str], int]:
        return {("event-missing", "works.thing.v1"): 12}

    assert (await told(missing=missing))["carnet_ledger_missing", "works.thing.v1", "event-missing"] == 12


async def test_a_database_that_is_away_hides_no_other_number(monkeypatch: pytest.MonkeyPatch):
    """Without database and broker the process still tells of itself, in time."""
    monkeypatch.setattr(metrics, "PATIENCE_S", 0.01)

    async def silent() -> Mapping[str, Any]:
        await asyncio.Event().wait()
        return SUMMARY

    async def failing() -> Mapping[tuple[str, str], int]:
        raise ConnectionError

    said = await told(silent, failing)
    assert said["carnet_ready", "broker"] == 1
    assert said["carnet_relay_messages_total", "confirmed"] == 10
    assert "process_resident_memory_bytes" in {name for name, *_ in said}
