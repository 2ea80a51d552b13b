"""Good tokens: what each says of its caller, how far its times reach, and which keys may sign it."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from shared.http.identity import Kind, Principal, TokenError
from shared.http.jwks import JwksUnavailableError, VerificationKey
from shared.http.verification import verify_token
from shared.identity import Structure
from simulator.issuer import AUDIENCE, ISSUER, public_keys
from tests.fakes.gate import KnownKeys
from tests.unit.shared.http.forge import (
    INS,
    KEY,
    NOW,
    SECOND,
    STRUCTURE,
    Frozen,
    machine,
    part,
    patient,
    token,
    verified,
    verify,
)


async def test_good():
    """A good token gives its subject, kind and roles."""
    principal = await verify(token(jti="j1"))

    assert principal == Principal(sub="op-1", kind=Kind.OPERATOR, roles=frozenset({"reader"}), jti="j1")


@pytest.mark.parametrize("kind", list(Kind))
async def test_kinds(kind: Kind):
    """Every kind of caller has a token of its own."""
    assert (await verify(token(kind=kind, ins=INS, structure=STRUCTURE))).kind is kind


async def test_patient():
    """A patient's token says who the patient is, under the number's own OID."""
    ins = (await verify(patient(INS))).ins

    assert ins is not None
    assert (ins.value, ins.oid) == (INS["value"], INS["oid"])


async def test_machine():
    """A machine's token says for which structure it works."""
    assert (await verify(machine(STRUCTURE))).structure == Structure("1750712184", "HOPITAL")


async def test_claims_of_other_kinds():
    """A claim that belongs to another kind of caller says nothing."""
    principal = await verify(token(ins=INS, structure=STRUCTURE))

    assert (principal.ins, principal.structure, principal.professional) == (None, None, None)


@pytest.mark.parametrize(
    "signed",
    [
        lambda: patient({"value": "279035121518989", "oid": "1.2.250.1.213.1.4.10"}),
        lambda: machine({"id": "1750712185"}),
    ],
)
async def test_people_of_test(signed: Callable[[], str]):
    """8: identities of test, and numbers whose check digit does not hold, pass outside production only."""
    assert await verified(signed())
    with pytest.raises(TokenError):
        await verified(signed(), production=True)


async def test_conditions():
    """23, 24: a token may be bound to a certificate, and may serve only once."""
    bound = await verified(token(cnf={"x5t#S256": "x" * 43}, single_use=True))

    assert (bound.certificate, bound.single_use, bound.expires) == ("x" * 43, True, SECOND + 600)
    assert not (await verified(token())).single_use


async def test_audience_alone_in_a_list():
    """An audience may be a list if we are alone in it (RFC 7519 §4.1.3)."""
    assert (await verify(token(aud=[AUDIENCE]))).sub == "op-1"


async def test_edges_of_time():
    """The issuer's clock may be 30 s ahead; a token serves until the second before its end."""
    assert await verify(token(now=NOW + timedelta(seconds=30)))
    assert await verify(token(now=NOW - timedelta(minutes=10, seconds=-1)))


@pytest.mark.filterwarnings("ignore:EdDSA")
@pytest.mark.parametrize("alg", ["EdDSA", "Ed25519"])
async def test_eddsa(alg: str):
    """An Ed25519 key signs as well as P-256, under its old name and its new one (RFC 9864)."""
    key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": alg, "kid": "ed"})
    payload = json.loads(part(token(), 1))
    signed = jwt.encode({"alg": alg, "typ": "at+jwt", "kid": "ed"}, payload, key, algorithms=[alg])

    assert (await verify(signed, KnownKeys(key))).sub == "op-1"


async def test_no_keys_is_not_a_bad_token():
    """If the issuer's keys cannot be had, the token is not called bad."""

    class Down:
        async def key(self, kid: str) -> VerificationKey:
            raise JwksUnavailableError

    with pytest.raises(JwksUnavailableError):
        await verify_token(token(), Down(), issuer=ISSUER, audience=AUDIENCE, clock=Frozen(), production=False)


def test_errors_say_nothing_of_the_token():
    """The text of a refusal is its code only."""
    assert str(TokenError("token-kid")) == "token-kid"


def test_public_keys_hold_no_private_part():
    """The issuer publishes no private part."""
    assert "d" not in public_keys(KEY)["keys"][0]
