"""The traces of professionals, handed over to an authority: two operators, written down first, whole or cut off."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from pymongo.errors import ServerSelectionTimeoutError
from typer.testing import CliRunner

from cli.audit import app as audit
from services.audit.api.handover import handover_doors
from shared.contracts.operations import OperatorActedV1
from shared.http import problems
from shared.http.identity import Kind, Principal
from shared.http.problems import Problem
from shared.identity import name_of
from shared.messaging.unit import Unit
from tests.unit.audit.registry import ALICE, BRUNO, INDEX_KEY, Registry
from tests.unit.audit.test_traces_of_professionals import NURSE

DOCTOR = "899700366240"
ASKED = {"professionals": [DOCTOR], "from": "2026-11-21", "to": "2026-11-21", "reason": "CNIL, request 7"}


def application(registry: Registry) -> FastAPI:
    """Return the door; a token is the operator's name."""

    def named(header: str) -> Any:
        async def door(request: Request) -> Principal:
            name = request.headers.get(header, "").removeprefix("Bearer ")
            if not name:
                raise Problem(401, "token-missing")
            return Principal(name, Kind.OPERATOR, frozenset())

        return door

    app = FastAPI()
    problems.install(app)
    doors = handover_doors(registry.desk, named("authorization"), named("second-operator"), production=False)
    app.include_router(doors)
    return app


async def ask(registry: Registry, second: str = "bea", **changed: Any) -> httpx.Response:
    """Ask as Ada, with a second operator's agreement."""
    headers = {"authorization": "Bearer ada", **({"second-operator": f"Bearer {second}"} if second else {})}
    transport = httpx.ASGITransport(application(registry))
    async with httpx.AsyncClient(transport=transport, base_url="http://audit") as client:
        return await client.post("/ops/log/handover", json={**ASKED, **changed}, headers=headers)


def lines(answer: httpx.Response) -> list[Any]:
    """Return what was handed over."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_all_of_a_period(registry: Registry):
    """EX_AIR-120: every trace of the professionals in the period, whosever record, denials too; nobody else's."""
    await registry.read(ALICE, 3)
    await registry.log_events(await registry.trace(BRUNO, "documents-listed", "denied"))
    await registry.log_events(await registry.trace(ALICE, actor=NURSE))
    registry.clock.instant += timedelta(days=1)
    await registry.read(ALICE)

    asked, *traces, end = lines(await ask(registry))

    assert (asked["professionals"], end) == ([DOCTOR], {"complete": True, "traces": 4})
    assert [(line["index"], line["record"], line["outcome"]) for line in traces] == [
        (3, await registry.record(BRUNO), "denied"),
        *[(index, await registry.record(ALICE), "permitted") for index in (2, 1, 0)],
    ]
    assert {line["who"]["number"] for line in traces} == {DOCTOR}
    both = lines(await ask(registry, professionals=[DOCTOR, NURSE.number, DOCTOR], to="2026-11-22"))
    assert both[-1]["traces"] == 6


async def test_it_is_written_down_first(registry: Registry):
    """F57: who handed over whose traces, of which period, why and with whom, is in the log before they leave."""
    await registry.read(ALICE)

    await ask(registry)

    (event,) = registry.published
    assert isinstance(event, OperatorActedV1)
    assert (event.data.act, event.data.operator, event.data.second_operator) == ("hand-over", "ada", "bea")
    period = "2026-11-21T00:00:00+01:00/2026-11-22T00:00:00+01:00"
    assert (event.data.targets, event.data.reason) == ([name_of(INDEX_KEY, DOCTOR), period], "CNIL, request 7")
    assert DOCTOR not in event.to_json().decode()


async def test_nothing_leaves_unwritten(registry: Registry):
    """F57: where it cannot be written down, nothing is handed over."""
    await registry.read(ALICE)

    async def fail(_unit: Unit) -> None:
        raise ServerSelectionTimeoutError

    object.__setattr__(registry.desk, "append", fail)
    answer = await ask(registry)

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


