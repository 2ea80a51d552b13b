"""Who passes a gate: by kind, by certificate, once or often, and what the issuer alone can say."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI
from pymongo.errors import ServerSelectionTimeoutError

from shared.http.gate import Gate
from shared.http.identity import Kind, Principal
from shared.http.jwks import JwksCache
from shared.http.problems import install
from shared.http.userinfo import UserInfo
from shared.identity import Professional
from simulator.issuer import AUDIENCE, ISSUER, create_app, mint, new_key
from tests.fakes.gate import KnownKeys, KnownProfessionals, SpentInMemory, gate_of

KEY = new_key()
INS = {"value": "255081416802538", "oid": "1.2.250.1.213.1.4.8"}
STRUCTURE = {"id": "1750712184", "name": "HOPITAL"}
CLAIMS: dict[str, dict[str, Any]] = {"patient": {"ins": INS}, "machine": {"structure": STRUCTURE}}
NURSE = Professional("899700366240", "60", given_name="KIT", family_name="INF")
PEM = "-----BEGIN%20CERTIFICATE-----%0A{}%0A-----END%20CERTIFICATE-----%0A"
"""A certificate as nginx escapes it."""
MINE, THUMBPRINT = PEM.format("bXkgY2VydGlmaWNhdGU%3D"), "4AtV17zR4IyTsi88G7NfH1zU7usqLoleNZbRPXSh_NI"
OTHER = PEM.format("b3RoZXI%3D")


def application(gate: Gate) -> FastAPI:
    """Return an application with a door for each kind, and one that two kinds pass."""
    app = FastAPI()
    install(app)

    def door(path: str, *kinds: Kind) -> None:
        @app.api_route(path, methods=["GET", "POST"], dependencies=[Depends(gate.admits(*kinds))])
        async def me(who: Annotated[Principal, Depends(gate.admits(*kinds))]) -> dict[str, Any]:
            return {"sub": who.sub, "profession": who.professional and who.professional.profession}

    for kind in Kind:
        door(f"/{kind}", kind)
    door("/both", Kind.PATIENT, Kind.PROFESSIONAL)
    return app


def client_of(gate: Gate) -> httpx.AsyncClient:
    """Return a client of such an application."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(application(gate)), base_url="http://carnet.invalid")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Give a client; the issuer knows one professional, a nurse."""
    async with client_of(gate_of(KnownKeys(KEY), professionals=KnownProfessionals({"nurse": NURSE}))) as opened:
        yield opened


def bearer(kind: str = "operator", sub: str = "someone", **claims: Any) -> dict[str, str]:
    """Return the header of a caller of this kind."""
    return {"authorization": f"Bearer {mint(KEY, kind=kind, sub=sub, claims={**CLAIMS.get(kind, {}), **claims})}"}


def outcome(answer: httpx.Response) -> tuple[int, str]:
    """Return the status and the problem's code."""
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("door", list(Kind))
async def test_each_kind_has_its_doors(client: httpx.AsyncClient, kind: Kind, door: Kind):
    """A caller passes the doors of the own kind and no others."""
    answer = await client.get(f"/{door}", headers=bearer(kind, "nurse"))

    assert answer.status_code == (200 if kind is door else 403)


async def test_a_door_for_two(client: httpx.AsyncClient):
    """A door may be open to several kinds, and tells which came."""
    found = [(await client.get("/both", headers=bearer(kind, "nurse"))).json() for kind in ("patient", "professional")]

    assert [each["profession"] for each in found] == [None, "60"]
    assert outcome(await client.get("/both", headers=bearer("machine"))) == (403, "other-kind")


async def test_no_profession(client: httpx.AsyncClient):
    """F23: somebody whom the issuer gives no profession has no access."""
    assert outcome(await client.get("/professional", headers=bearer("professional"))) == (403, "profession-missing")


