"""What is believed of a UserInfo answer, and what becomes of a bad one."""

import asyncio
import json
from collections.abc import Callable
from time import time
from typing import Any

import httpx
import pytest

from shared.http.identity import TokenError
from shared.http.professionals import NoProfessionalError, UserInfoUnavailableError
from shared.http.userinfo import MAX_KNOWN, UserInfo
from shared.identity import Professional
from simulator.professionals import ProfessionalIn, userinfo

SUB = "f:550dc1c8:899700366240"
GOOD = userinfo(SUB, ProfessionalIn())
ANY = "any"
LATER = int(time()) + 600


class Hand:
    """A clock moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


class Issuer:
    """An issuer whose next answers are decided by the test."""

    def __init__(self, answer: Any = GOOD, *, production: bool = False) -> None:
        self.answer: Callable[[], httpx.Response] = lambda: httpx.Response(200, json=answer)
        self.tokens: list[str] = []
        self.clock = Hand()
        self.source = UserInfo(
            "https://issuer.invalid/userinfo",
            production=production,
            transport=httpx.MockTransport(self.handle),
            clock=self.clock,
        )

    async def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        self.tokens.append(request.headers["authorization"])
        await asyncio.sleep(0)
        return self.answer()

    async def ask(self, token: str = ANY, *, sub: str = SUB, expires: int = LATER) -> Professional:
        """Ask as a gate does."""
        return await self.source.professional(token, sub=sub, expires=expires)


def fails() -> httpx.Response:
    """Break the connection."""
    raise httpx.ConnectError("refused")


async def test_test_physician():
    """F23: the fields of ANS's own test physician become a professional."""
    assert await Issuer().ask() == Professional(
        national_id="899700366240",
        profession="10",
        given_name="KIT",
        family_name="DOC0036624",
        organisation_id="R95141",
        organisation="CABINET M DOC0036624",
        sector="SA07",
    )


async def test_speciality():
    """A physician's know-how stands beside the profession."""
    found = await Issuer(userinfo(SUB, ProfessionalIn(speciality="SM26"))).ask()

    assert (found.profession, found.speciality) == ("10", "SM26")


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no roles": ({"SubjectRole": []}, "profession-missing"),
    "roles missing": ({"SubjectRole": None}, "profession-missing"),
    "roles a text": ({"SubjectRole": "10^1.2.250.1.213.1.1.5.5"}, "profession-missing"),
    "a role of another system": ({"SubjectRole": ["10^1.2.3"]}, "profession-missing"),
    "a role without system": ({"SubjectRole": ["10"]}, "profession-missing"),
    "a role too long": ({"SubjectRole": ["100^1.2.250.1.213.1.1.5.5"]}, "profession-missing"),
    "roles not texts": ({"SubjectRole": [10, {"$ne": None}]}, "profession-missing"),
    "too many roles": ({"SubjectRole": ["10^1.2.250.1.213.1.1.5.5"] * 33}, "profession-missing"),
    "a role in other digits": ({"SubjectRole": ["\u0661\u0660^1.2.250.1.213.1.1.5.5"]}, "profession-missing"),
    "two professions": (
        {"SubjectRole": ["10^1.2.250.1.213.1.1.5.5", "21^1.2.250.1.213.1.1.5.5"]},
        "profession-several",
    ),
    "no national id": ({"SubjectNameID": None}, "professional-id"),
    "an unknown kind of id": ({"SubjectNameID": "299700366240"}, "professional-id"),
    "a short RPPS": ({"SubjectNameID": "8997003"}, "professional-id"),
    "an id of other digits": ({"SubjectNameID": "8\u0669\u0669700366240"}, "professional-id"),
    "an id with a line break": ({"SubjectNameID": "0123\n"}, "professional-id"),
}


@pytest.mark.parametrize(("changed", "code"), BAD.values(), ids=BAD)
async def test_no_professional(changed: dict[str, Any], code: str):
    """F23: who has no national id or not one profession is nobody who may act as a professional."""
    with pytest.raises(NoProfessionalError) as caught:
        await Issuer({**GOOD, **changed}).ask()

    assert caught.value.code == code


async def test_one_profession_twice():
    """Two practices of one profession are one profession."""
    assert (await Issuer({**GOOD, "SubjectRole": GOOD["SubjectRole"] * 2}).ask()).profession == "10"


