"""The gateway's doors: which path leads to whom, over which TLS, and what a service gets to see."""

import ssl
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote, unquote

import httpx
import pytest

from deploy.local import gateway
from deploy.local.certificates import ensure_authority, ensure_certificate
from tests.integration.deploy.gateways import Gateway, is_problem

pytestmark = pytest.mark.integration

CERTIFICATE = "x-client-certificate"


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/v1/documents", "ingest"),
        ("/v1/documents/abc", "ingest"),
        ("/v1/deposits/abc", "ingest"),
        ("/v1/records/me/documents/abc/content", "records"),
        ("/v1/records/search", "records"),
        ("/v1/opposition", "records"),
        ("/v1/activation", "records"),
        ("/v1/codes", "records"),
        ("/v1/agents/opposition", "records"),
        ("/v1/accesses", "audit"),
        ("/v1/accesses/7/receipt", "audit"),
        ("/fhir/AuditEvent", "audit"),
        ("/checkpoint", "audit"),
        ("/tile/0/x001/067.p/3", "audit"),
        ("/v1/proofs/inclusion", "audit"),
        ("/v1/notices/abc", "notifications"),
        ("/v1/preferences", "notifications"),
    ],
)
async def test_a_path_leads_to_its_service(running: Gateway, path: str, owner: str) -> None:
    """Each public path is answered by the service that owns it, the query untouched (design §5)."""
    async with running.client() as client:
        told = (await client.post(f"{path}?after=a%2Bb&limit=20", json={})).json()
    assert (told["service"], told["path"], told["query"]) == (owner, path, "after=a%2Bb&limit=20")


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/recordsx", "/readyz", "/metrics", "/ops/records/messaging"])
async def test_what_is_not_public_is_nowhere(running: Gateway, path: str) -> None:
    """Health, metrics and operators' doors of the services cannot be reached from outside."""
    async with running.client() as client:
        assert is_problem(await client.get(path), 404)


async def test_operators_have_a_door_of_their_own(running: Gateway) -> None:
    """The operators' listener leads to each service's /ops and to nothing of /v1."""
    async with running.client(gateway.OPERATORS) as client:
        for name in gateway.SERVICES:
            told = (await client.get(f"/ops/{name}/messaging/events?limit=1")).json()
            assert (told["service"], told["path"], told["query"]) == (name, "/ops/messaging/events", "limit=1")
        for path in ("/v1/records/me", "/ops/messaging", "/ops/vault/keys", "/ops/records", "/metrics", "/readyz"):
            assert is_problem(await client.get(path), 404)


@pytest.mark.parametrize("listener", [gateway.NAME, gateway.OPERATORS])
@pytest.mark.parametrize(
    "path",
    ["/metrics", "/metrics/", "/ops/records/metrics", "/ops/records/../../metrics", "/ops/records/%2e%2e/metrics"],
)
async def test_metrics_are_for_the_inside(running: Gateway, listener: str, path: str) -> None:
    """However it is written, nothing at either listener leads to a service's /metrics."""
    async with running.client(listener) as client:
        answer = await client.get(path)
    assert answer.status_code == 404 or answer.json()["path"] == "/ops/metrics"


async def test_what_a_client_says_of_itself_is_dropped(running: Gateway) -> None:
    """Identity headers of a client never reach a service; the gateway's own do (ASVS 4.1.3)."""
    claims = {
        **dict.fromkeys(("x-forwarded-for", "x-real-ip", "x-user", "x-request-id", "forwarded", "x-rpps"), "6.6.6.6"),
        **dict.fromkeys(("x-forwarded-proto", "x-forwarded-host", "x-http-method-override", CERTIFICATE), "stranger"),
        "cookie": "stranger",
        "authorization": "Bearer abc",
        "prefer": "respond-async",
        "if-none-match": '"e"',
    }
    async with running.client() as client:
        told = (await client.get("/v1/records/me", headers=claims)).json()
    names = [name for name, _ in told["headers"]]
    headers = dict(told["headers"])
    assert len(names) == len(set(names))
    assert not {value for value in headers.values() if "6.6.6.6" in value or "stranger" in value}
    assert (headers["authorization"], headers["prefer"], headers["if-none-match"]) == (
        "Bearer abc",
        "respond-async",
        '"e"',
    )
    assert (headers["x-forwarded-for"], headers["x-forwarded-proto"]) == ("127.0.0.1", "https")
    assert len(headers["x-request-id"]) == 32
    assert CERTIFICATE not in headers


async def test_a_certificate_is_handed_on(running: Gateway) -> None:
    """A client certificate of this authority reaches the service, which compares it with the token (RFC 8705)."""
    mine = ensure_certificate(running.home, "clinic")
    trust = running.trust()
    trust.load_cert_chain(mine.certificate, mine.key)
    forged = {CERTIFICATE: quote(ensure_authority(running.home).certificate.read_text())}
    async with running.client(trust=trust, headers=forged) as client:
        told = (await client.get("/v1/records/me")).json()
    assert unquote(dict(told["headers"])[CERTIFICATE]) == mine.certificate.read_text()


async def test_a_stranger_s_certificate_is_refused(running: Gateway, tmp_path: Path) -> None:
    """A client certificate of another authority gets no further than the gateway."""
    theirs = ensure_certificate(tmp_path, "clinic")
    trust = running.trust()
    trust.load_cert_chain(theirs.certificate, theirs.key)
    async with running.client(trust=trust) as client:
        assert is_problem(await client.get("/v1/records/me"), 400)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_current_tls_is_spoken(running: Gateway, version: ssl.TLSVersion) -> None:
    """TLS 1.2 and 1.3 are spoken, with the certificate of this clone's authority and for this machine's names."""
    trust = running.trust()
    trust.minimum_version = trust.maximum_version = version
    async with running.client(trust=trust) as client:
        answer = await client.get(f"https://localhost:{running.ports[gateway.NAME]}/v1/records/me")
    assert answer.status_code == HTTPStatus.OK
    assert "max-age" in answer.headers["strict-transport-security"]


async def test_old_tls_is_not_spoken(running: Gateway) -> None:
    """TLS 1.1 gets no connection."""
    trust = running.trust()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        trust.minimum_version = trust.maximum_version = ssl.TLSVersion.TLSv1_1
    trust.set_ciphers("ALL:@SECLEVEL=0")
    async with running.client(trust=trust) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("/v1/records/me")


async def test_plain_http_is_a_problem(running: Gateway) -> None:
    """Whoever speaks plain HTTP to the TLS port is told so as problem details."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{running.ports[gateway.NAME]}/v1/records/me")
    assert is_problem(answer, 400)
