"""Tokens made by people who wish us ill, one row each, and what becomes of them."""

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from joserfc.jws import JWSRegistry

from shared.http.identity import TokenError
from simulator.issuer import AUDIENCE, ISSUER, new_key
from tests.fakes.gate import KnownKeys
from tests.unit.shared.http.forge import (
    INS,
    KEY,
    NOW,
    SECOND,
    STRUCTURE,
    b64,
    machine,
    part,
    patient,
    rewritten,
    token,
    verify,
)

STRANGER = new_key()


def confused() -> str:
    """Return a token signed HS256 with the public key's own PEM for a secret."""
    head = b64({"alg": "HS256", "typ": "at+jwt", "kid": KEY.kid})
    body = token().split(".")[1]
    secret = KEY.as_pem(private=False)
    return f"{head}.{body}.{b64(hmac.digest(secret, f'{head}.{body}'.encode(), hashlib.sha256))}"


def raw_header(text: bytes) -> str:
    """Return a token with these bytes for a header."""
    return rewritten(header=text)


HOSTILE: dict[str, tuple[Callable[[], str], str]] = {
    "13 alg none": (lambda: rewritten(header={"alg": "none", "typ": "at+jwt", "kid": KEY.kid}), "token-alg"),
    "13 alg NONE": (lambda: rewritten(header={"alg": "NONE", "typ": "at+jwt", "kid": KEY.kid}), "token-alg"),
    "13 alg none unsigned": (
        lambda: rewritten(header={"alg": "none", "typ": "at+jwt", "kid": KEY.kid}, signature=""),
        "token-alg",
    ),
    "14 HS256 with the public key": (confused, "token-alg"),
    "14 another algorithm": (
        lambda: rewritten(header={"alg": "RS256", "typ": "at+jwt", "kid": KEY.kid}),
        "token-alg",
    ),
    "15 no kid": (lambda: rewritten(header={"alg": "ES256", "typ": "at+jwt"}), "token-kid"),
    "15 unknown kid": (lambda: token(header={"kid": "unknown"}), "token-kid"),
    "15 kid a path": (lambda: token(header={"kid": "../../key"}), "token-kid"),
    "15 kid not a string": (
        lambda: rewritten(header={"alg": "ES256", "typ": "at+jwt", "kid": 1}),
        "token-kid",
    ),
    "15 kid long": (lambda: token(header={"kid": "k" * 200}), "token-kid"),
    "15 kid of 1 MB": (
        lambda: rewritten(header={"alg": "ES256", "typ": "at+jwt", "kid": "k" * 1_000_000}),
        "token-malformed",
    ),
    "16 jwk in the header": (lambda: embedded("jwk", STRANGER.as_dict(private=False)), "token-header"),
    "16 jku in the header": (lambda: embedded("jku", "https://evil.invalid/jwks"), "token-header"),
    "16 x5u in the header": (lambda: embedded("x5u", "https://evil.invalid/cert"), "token-header"),
    "17 unknown crit": (lambda: embedded("crit", ["b64"]), "token-header"),
    "18 expired": (lambda: token(now=NOW - timedelta(minutes=10)), "token-expired"),
    "18 exp a string": (lambda: token(exp=str(SECOND + 60)), "token-times"),
    "18 exp a float": (lambda: token(exp=SECOND + 60.5), "token-times"),
    "18 exp true": (lambda: token(exp=True), "token-times"),
    "18 exp 2^63": (lambda: token(exp=2**63), "token-lifetime"),
    "18 exp 2^80": (lambda: token(exp=2**80), "token-times"),
    "18 no exp": (lambda: token(exp=None), "token-times"),
    "18 ten years": (lambda: token(exp=SECOND + 315_360_000), "token-lifetime"),
    "18 exp before iat": (lambda: token(exp=SECOND - 1), "token-lifetime"),
    "18 no iat": (lambda: token(iat=None), "token-times"),
    "19 nbf in the future": (lambda: token(nbf=SECOND + 31), "token-not-yet"),
    "19 iat in the future": (lambda: token(now=NOW + timedelta(seconds=31)), "token-not-yet"),
    "19 nbf a string": (lambda: token(nbf="now"), "token-times"),
    "20 wrong audience": (lambda: token(aud="other"), "token-audience"),
    "20 ours and another": (lambda: token(aud=[AUDIENCE, "other"]), "token-audience"),
    "20 empty audience": (lambda: token(aud=""), "token-audience"),
    "20 empty list": (lambda: token(aud=[]), "token-audience"),
    "20 no audience": (lambda: token(aud=None), "token-audience"),
    "21 an ID token": (lambda: token(header={"typ": "JWT"}), "token-typ"),
    "21 no type": (lambda: rewritten(header={"alg": "ES256", "kid": KEY.kid}), "token-typ"),
    "22 sandbox issuer": (lambda: token(iss="https://sandbox.carnet.invalid"), "token-issuer"),
    "22 issuer and a slash": (lambda: token(iss=ISSUER + "/"), "token-issuer"),
    "22 no issuer": (lambda: token(iss=None), "token-issuer"),
    "25 roles edited after signing": (
        lambda: rewritten(payload={**json.loads(part(token(), 1)), "roles": ["root"]}),
        "token-signature",
    ),
    "signed by a stranger under our kid": (
        lambda: token(STRANGER, header={"kid": KEY.kid}),
        "token-signature",
    ),
    "signature of zeros": (lambda: rewritten(signature=b64(bytes(64))), "token-signature"),
    "signature stripped": (lambda: rewritten(signature=""), "token-signature"),
    "signature not base64": (lambda: rewritten(signature="!!!"), "token-signature"),
    "empty": (lambda: "", "token-malformed"),
    "one part": (lambda: "abc", "token-malformed"),
    "five parts": (lambda: "a.b.c.d.e", "token-malformed"),
    "not ASCII": (lambda: "é.é.é", "token-malformed"),
    "header not JSON": (lambda: raw_header(b"{"), "token-malformed"),
    "header a list": (lambda: rewritten(header=["alg"]), "token-header"),
    "header deep": (lambda: raw_header(b"[" * 370), "token-malformed"),
    "payload a list": (lambda: signed_payload(b"[]"), "token-malformed"),
    "payload NaN": (lambda: signed_payload(b'{"exp":NaN}'), "token-malformed"),
    "payload deep": (lambda: signed_payload(b"[" * 3000), "token-malformed"),
    "no kind": (lambda: token(kind=None), "token-kind"),
    "kind unknown": (lambda: token(kind="root"), "token-kind"),
    "kind a list": (lambda: token(kind=["operator"]), "token-kind"),
    "no sub": (lambda: token(sub=None), "token-subject"),
    "sub empty": (lambda: token(sub=""), "token-subject"),
    "sub long": (lambda: token(sub="s" * 129), "token-subject"),
    "sub with a line break": (lambda: token(sub="a\nb"), "token-subject"),
    "roles a string": (lambda: token(roles="root"), "token-roles"),
    "roles not strings": (lambda: token(roles=[{"$ne": None}]), "token-roles"),
    "roles many": (lambda: token(roles=["r"] * 33), "token-roles"),
    "jti not a string": (lambda: token(jti=7), "token-subject"),
    "patient without INS": (lambda: token(kind="patient"), "token-ins"),
    "INS a text": (lambda: patient("255081416802538"), "token-ins"),
    "INS with a wrong key": (lambda: patient({**INS, "value": "255081416802500"}), "token-ins"),
    "INS without OID": (lambda: patient({"value": INS["value"]}), "token-ins"),
    "INS with more": (lambda: patient({**INS, "status": "qualified"}), "token-ins"),
    "INS a question": (lambda: patient({**INS, "value": {"$ne": None}}), "token-ins"),
    "machine without structure": (lambda: token(kind="machine"), "token-structure"),
    "structure a FINESS alone": (lambda: machine({"id": "750712184"}), "token-structure"),
    "structure of another kind": (lambda: machine({"id": "3750712184"}), "token-structure"),
    "structure named badly": (lambda: machine({**STRUCTURE, "name": "a\nb"}), "token-structure"),
    "structure with more": (lambda: machine({**STRUCTURE, "role": "root"}), "token-structure"),
    "23 bound in an unknown way": (lambda: token(cnf={"jkt": "x" * 43}), "token-confirmation"),
    "23 bound in two ways": (lambda: token(cnf={"x5t#S256": "x" * 43, "jkt": "x" * 43}), "token-confirmation"),
    "23 bound to no thumbprint": (lambda: token(cnf={"x5t#S256": "x"}), "token-confirmation"),
    "24 single use without a name": (lambda: token(single_use=True, jti=None), "token-single-use"),
    "24 single use in words": (lambda: token(single_use="yes"), "token-single-use"),
}