async def test_check_digits():
    """F22: in production the check digit of an RPPS holds; the numbers of ANS's samples pass elsewhere."""
    sample = {**GOOD, "SubjectNameID": "801234534765"}

    assert (await Issuer(sample).ask()).national_id == "801234534765"
    with pytest.raises(NoProfessionalError):
        await Issuer(sample, production=True).ask()


async def test_older_numbers():
    """An ADELI number, which some professions still have, is taken as it is."""
    assert (await Issuer({**GOOD, "SubjectNameID": "0759912345"}).ask()).national_id == "0759912345"


@pytest.mark.parametrize("field", ["SubjectOrganization", "SubjectOrganizationID", "Secteur_Activite"])
@pytest.mark.parametrize("value", [None, "", 7, ["x"], "a\r\nb"])
async def test_nice_to_have(field: str, value: Any):
    """A place of work that is absent or no text is none; the professional is one all the same."""
    found = await Issuer({**GOOD, field: value}).ask()

    assert None in (found.organisation, found.organisation_id, found.sector)


async def test_about_somebody_else():
    """21: UserInfo that speaks of another subject than the token is not believed."""
    with pytest.raises(TokenError, match="userinfo-subject"):
        await Issuer().ask(sub="f:550dc1c8:899700024450")


@pytest.mark.parametrize("status", [401, 403])
async def test_revoked(status: int):
    """A token that the issuer no longer knows is refused, though its signature holds; it is asked once."""
    issuer = Issuer()
    issuer.answer = lambda: httpx.Response(status)

    for _ in range(2):
        with pytest.raises(TokenError, match="token-revoked"):
            await issuer.ask()
    assert len(issuer.tokens) == 1


@pytest.mark.parametrize(
    "answer",
    [
        fails,
        lambda: httpx.Response(500),
        lambda: httpx.Response(302, headers={"location": "https://evil.invalid/"}),
        lambda: httpx.Response(200, text="<html>"),
        lambda: httpx.Response(200, json=[GOOD]),
        lambda: httpx.Response(200, content=b"[" * 5000),
        lambda: httpx.Response(200, content=b" " * 65_537 + json.dumps(GOOD).encode()),
        lambda: httpx.Response(200, json=GOOD, headers={"content-encoding": "br"}),
    ],
    ids=["down", "failing", "redirect", "html", "list", "deep", "large", "compressed"],
)
async def test_unavailable(answer: Callable[[], httpx.Response]):
    """26: anything but a small JSON object is an outage, which is not remembered as the caller's fault."""
    issuer = Issuer()
    good, issuer.answer = issuer.answer, answer

    with pytest.raises(UserInfoUnavailableError):
        await issuer.ask()
    issuer.clock.now, issuer.answer = 2, good
    assert await issuer.ask()


async def test_cool_down():
    """An issuer that does not answer is asked once a second, not once a request."""
    issuer = Issuer()
    issuer.answer = fails

    for number in range(20):
        with pytest.raises(UserInfoUnavailableError):
            await issuer.ask(f"t{number}")
    assert len(issuer.tokens) == 1


async def test_single_flight():
    """A hundred requests with one token cause one question, with that token."""
    issuer = Issuer()

    await asyncio.gather(*(issuer.ask("mine") for _ in range(100)))

    assert issuer.tokens == ["Bearer mine"]


async def test_each_token_by_itself():
    """What was said of one token says nothing of another."""
    issuer = Issuer()

    await issuer.ask("mine")
    with pytest.raises(TokenError):
        await issuer.ask("other", sub="somebody else")
    assert len(issuer.tokens) == 2


async def test_a_caller_who_hangs_up():
    """A caller who hangs up takes the answer from nobody else."""
    issuer = Issuer()
    first, second = (asyncio.create_task(issuer.ask()) for _ in range(2))
    await asyncio.sleep(0)

    first.cancel()

    assert (await second).profession == "10"


async def test_bounded(monkeypatch: pytest.MonkeyPatch):
    """What is kept at hand is bounded, and goes when its token ends."""
    monkeypatch.setattr("shared.http.userinfo.MAX_KNOWN", 3)
    issuer = Issuer()

    for number in range(5):
        await issuer.ask(f"t{number}")
    await issuer.ask("t4")
    assert len(issuer.tokens) == 5
    await issuer.ask("t0")
    assert len(issuer.tokens) == 6

    ended = Issuer()
    await ended.ask("old", expires=int(time()) - 1)
    await ended.ask("new")
    assert len(ended.source._known) == 1
    assert MAX_KNOWN <= 10_000
