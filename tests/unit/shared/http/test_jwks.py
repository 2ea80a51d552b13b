"""The key set under a bad issuer: down, slow, rotated, enormous."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from shared.http.jwks import JwksCache, JwksUnavailableError, UnknownKidError, parse
from simulator.issuer import new_key, public_keys

FIRST, SECOND = new_key(), new_key()
FIRST_ID, SECOND_ID = str(FIRST.kid), str(SECOND.kid)


class Hand:
    """A clock moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


class Issuer:
    """An issuer whose next answers are decided by the test."""

    def __init__(self) -> None:
        self.answer: Callable[[], httpx.Response] = lambda: keys(FIRST)
        self.asked = 0
        self.clock = Hand()
        transport = httpx.MockTransport(self.handle)
        self.cache = JwksCache("http://issuer.invalid/jwks", transport=transport, clock=self.clock)

    async def handle(self, _request: httpx.Request) -> httpx.Response:
        """Answer."""
        self.asked += 1
        await asyncio.sleep(0)
        return self.answer()


def keys(*listed: ECKey) -> httpx.Response:
    """Return the answer of an issuer with these keys."""
    return httpx.Response(200, json={"keys": [public_keys(key)["keys"][0] for key in listed]})


def fails() -> httpx.Response:
    """Break the connection."""
    raise httpx.ConnectError("refused")


async def test_one_fetch_for_300_seconds():
    """Keys serve 300 s without a new look."""
    issuer = Issuer()

    for issuer.clock.now in (0, 100, 299):
        await issuer.cache.key(FIRST_ID)
    assert issuer.asked == 1
    issuer.clock.now = 300
    await issuer.cache.key(FIRST_ID)
    assert issuer.asked == 2


async def test_single_flight():
    """A hundred callers at once cause one fetch, and all are served."""
    issuer = Issuer()

    found = await asyncio.gather(*(issuer.cache.key(FIRST_ID) for _ in range(100)))

    assert issuer.asked == 1
    assert {key.kid for key in found} == {FIRST_ID}


async def test_rotation():
    """27: after a rotation the first token under the new key causes one fetch, then passes; so do its neighbours."""
    issuer = Issuer()
    await issuer.cache.key(FIRST_ID)
    issuer.answer = lambda: keys(FIRST, SECOND)

    found = await asyncio.gather(*(issuer.cache.key(SECOND_ID) for _ in range(10)))

    assert {key.kid for key in found} == {SECOND_ID}
    assert issuer.asked == 2


async def test_unknown_kids_are_cooled_down():
    """15: a flood of invented key ids causes one fetch per 30 s."""
    issuer = Issuer()
    await issuer.cache.key(FIRST_ID)

    for issuer.clock.now in range(60):
        with pytest.raises(UnknownKidError):
            await issuer.cache.key(f"invented-{issuer.clock.now}")

    assert issuer.asked == 3


async def test_first_look_is_not_repeated():
    """An unknown key id at the first look causes no second one."""
    issuer = Issuer()

    with pytest.raises(UnknownKidError):
        await issuer.cache.key("invented")

    assert issuer.asked == 1


async def test_stale_while_down():
    """26: while the issuer is down its keys serve up to an hour, with a look each 30 s, then nobody is let in."""
    issuer = Issuer()
    await issuer.cache.key(FIRST_ID)
    issuer.answer = fails

    for issuer.clock.now in range(300, 3601, 10):
        await issuer.cache.key(FIRST_ID)
    assert issuer.asked == 1 + 111
    issuer.clock.now = 3601
    with pytest.raises(JwksUnavailableError):
        await issuer.cache.key(FIRST_ID)
    issuer.answer = lambda: keys(FIRST)
    issuer.clock.now = 3640
    await issuer.cache.key(FIRST_ID)


async def test_never_reached():
    """A service that starts before its issuer answers 503, looks again each second and recovers."""
    issuer = Issuer()
    issuer.answer = fails
    with pytest.raises(JwksUnavailableError):
        await issuer.cache.key(FIRST_ID)

    issuer.answer = lambda: keys(FIRST)
    issuer.clock.now = 1
    assert (await issuer.cache.key(FIRST_ID)).alg == "ES256"


GOOD = json.dumps(public_keys(FIRST)).encode()
REFUSED: dict[str, Callable[[], httpx.Response]] = {
    "redirect": lambda: httpx.Response(302, headers={"location": "http://evil.invalid/jwks"}),
    "error": lambda: httpx.Response(500, content=GOOD),
    "HTML": lambda: httpx.Response(200, html="<html>"),
    "64 kB and one byte": lambda: httpx.Response(200, content=GOOD + b" " * (65_537 - len(GOOD))),
    "compressed": lambda: httpx.Response(200, content=b"", headers={"content-encoding": "gzip"}),
    "10,000 keys": lambda: httpx.Response(200, json={"keys": [{}] * 10_000}),
    "17 keys": lambda: keys(*[FIRST] * 17),
    "no keys": keys,
    "two keys of one id": lambda: keys(FIRST, FIRST),
    "a list": lambda: httpx.Response(200, json=[]),
    "keys a map": lambda: httpx.Response(200, json={"keys": {}}),
}


@pytest.mark.parametrize("answer", REFUSED.values(), ids=REFUSED)
async def test_refused_answers(answer: Callable[[], httpx.Response]):
    """26: an answer that is no small, plain key set is refused, and the keys at hand go on serving."""
    issuer = Issuer()
    await issuer.cache.key(FIRST_ID)
    issuer.answer = answer
    issuer.clock.now = 300

    await issuer.cache.key(FIRST_ID)

    assert issuer.asked == 2
    empty = Issuer()
    empty.answer = answer
    with pytest.raises(JwksUnavailableError):
        await empty.cache.key(FIRST_ID)


def entry(**changes: Any) -> dict[str, Any]:
    """Return a good key of a key set, but for what the test changes; None leaves out."""
    changed = {**public_keys(FIRST)["keys"][0], **changes}
    return {name: value for name, value in changed.items() if value is not None}


UNUSABLE: dict[str, Any] = {
    "no kid": entry(kid=None),
    "no alg": entry(alg=None),
    "symmetric": {"kty": "oct", "kid": "s", "alg": "HS256", "k": "c2VjcmV0"},
    "alg of another type": entry(alg="RS256"),
    "alg none": entry(alg="none"),
    "for encryption": entry(use="enc"),
    "private": FIRST.as_dict(private=True),
    "another curve": ECKey.generate_key("P-384", {"alg": "ES256", "kid": "c"}).as_dict(private=False),
    "point not on the curve": entry(x=entry()["y"]),
    "weak RSA": {"kty": "RSA", "kid": "r", "alg": "RS256", "e": "AQAB", "n": "_" * 171 + "w"},
    "post-quantum": {"kty": "AKP", "kid": "q", "alg": "ML-DSA-44", "pub": "AA"},
    "text": "key",
}


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("unusable", UNUSABLE.values(), ids=UNUSABLE)
def test_unusable_keys_are_skipped(unusable: Any):
    """A key that names no fitting asymmetric algorithm is skipped; its neighbours serve (RFC 7517 §5)."""
    body = json.dumps({"keys": [unusable, public_keys(SECOND)["keys"][0]]}).encode()

    assert list(parse(body)) == [SECOND_ID]