async def test_no_word_on_professionals():
    """F23: where no issuer is named that could say who a professional is, none passes; others do."""
    gate = Gate(
        KnownKeys(KEY), issuer=ISSUER, audience=AUDIENCE, production=False, userinfo=None, spent=SpentInMemory()
    )
    async with client_of(gate) as client:
        assert outcome(await client.get("/professional", headers=bearer("professional"))) == (503, "issuer-unavailable")
        assert (await client.get("/patient", headers=bearer("patient"))).status_code == 200


async def test_roles_of_headers_and_claims(client: httpx.AsyncClient):
    """25: neither headers nor claims of the token's own make a nurse a physician."""
    claimed = {"SubjectRole": ["10^1.2.250.1.213.1.1.5.5"], "profession": "10", "professional": {"profession": "10"}}
    headers = {
        **bearer("professional", "nurse", **claimed),
        "SubjectRole": "10^1.2.250.1.213.1.1.5.5",
        "x-role": "10",
        "x-user": "root",
        "x-forwarded-user": "root",
    }

    assert (await client.get("/professional", headers=headers)).json()["profession"] == "60"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-client-certificate": MINE}, 200),
        ({"x-client-certificate": OTHER}, 401),
        ({}, 401),
        ({"x-client-certificate": ""}, 401),
        ({"x-client-certificate": THUMBPRINT}, 401),
        ({"x-client-certificate": PEM.format("!")}, 401),
        ({"x-client-certificate": PEM.format("abc")}, 401),
    ],
    ids=["own", "another", "none", "empty", "thumbprint", "no base64", "cut base64"],
)
async def test_bound_to_a_certificate(client: httpx.AsyncClient, headers: dict[str, str], status: int):
    """23: a token that is bound to a certificate serves over a connection with that certificate only."""
    bound = bearer("machine", cnf={"x5t#S256": THUMBPRINT})

    answer = await client.get("/machine", headers={**bound, **headers})

    assert answer.status_code == status
    if status == 401:
        assert answer.json()["code"] == "token-certificate"


async def test_two_certificates(client: httpx.AsyncClient):
    """23: a certificate that a client adds to the gateway's own makes none."""
    bound = bearer("machine", cnf={"x5t#S256": THUMBPRINT})
    headers = [*bound.items(), ("x-client-certificate", OTHER), ("x-client-certificate", MINE)]

    assert outcome(await client.get("/machine", headers=headers)) == (401, "token-certificate")


async def test_single_use(client: httpx.AsyncClient):
    """24: a token that serves one change is refused for the second, whatever its door; reading does not spend it."""
    once = bearer("patient", single_use=True)

    assert (await client.get("/patient", headers=once)).status_code == 200
    assert (await client.post("/patient", headers=once)).status_code == 200
    for path in ("/patient", "/both"):
        assert outcome(await client.post(path, headers=once)) == (409, "token-spent")


async def test_many_uses(client: httpx.AsyncClient):
    """24: an ordinary access token serves many changes: its jti names the token, not the call (RFC 9068 §2.2)."""
    often = bearer("patient")

    assert [(await client.post("/patient", headers=often)).status_code for _ in range(3)] == [200, 200, 200]


async def test_not_spent_by_a_refusal(client: httpx.AsyncClient):
    """24: a door that stays shut does not spend the token."""
    once = bearer("patient", single_use=True)

    assert (await client.post("/machine", headers=once)).status_code == 403
    assert (await client.post("/patient", headers=once)).status_code == 200


async def test_spent_where_nobody_remembers():
    """24: if it cannot be written down that a token was used, it is not used."""

    class Down:
        async def spend(self, token: str, until: datetime) -> bool:
            raise ServerSelectionTimeoutError

    gate = Gate(KnownKeys(KEY), issuer=ISSUER, audience=AUDIENCE, production=False, userinfo=None, spent=Down())
    async with client_of(gate) as client:
        answer = await client.post("/patient", headers=bearer("patient", single_use=True))

    assert outcome(answer) == (503, "unavailable")
    assert answer.headers["retry-after"] == "5"


