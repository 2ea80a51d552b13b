"""People who got a notice: most do nothing, some oppose, activate or ask for another code, by the public doors."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from math import ceil
from random import Random
from typing import Any, Final

import httpx

from simulator.population import Person

OPPOSED_SHARE: Final = 0.015
"""Of all who were told in 2022: 1.48 % (national insurance, on 31 May)."""
ACTIVATED_SHARE: Final = 0.05
ASKED_SHARE: Final = 0.01
"""Who lost the letter, and asks for another code."""


class Intention(StrEnum):
    """What somebody does about a notice."""

    OPPOSE_ONLINE = "oppose-online"
    OPPOSE_BY_PHONE = "oppose-by-phone"
    OPPOSE_BY_POST = "oppose-by-post"
    ACTIVATE = "activate"
    ASK_CODE = "ask-code"


OPPOSITIONS: Final = (Intention.OPPOSE_ONLINE, Intention.OPPOSE_BY_PHONE, Intention.OPPOSE_BY_POST)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one person does; whoever is in no plan does nothing."""

    person: Person
    intention: Intention


def plans(told: Sequence[Person], seed: int) -> list[Plan]:
    """Return who does what, the same for a seed: the shares rounded up, oppositions by each way in turn."""
    shares = (OPPOSED_SHARE, ACTIVATED_SHARE, ASKED_SHARE)
    opposed, activated, asked = (ceil(len(told) * share) for share in shares)
    drawn = Random(f"plans:{seed}").sample(list(told), min(len(told), opposed + activated + asked))
    wanted = [OPPOSITIONS[place % len(OPPOSITIONS)] for place in range(opposed)]
    wanted += [Intention.ACTIVATE] * activated + [Intention.ASK_CODE] * asked
    return [Plan(person, intention) for person, intention in zip(drawn, wanted, strict=False)]


def card_serial(person: Person) -> str:
    """Return the serial number that stands on a person's health insurance card."""
    return f"{int.from_bytes(sha256(person.ins.encode()).digest()[:5]) % 10**10:010d}"


async def oppose(client: httpx.AsyncClient, person: Person, code: str) -> httpx.Response:
    """Oppose online, with the code of the notice."""
    return await client.post("/v1/opposition", json=_holder(person) | {"code": code})


async def activate(client: httpx.AsyncClient, person: Person, code: str) -> httpx.Response:
    """Open the record at once, with the code of the notice."""
    return await client.post("/v1/activation", json=_holder(person) | {"code": code})


async def ask_code(client: httpx.AsyncClient, person: Person) -> httpx.Response:
    """Ask for another code; it comes as the notice came."""
    return await client.post("/v1/codes", json=_holder(person))


async def fetch_proof(client: httpx.AsyncClient, person: Person, attestation: str) -> httpx.Response:
    """Fetch the proof of an opposition, as a PDF."""
    return await client.post("/v1/opposition/proof", json={"ins": ins_of(person), "attestation": attestation})


async def confirm(client: httpx.AsyncClient, person: Person, attestation: str) -> httpx.Response:
    """Confirm an opposition that left a legacy DMP open."""
    return await client.post("/v1/opposition/confirmation", json={"ins": ins_of(person), "attestation": attestation})


def ins_of(person: Person) -> dict[str, str]:
    """Return a person's number as the doors take it."""
    return {"value": person.ins, "oid": person.oid}


def only(planned: Iterable[Plan], *intentions: Intention) -> list[Person]:
    """Return who has one of these intentions."""
    return [plan.person for plan in planned if plan.intention in intentions]


def _holder(person: Person) -> dict[str, Any]:
    return {"ins": ins_of(person), "card_serial": card_serial(person)}
