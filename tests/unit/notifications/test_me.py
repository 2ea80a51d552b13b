"""A person's own doors: what was sent to them, and by which ways they want to be told."""

from collections.abc import AsyncIterator
from datetime import date

import httpx
import pytest
from fastapi import FastAPI, Request

from services.notifications.api.me import Me, patient_doors
from services.notifications.domain.notice import NoticeState, by_post, sent
from services.notifications.domain.policy import Policy
from shared.http import problems
from shared.http.identity import Kind, Principal
from shared.http.problems import Problem
from shared.identity import blind_index, parse_ins
from shared.identity.ins import TEST
from shared.identity.record_id import RecordId
from tests.fakes.ingest import INS, OTHER_INS
from tests.unit.notifications.office import NOON, Office

INDEX_KEY = b"\x07" * 32


async def _patient(request: Request) -> Principal:
    """Let whoever names an INS pass as that person."""
    named = request.headers.get("authorization")
    if named is None:
        raise Problem(401, "token-missing")
    return Principal(
        "zoe", Kind.PATIENT, frozenset(), ins=parse_ins(named, TEST, production=False) if named != "none" else None
    )


class Home:
    """A person's doors, and the record behind them."""

    def __init__(self, client: httpx.AsyncClient, office: Office, record: str) -> None:
        self.client, self.office, self.record = client, office, record

    async def get(self, door: str, ins: str = INS) -> httpx.Response:
        """Look at one's own."""
        return await self.client.get(door, headers={"authorization": ins})

    async def prefer(self, by_email: object, seen: str | None = '"0"', **more: object) -> httpx.Response:
        """Say what one wants."""
        headers = {"authorization": INS} | ({} if seen is None else {"if-match": seen})
        return await self.client.put("/v1/preferences", json={"by_email": by_email, **more}, headers=headers)


@pytest.fixture
async def home() -> AsyncIterator[Home]:
    """Give the doors of one registered person who has an e-mail address."""
    office = Office(Policy.DECREE)
    record = await office.register(email="zoe@example.org")
    office.vault.subjects[blind_index(INDEX_KEY, parse_ins(INS, TEST, production=False))] = RecordId(record)
    app = FastAPI()
    problems.install(app)
    me = Me(office.notices, office.preferences, office.vault, INDEX_KEY, office.perform)
    app.include_router(patient_doors(me, _patient))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://notifications") as client:
        yield Home(client, office, record)


class TestNotices:
    """GET /v1/notices."""

    async def test_ones_own(self, home: Home):
        """A person sees channel, day and last day to oppose of each own notice, nobody else's, and never the code."""
        await home.office.request(home.record)
        await home.office.person(email="other@example.org")
        await home.office.mail()

        answer = await home.get("/v1/notices")

        assert answer.json() == {
            "notices": [
                {
                    "aim": "opening",
                    "state": "sent",
                    "channel": "email",
                    "sent_on": "2026-11-20",
                    "last_day": "2027-01-01",
                }
            ]
        }
        assert answer.headers["cache-control"] == "no-store"
        assert "ACDE" not in answer.text

    async def test_an_e_mail_that_bounced_begins_no_delay(self, home: Home):
        """A notice that goes on by post shows no sending and no last day until the letter is posted (F05)."""
        name = await home.office.request(home.record)
        before = home.office.notices.rows[name]
        mailed = sent(before, "email", date(2026, 11, 20), date(2027, 1, 1))
        home.office.notices.rows[name] = by_post(mailed, "bounced", NOON)

        (shown,) = (await home.get("/v1/notices")).json()["notices"]

        assert (shown["state"], shown["channel"], shown["sent_on"], shown["last_day"]) == (
            "to-send",
            "post",
            None,
            None,
        )

    async def test_every_state_can_be_shown(self, home: Home):
        """Whatever became of a notice, its person may see it."""
        name = await home.office.request(home.record)
        for state in NoticeState:
            row = home.office.notices.rows[name]
            home.office.notices.rows[name] = type(row)(row.id, row.record, row.box, row.due, state=state)
            assert (await home.get("/v1/notices")).status_code == 200

    @pytest.mark.parametrize(("ins", "status"), [(OTHER_INS, 404), ("none", 403)])
    async def test_of_nobody(self, home: Home, ins: str, status: int):
        """Who is not registered has no notices, and a token without a number opens nothing."""
        assert (await home.get("/v1/notices", ins)).status_code == status

    async def test_without_a_token(self, home: Home):
        """The doors are shut to whoever shows no token."""
        for door in ("/v1/notices", "/v1/preferences"):
            assert (await home.client.get(door)).status_code == 401


class TestPreferences:
    """GET and PUT /v1/preferences."""

    async def test_by_email_unless_declined(self, home: Home):
        """E-mail is the first way until a person declines it; then the notice is a letter (F05)."""
        seen = await home.get("/v1/preferences")
        assert (seen.json(), seen.headers["etag"]) == ({"by_email": True}, '"0"')

        changed = await home.prefer(by_email=False)

        assert (changed.status_code, changed.json(), changed.headers["etag"]) == (200, {"by_email": False}, '"1"')
        name = await home.office.request(home.record)
        await home.office.mail()
        assert not home.office.postman.mails
        notice = home.office.notices.rows[name]
        assert (notice.channel, notice.reason) == ("post", "email-declined")

    async def test_a_change_unseen(self, home: Home):
        """Who changes what somebody changed meanwhile is told so, and the same wish again is no change."""
        await home.prefer(by_email=False)

        assert (await home.prefer(by_email=True)).status_code == 412
        again = await home.prefer(by_email=False)
        assert (again.status_code, again.headers["etag"]) == (200, '"1"')
        assert (await home.prefer(by_email=True, seen='"1"')).headers["etag"] == '"2"'

    async def test_without_having_looked(self, home: Home):
        """A change names what was seen (RFC 6585)."""
        assert (await home.prefer(by_email=False, seen=None)).status_code == 428

    @pytest.mark.parametrize("value", ["no", 0, None, {"$ne": True}])
    async def test_bad_wishes(self, home: Home, value: object):
        """Only yes or no is a wish, and nothing else stands beside it (security 39)."""
        assert (await home.prefer(value)).status_code == 422
        assert (await home.prefer(by_email=True, record="x")).status_code == 422
        assert not home.office.preferences.rows