async def test_a_moved_clock_moves_no_token():
    """18: a token is judged by the machine's clock, whatever time the installation believes it is."""
    async with client_of(gate_of(KnownKeys(KEY))) as client:
        token = mint(KEY, kind="operator", sub="o", now=datetime.now(UTC) + timedelta(days=30))
        answer = await client.get("/operator", headers={"authorization": f"Bearer {token}"})

    assert outcome(answer) == (401, "token-not-yet")


async def test_two_authorizations(client: httpx.AsyncClient):
    """28: two Authorization headers are refused before either is looked at."""
    headers = [*bearer("patient").items(), ("authorization", "Bearer x")]

    assert outcome(await client.get("/patient", headers=headers)) == (400, "authorization-repeated")


class TestWithTheIssuer:
    """The gate and the development issuer, over HTTP in memory."""

    @pytest.fixture
    async def issuer(self) -> AsyncIterator[httpx.AsyncClient]:
        """Give a client of the issuer."""
        transport = httpx.ASGITransport(create_app(new_key()))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client

    @pytest.fixture
    async def service(self, issuer: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
        """Give a client of a service that trusts that issuer."""
        transport = issuer._transport
        jwks = JwksCache("http://localhost/jwks", transport=transport)
        userinfo = UserInfo("http://localhost/userinfo", production=False, transport=transport)
        gate = Gate(jwks, issuer=ISSUER, audience=AUDIENCE, production=False, userinfo=userinfo, spent=SpentInMemory())
        async with client_of(gate) as client:
            yield client

    @pytest.mark.parametrize(
        "wanted",
        [
            {"kind": "patient", "ins": INS},
            {"kind": "machine", "structure": STRUCTURE},
            {"kind": "professional"},
            {"kind": "professional", "professional": {"profession": "21", "national_id": "899700024450"}},
            {"kind": "operator"},
            {"kind": "phone-agent"},
        ],
    )
    async def test_passes(self, issuer: httpx.AsyncClient, service: httpx.AsyncClient, wanted: dict[str, Any]):
        """Whoever the issuer calls somebody passes that one's doors."""
        answer = await service.get(f"/{wanted['kind']}", headers=await asked(issuer, **wanted))

        assert answer.status_code == 200

    async def test_rotated(self, issuer: httpx.AsyncClient, service: httpx.AsyncClient):
        """27: a token under a key that is newer than what the service knows passes, and so does one of before."""
        before = await asked(issuer, kind="operator")
        assert (await service.get("/operator", headers=before)).status_code == 200

        await issuer.post("/rotate")
        after = await asked(issuer, kind="operator")

        assert [(await service.get("/operator", headers=each)).status_code for each in (after, before)] == [200, 200]

    async def test_userinfo_down(self, issuer: httpx.AsyncClient, service: httpx.AsyncClient):
        """F23: without the issuer's word a professional is told to come back; one it gave before still counts."""
        known = await asked(issuer, kind="professional", sub="first")
        assert (await service.get("/professional", headers=known)).status_code == 200

        await issuer.post("/outage", json={"doors": ["userinfo"]})
        unknown = await asked(issuer, kind="professional", sub="second")

        assert outcome(await service.get("/professional", headers=unknown)) == (503, "issuer-unavailable")
        assert (await service.get("/professional", headers=known)).status_code == 200

    async def test_no_profession(self, issuer: httpx.AsyncClient, service: httpx.AsyncClient):
        """F23: an account without a profession passes nowhere."""
        nobody = await asked(issuer, kind="professional", professional={"profession": None})

        assert outcome(await service.get("/professional", headers=nobody)) == (403, "profession-missing")

    async def test_patients_need_a_number(self, issuer: httpx.AsyncClient):
        """The issuer gives no token that every door would refuse."""
        assert (await issuer.post("/token", json={"kind": "patient", "sub": "p"})).status_code == 422
        assert (await issuer.post("/token", json={"kind": "machine", "sub": "m"})).status_code == 422


async def asked(issuer: httpx.AsyncClient, **wanted: Any) -> dict[str, str]:
    """Return the header with a token that the issuer gave."""
    given = (await issuer.post("/token", json={"sub": "someone", **wanted})).json()
    return {"authorization": f"Bearer {given['access_token']}"}
