"""The doors of opposing: what people online, phone agents and strangers get."""

from datetime import timedelta
from typing import Any, cast

import httpx
import pytest
from pymongo.errors import AutoReconnect

from services.records.api.counter import Counter
from services.records.api.opposition import opposition_doors
from shared.identity import blind_index, parse_ins
from shared.identity.ins import TEST
from shared.messaging.acts import Perform
from tests.fakes.ingest import INS, OTHER_INS
from tests.unit.records.office import LAST_DAY, at, wrong_code
from tests.unit.records.town import INDEX_KEY, NOBODY, NUMBER, SERIAL, Town, an_agent, application, problem


class TestOpposition:
    """POST /v1/opposition."""

    async def test_it_is_attested(self, town: Town):
        """Code, number and card oppose and get an attestation; the same again gets the same (F11)."""
        typed = f" {town.code[:4].lower()}-{town.code[4:]}"

        answer = await town.oppose(typed)

        assert answer.status_code == 200
        body = answer.json()
        assert body | {"attestation": "", "recorded_at": ""} == {
            "attestation": "",
            "proof": "/v1/opposition/proof",
            "effect": "opposed",
            "channel": "online",
            "dated": "2022-01-15",
            "recorded_at": "",
        }
        assert body["attestation"] in town.office.oppositions.rows
        assert (await town.oppose(typed)).json() == body

    async def test_a_stranger_learns_nothing(self, town: Town):
        """A wrong code of a known person and any code of nobody are answered alike, byte for byte (F07)."""
        known, unknown = await town.oppose(wrong_code()), await town.oppose(town.code, NOBODY)

        assert problem(known) == problem(unknown) == (404, "code-unknown")
        assert known.content == unknown.content
        assert dict(known.headers) == dict(unknown.headers)

    async def test_it_takes_the_same_time(self, town: Town, monkeypatch: pytest.MonkeyPatch):
        """Whatever is found, an answer does not leave before its time."""
        monkeypatch.setattr("shared.http.even.EVEN_S", 0.05)

        for answer in (await town.oppose(wrong_code()), await town.oppose(town.code, NOBODY)):
            assert answer.elapsed >= timedelta(seconds=0.05)

    async def test_the_distinct_refusals(self, town: Town):
        """Used, expired and too late have a code each (F07, F08)."""
        code = town.code
        await town.activate(code)
        assert problem(await town.oppose(code)) == (409, "code-already-used")

        bob = await town.office.notified("bob")
        town.office.vault.subjects[blind_index(INDEX_KEY, parse_ins(OTHER_INS, TEST, production=False))] = (
            await town.office.vault.ensure_subjects({"index of bob"})
        )["index of bob"]
        town.office.clock.instant = at(LAST_DAY + timedelta(days=1))
        assert problem(await town.oppose(town.office.code(bob), NOBODY)) == (409, "opposition-too-late")
        town.office.clock.instant = at(LAST_DAY + timedelta(days=20))
        assert problem(await town.oppose(town.office.code(bob), NOBODY)) == (409, "code-expired")

    async def test_guessing_is_slowed_down(self, town: Town):
        """After ten wrong codes the answer is 429 and says when to come back."""
        for _ in range(10):
            await town.oppose(wrong_code())

        answer = await town.oppose(town.code)
        assert problem(answer) == (429, "too-many-tries")
        assert answer.headers["retry-after"] == "900"

    @pytest.mark.parametrize(
        ("ins", "code"),
        [
            ({"value": INS[:13] + "00", "oid": "1.2.250.1.213.1.4.8"}, "ins-key"),
            ({"value": INS[:12], "oid": TEST}, "ins-length"),
            ({"value": "٢" * 15, "oid": TEST}, "ins-format"),
            ({"value": INS, "oid": "1.2.3"}, "ins-oid"),
            ({"value": INS, "oid": "1.2.250.1.213.1.4.2"}, "ins-legacy-oid"),
            ({"value": {"$ne": None}, "oid": TEST}, "invalid-request"),
            ({"value": INS}, "invalid-request"),
        ],
    )
    async def test_bad_numbers(self, town: Town, ins: Any, code: str):
        """What is no INS is refused before anything is looked for, and not repeated (security 1 to 8, 44)."""
        answer = await town.oppose(town.code, ins)

        assert problem(answer) == (422, code)
        assert not town.office.tries.rows

    @pytest.mark.parametrize("serial", ["1234567", "12345678901234", "1234567x", "١٢٣٤٥٦٧٨", 12345678])
    async def test_bad_cards(self, town: Town, serial: Any):
        """A card's serial number has 8 to 13 digits."""
        answer = await town.oppose(town.code, card_serial=serial)

        assert problem(answer) == (422, "invalid-request")

    @pytest.mark.parametrize("more", [{"code": "<script>"}, {"code": ""}, {"code": "A" * 33}, {"state": "opposed"}])
    async def test_nothing_is_echoed(self, town: Town, more: dict[str, str]):
        """A refused body is not repeated, and a field that nobody asked for is refused (security 39)."""
        body = {"ins": NUMBER, "card_serial": SERIAL, "code": "CANARY77", **more}
        answer = await town.client.post("/v1/opposition", json=body)

        assert answer.status_code == 422
        for word in ("script", "CANARY77", INS, "A" * 33):
            assert word not in answer.text

    @pytest.mark.parametrize("raw", [b"{", b"\xff\xfe", b'{"code": NaN}', b"[" * 100_000])
    async def test_no_json(self, town: Town, raw: bytes):
        """What is no JSON is refused with a problem (security 51 to 58)."""
        answer = await town.client.post("/v1/opposition", content=raw, headers={"content-type": "application/json"})

        assert answer.status_code in {400, 422}
        assert answer.headers["content-type"] == "application/problem+json"

    async def test_while_the_database_is_away(self, town: Town):
        """What cannot be done now is answered 503 with a time to come back."""

        async def away(work: Any) -> Any:
            raise AutoReconnect("away")

        app = application(town.office)
        app.router.routes.clear()
        app.include_router(
            opposition_doors(Counter(cast("Perform", away), town.office.desk, INDEX_KEY, False), agent=an_agent)
        )
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://r") as client:
            body = {"ins": NUMBER, "card_serial": SERIAL, "code": "AAAA"}
            answer = await client.post("/v1/opposition", json=body)

        assert problem(answer) == (503, "unavailable")
        assert "retry-after" in answer.headers

    async def test_an_unusual_method(self, town: Town):
        """The door answers to POST alone (security 40)."""
        assert (await town.client.get("/v1/opposition")).status_code == 405


