"""What an orchestrator is told of a role."""

import asyncio
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from shared.http.health import health_doors, worker_doors
from shared.messaging.probes import Probe, is_subscribed


class Answering:
    """Plays what a worker stands on; each part may be broken."""

    def __init__(self, **works: bool) -> None:
        works = dict.fromkeys(("broker", "database", "sent", "beats", "routed", "answered"), True) | works
        self.broker, self.database, self.sent, self.beats, routed, answered = works.values()
        self.missing = [queue for queue, there in (("audit.all", routed), ("feedback.cpam", answered)) if not there]
        self.closed = False

    def runtime(self) -> Any:
        """Return the runtime."""
        processes = SimpleNamespace(find_one=self._found(lambda: self.beats))
        outbox = SimpleNamespace(find_one=self._found(lambda: not self.sent))
        return SimpleNamespace(
            service="records",
            process="works.host.1.abc",
            client=SimpleNamespace(admin=SimpleNamespace(command=self._ping)),
            database={"processes": processes, "outbox": outbox},
            publisher=SimpleNamespace(connection=SimpleNamespace(channel=self._channel), depths=self._depths),
            relay=SimpleNamespace(confirmed=3, failed=1),
            settings=SimpleNamespace(insurers=lambda: ("cpam",)),
        )

    async def _depths(self, queues: list[str]) -> dict[str, int | None]:
        return {queue: None if queue in self.missing else 0 for queue in queues}

    async def _ping(self, *_given: Any, **_named: Any) -> dict[str, int]:
        if not self.database:
            raise ConnectionError
        return {"ok": 1}

    def _found(self, there: Any) -> Any:
        async def find_one(*_given: Any) -> dict[str, str] | None:
            return {"_id": "row"} if there() else None

        return find_one

    async def _channel(self, **_named: Any) -> Any:
        async def declare(*_given: Any, **_named: Any) -> None:
            if not self.broker:
                await asyncio.Event().wait()  # a frozen broker: connected, and silent

        async def close() -> None:
            self.closed = True

        return SimpleNamespace(declare_exchange=declare, close=close)


async def _ask(stands_on: Answering, path: str, *, consuming: bool = True, paused: str | None = None) -> httpx.Response:
    """Ask a worker."""

    async def is_consuming() -> bool:
        return consuming

    flow = SimpleNamespace(queue="works.thing.v1")
    consumer: Any = SimpleNamespace(paused=paused, subscription=SimpleNamespace(flow=flow))
    app = worker_doors(stands_on.runtime(), [consumer], consuming=is_consuming)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://worker") as client:
        return await client.get(path)


async def test_a_working_worker_is_ready():
    """Everything answers, messages come, what is committed is sent and no flow is paused."""
    stands_on = Answering()
    answer = await _ask(stands_on, "/readyz")
    assert (answer.status_code, all(answer.json().values()), stands_on.closed) == (200, True, True)


@pytest.mark.parametrize(("wrong", "name"), [({"consuming": False}, "consuming"), ({"paused": "BugError"}, "flowing")])
async def test_a_worker_that_takes_nothing_is_not_ready(wrong: dict[str, Any], name: str):
    """A consumer that is gone, or a paused flow, makes a worker unready and is named."""
    answer = await _ask(Answering(), "/readyz", **wrong)
    assert (answer.status_code, [each for each, well in answer.json().items() if not well]) == (503, [name])


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ("broker", "broker"),
        ("database", "database"),
        ("sent", "relay"),
        ("beats", "relay"),
        ("routed", "routed"),
        ("answered", "routed"),
    ],
)
async def test_a_worker_whose_peers_do_not_work_is_not_ready(wrong: str, name: str, monkeypatch: pytest.MonkeyPatch):
    """A silent broker, a relay that leaves messages lying, and a queue that is gone are named (rules 7 and 8)."""
    monkeypatch.setattr("shared.messaging.probes.PATIENCE_S", 0.05)
    answer = await _ask(Answering(**{wrong: False}), "/readyz")
    assert (answer.status_code, [each for each, well in answer.json().items() if not well]) == (503, [name])


async def test_checks_are_asked_at_the_same_time():
    """A door with three silent peers answers after the time of one."""
    waits = 0

    async def silent() -> bool:
        nonlocal waits
        waits += 1
        while waits < 3:  # noqa: ASYNC110 - the point is that the others run meanwhile
            await asyncio.sleep(0)
        return True

    app = FastAPI()
    health_doors(app, dict.fromkeys("abc", silent))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://worker") as client:
        assert (await client.get("/readyz")).status_code == 200


async def test_a_question_that_hangs_is_asked_once():
    """Whoever asks while a question is unanswered is told no, without another question behind it."""
    asked = 0

    async def frozen() -> bool:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()
        return True

    probe = Probe(frozen, patience=0.01)
    assert [await probe(), await probe(), await probe()] == [False] * 3
    assert asked == 1


async def test_a_question_is_asked_anew_after_its_answer():
    """An answer serves those who waited for it, nobody later: what was well may not be any more."""
    answers = iter([True, False])

    async def ask() -> bool:
        return next(answers)

    probe = Probe(ask)
    assert [await probe(), await probe(), await probe()] == [True, False, False]


@pytest.mark.parametrize(
    ("tags", "closed", "subscribed"), [({"tag"}, False, True), (set(), False, False), ({"tag"}, True, False)]
)
async def test_a_consumer_that_the_broker_cancelled(tags: set[str], *, closed: bool, subscribed: bool):
    """A subscription stands while its channel is open and knows the consumer's tag."""

    async def underlay() -> Any:
        return SimpleNamespace(is_closed=closed, consumers=tags)

    queue = SimpleNamespace(channel=SimpleNamespace(get_underlay_channel=underlay))
    subscriber: Any = SimpleNamespace(_queue_obj=queue, _consumer_tag="tag")
    assert await is_subscribed(subscriber) is subscribed


async def test_metrics_of_a_worker():
    """A worker tells what /readyz says, what its relay sent and which flow is paused, with no other label."""
    text = (await _ask(Answering(), "/metrics", paused="BugError@store:1")).text
    lines = set(text.splitlines())
    assert {
        'carnet_ready{check="relay"} 1.0',
        'carnet_ready{check="flowing"} 0.0',
        'carnet_relay_messages_total{end="confirmed"} 3.0',
        'carnet_relay_messages_total{end="failed"} 1.0',
        'carnet_flow_paused{flow="works.thing.v1"} 1.0',
    } <= lines
    assert "BugError" not in text
