"""The doors of another code, of activation and of the campaign's numbers."""

import json

from services.records.domain.account import AccountState
from tests.unit.records.town import NOBODY, NUMBER, SERIAL, Town, problem


class TestCodes:
    """POST /v1/codes."""

    async def test_it_tells_nothing(self, town: Town):
        """Whether anybody is known by a number does not show, neither at once nor when asked too soon (F07)."""
        answers = []
        for ins in (NUMBER, NOBODY):
            for _ in range(2):
                body = {"ins": ins, "card_serial": SERIAL}
                answers.append(await town.client.post("/v1/codes", json=body))

        assert [answer.status_code for answer in answers] == [202, 429, 202, 429]
        assert answers[0].content == answers[2].content
        assert answers[1].content == answers[3].content
        assert answers[1].headers["retry-after"] == answers[3].headers["retry-after"] == "30"
        assert problem(answers[1]) == (429, "code-too-soon")


class TestActivation:
    """POST /v1/activation."""

    async def test_at_once(self, town: Town):
        """The record is open at once; the same again answers the same (F10)."""
        answer = await town.activate(town.code)

        assert (answer.status_code, answer.json()["state"]) == (200, "activated")
        assert (await town.activate(town.code)).json() == answer.json()
        assert town.office.state(town.record) is AccountState.ACTIVATED


class TestCampaign:
    """GET /ops/campaign."""

    async def test_the_numbers(self, town: Town):
        """An operator sees phase, policy, states and deadlines, and no person."""
        await town.office.register("bob")

        answer = await town.client.get("/ops/campaign", headers={"authorization": "Bearer operator"})

        assert answer.json() == {
            "phase": "national",
            "policy": "seed",
            "accounts": {"notified": 1, "not-eligible": 1},
            "notices": {"running": 1},
            "returned": {},
            "deadlines": {"2022-02-25": 1},
            "failing": 0,
        }
        assert town.record not in json.dumps(answer.json())

    async def test_operators_only(self, town: Town):
        """Nobody else does."""
        assert (await town.client.get("/ops/campaign")).status_code == 401