@pytest.mark.parametrize(
    ("second", "status", "code"), [("", 401, "token-missing"), (" ADA", 403, "second-operator-same")]
)
async def test_two_operators(registry: Registry, second: str, status: int, code: str):
    """Personal data leave by two operators' will, who are two persons."""
    answer = await ask(registry, second)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not registry.published


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"professionals": []}, "invalid-request"),
        ({"professionals": [DOCTOR] * 101}, "invalid-request"),
        ({"professionals": ["255081416802538"]}, "idnat-format"),
        ({"professionals": ["89970"]}, "rpps-length"),
        ({"from": "yesterday"}, "invalid-request"),
        ({"from": 20260101}, "invalid-request"),
        ({"from": "2026-11-22"}, "period-invalid"),
        ({"to": "9999-12-31"}, "period-invalid"),
        ({"reason": " x "}, "invalid-request"),
        ({"record": "a" * 32}, "invalid-request"),
    ],
)
async def test_bad_input(registry: Registry, changed: dict[str, Any], code: str):
    """45: what cannot be meant is refused with a stable code, and nothing of it is repeated."""
    answer = await ask(registry, **changed)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    for value in ("255081416802538", "89970", "yesterday"):
        assert value not in answer.text
    assert not registry.published


class TestCommand:
    """`./carnet audit handover`."""

    @pytest.fixture
    def run(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
        """Give the command, whose door answers as it is told."""
        monkeypatch.setenv("CARNET_OPERATOR_TOKEN", "ada")
        monkeypatch.setenv("CARNET_SECOND_OPERATOR_TOKEN", "bea")
        answers: dict[str, Any] = {}
        seen: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(request)
            return httpx.Response(answers.get("status", 200), text=answers["text"])

        real = httpx.Client

        def client(**given: Any) -> httpx.Client:
            return real(**given, transport=httpx.MockTransport(answer))

        monkeypatch.setattr("cli.handover.httpx.Client", client)

        def run_it(text: str, status: int = 200, out: str = "traces.ndjson") -> tuple[int, Path, list[httpx.Request]]:
            answers.update(text=text, status=status)
            place = tmp_path / out
            words = ["handover", DOCTOR, "--from", "2026-01-01", "--to", "2026-11-29", "--because", "CNIL 7"]
            ended = CliRunner().invoke(audit, [*words, "--out", str(place), "--url", "http://audit"])
            return ended.exit_code, place, seen

        return run_it

    def test_written(self, run: Any):
        """The lines are written as they came, for their owner only, with both operators' tokens shown at the door."""
        text = '{"professionals":[]}\n{"index":1}\n{"complete":true,"traces":1}\n'

        code, place, (request,) = run(text)

        assert (code, place.read_text(), place.stat().st_mode & 0o777) == (0, text, 0o600)
        assert request.headers["second-operator"] == "Bearer bea"
        assert json.loads(request.content) == {
            "professionals": [DOCTOR],
            "from": "2026-01-01",
            "to": "2026-11-29",
            "reason": "CNIL 7",
        }

    @pytest.mark.parametrize(
        ("text", "status"),
        [('{"professionals":[]}\n{"index":1}\n', 200), ("", 200), ('{"code":"second-operator-same"}', 403)],
    )
    def test_cut_off(self, run: Any, text: str, status: int):
        """What was cut off or refused leaves no file behind."""
        code, place, _ = run(text, status)

        assert code == 2
        assert not list(place.parent.iterdir())

    def test_nothing_is_overwritten(self, run: Any):
        """A file that is there stays as it is, and nobody is asked."""
        place = run('{"complete":true,"traces":0}\n')[1]

        code, again, seen = run('{"complete":true,"traces":7}\n')

        assert (code, again.read_text(), len(seen)) == (2, place.read_text(), 1)