class TestAgents:
    """POST /v1/agents/opposition."""

    async def test_by_phone(self, town: Town):
        """A phone agent opposes for a person, and is kept as the actor (F11)."""
        answer = await town.by_phone()

        assert answer.status_code == 200
        made = town.office.oppositions.rows[answer.json()["attestation"]]
        assert (made.actor, made.way) == ("agent-7", "phone")

    @pytest.mark.parametrize("bearer", ["operator", "patient", "none"])
    async def test_agents_only(self, town: Town, bearer: str):
        """Nobody else may."""
        assert (await town.by_phone(bearer=bearer)).status_code == 401
        assert not town.office.oppositions.rows

    @pytest.mark.parametrize(
        ("more", "status", "code"),
        [
            ({"dated": "2022-01-16"}, 422, "date-future"),
            ({"dated": "2022-02-30"}, 422, "invalid-request"),
            ({"dated": "1642204800"}, 422, "invalid-request"),
            ({"channel": "online"}, 422, "invalid-request"),
            ({"ins": NOBODY}, 404, "person-unknown"),
        ],
    )
    async def test_refused(self, town: Town, more: dict[str, Any], status: int, code: str):
        """Days that are none or lie ahead, other channels and unknown people are refused."""
        assert problem(await town.by_phone(**more)) == (status, code)
