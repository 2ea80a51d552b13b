"""A day on which people decide: each does what was planned, by its own way, and what was answered is counted."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import httpx

from simulator.patients import OPPOSITIONS, Intention, Plan, activate, ask_code, fetch_proof, oppose
from simulator.phone import PhoneAgent
from simulator.population import Person

AT_ONCE: Final = 8
NO_LETTER: Final = "no-letter"
"""Counted for whoever found no code: somebody whose letter came back, or is not there yet."""


@dataclass(slots=True)
class Decided:
    """What was answered, and the first proof on paper."""

    answers: Counter[tuple[Intention, str]] = field(default_factory=Counter)
    """By intention and answer: `done`, `no-letter`, or the code of the refusal."""
    attestations: dict[str, str] = field(default_factory=dict)
    """By INS."""
    proof: bytes | None = field(default=None, repr=False)

    def done(self, *intentions: Intention) -> int:
        """Return how many did what they wanted."""
        return sum(self.answers[intention, "done"] for intention in intentions)


async def decide(
    planned: Iterable[Plan], codes: Mapping[str, str], client: httpx.AsyncClient, agent: PhoneAgent, *, today: date
) -> Decided:
    """Let everybody do what was planned; ``codes``: what each read in the own letter, by INS."""
    free, decided = asyncio.Semaphore(AT_ONCE), Decided()
    acts = _acts(codes, client, agent, today)

    async def one(plan: Plan) -> None:
        async with free:
            answer = await acts[plan.intention](plan.person)
            decided.answers[plan.intention, _said(answer)] += 1
            if answer is not None and answer.is_success and plan.intention in OPPOSITIONS:
                attestation = decided.attestations[plan.person.ins] = answer.json()["attestation"]
                proof = await fetch_proof(client, plan.person, attestation)
                proof.raise_for_status()
                decided.proof = decided.proof or proof.content

    async with asyncio.TaskGroup() as tasks:
        for plan in planned:
            tasks.create_task(one(plan))
    return decided


def _acts(
    codes: Mapping[str, str], client: httpx.AsyncClient, agent: PhoneAgent, today: date
) -> Mapping[Intention, Callable[[Person], Awaitable[httpx.Response | None]]]:
    async def online(person: Person) -> httpx.Response | None:
        return await oppose(client, person, codes[person.ins]) if person.ins in codes else None

    async def early(person: Person) -> httpx.Response | None:
        return await activate(client, person, codes[person.ins]) if person.ins in codes else None

    async def phone(person: Person) -> httpx.Response:
        return await agent.oppose(person, channel="phone", dated=today)

    async def post(person: Person) -> httpx.Response:
        return await agent.oppose(person, channel="post", dated=today)

    async def ask(person: Person) -> httpx.Response:
        return await ask_code(client, person)

    return {
        Intention.OPPOSE_ONLINE: online,
        Intention.OPPOSE_BY_PHONE: phone,
        Intention.OPPOSE_BY_POST: post,
        Intention.ACTIVATE: early,
        Intention.ASK_CODE: ask,
    }


def _said(answer: httpx.Response | None) -> str:
    if answer is None:
        return NO_LETTER
    return "done" if answer.is_success else str(answer.json().get("code", answer.status_code))