def embedded(name: str, value: object) -> str:
    """Return a token with one more header parameter."""
    return rewritten(header={"alg": "ES256", "typ": "at+jwt", "kid": KEY.kid, name: value})


def signed_payload(payload: bytes) -> str:
    """Return bytes that our own issuer signed, though they are no claims."""
    head = b64({"alg": "ES256", "typ": "at+jwt", "kid": KEY.kid})
    signing = f"{head}.{b64(payload)}"
    return f"{signing}.{b64(JWSRegistry.algorithms['ES256'].sign(signing.encode(), KEY))}"


@pytest.mark.parametrize(("make", "code"), HOSTILE.values(), ids=HOSTILE)
async def test_hostile(make: Callable[[], str], code: str):
    """A token that breaks a rule is refused with that rule's own code."""
    with pytest.raises(TokenError) as caught:
        await verify(make())

    assert caught.value.code == code


@pytest.mark.parametrize("name", [name for name in HOSTILE if name.startswith(("15 kid a path", "15 unknown"))])
async def test_only_short_kids_are_looked_up(name: str):
    """A key id is looked up as a word in a table: a path reaches no file."""
    keys = KnownKeys(KEY)

    with pytest.raises(TokenError):
        await verify(HOSTILE[name][0](), keys)

    assert len(keys.asked) == 1


@pytest.mark.parametrize("name", [name for name in HOSTILE if name.startswith(("15 kid of", "16", "17"))])
async def test_nothing_is_asked_for_a_bad_header(name: str):
    """A header that brings its own key, or is too long, is refused before anybody is asked for a key."""
    keys = KnownKeys(KEY)

    with pytest.raises(TokenError):
        await verify(HOSTILE[name][0](), keys)

    assert keys.asked == []
