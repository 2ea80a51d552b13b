"""The clinics: their software deposits documents over HTTP, as each author, and counts what it was told."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import httpx

from simulator.clinic_documents import ClinicalDocument
from simulator.clinic_header import Author
from simulator.tokens import Token, doctor

AT_ONCE: Final = 10
"""Deposits under way at the same time."""

_TRIES: Final = 6
_PATIENCE_S: Final = 60.0
_POLL_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a deposit: the HTTP status, and ``stored``, ``received`` or the code of the refusal."""

    status: int
    outcome: str
    location: str | None = None

    @property
    def document(self) -> str | None:
        """The id that the document was given, if it was taken."""
        return self.location.rpartition("/")[2] if self.location else None


@dataclass(slots=True)
class Tally:
    """What was deposited and what was answered."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """``stored``, ``received`` and codes of refusals."""
    kinds: Counter[str] = field(default_factory=Counter)
    """Documents that are in a record, by kind."""
    replacements: int = 0
    """Those among them that replace another one."""
    bytes: int = 0

    def note(self, document: ClinicalDocument, answer: Answer) -> None:
        """Count a deposit."""
        self.outcomes[answer.outcome] += 1
        if answer.outcome == "stored":
            self.kinds[document.kind] += 1
            self.replacements += document.replaces is not None
            self.bytes += len(document.body)


class Clinics:
    """The software of clinicians, in front of one door: an HTTP client, the door's address and the issuer's."""

    def __init__(self, client: httpx.AsyncClient, door: str, issuer: str) -> None:
        self._client = client
        self._door = door.rstrip("/")
        self._issuer = issuer
        self._tokens: dict[str, Token] = {}

    async def deposit(self, document: ClinicalDocument, hidings: Sequence[str] = (), *, wait: bool = True) -> Answer:
        """Deposit a document as its author and return the answer; what cannot be taken now is tried again.

        ``wait`` False asks for an answer as soon as the document is kept.
        """
        for _ in range(_TRIES):
            headers = {"content-type": "application/xml", **await self._authorization(document.author)}
            if not wait:
                headers["prefer"] = "respond-async"
            response = await self._client.post(
                f"{self._door}/v1/documents",
                params=[("confidentiality", hiding) for hiding in hidings],
                content=document.body,
                headers=headers,
            )
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            await asyncio.sleep(float(response.headers.get("retry-after", "1")))
        return _answer(response)

    async def outcome(self, document: ClinicalDocument, answer: Answer) -> Answer:
        """Return the final answer of a deposit, asking for as long as its fate is open."""
        until = monotonic() + _PATIENCE_S
        while answer.outcome == "received" and answer.location and monotonic() < until:
            await asyncio.sleep(_POLL_S)
            headers = await self._authorization(document.author)
            response = await self._client.get(self._door + answer.location, headers=headers)
            answer = _answer(response, answer.location)
        return answer

    async def deposit_all(
        self, documents: Iterable[ClinicalDocument], tally: Tally, *, at_once: int = AT_ONCE
    ) -> Tally:
        """Deposit documents, so many at a time, and see each to its end."""
        waiting = iter(documents)

        async def work() -> None:
            for document in waiting:
                tally.note(document, await self.outcome(document, await self.deposit(document)))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(work())
        return tally

    async def _authorization(self, author: Author) -> dict[str, str]:
        token = self._tokens.get(author.number)
        if token is None:
            token = self._tokens[author.number] = Token(self._client, self._issuer, doctor(author))
        return await token.header()


def _answer(response: httpx.Response, location: str | None = None) -> Answer:
    body = response.json()
    outcome = body.get("status") if response.is_success else body.get("code")
    if outcome == "refused":
        outcome = body.get("reason")
    return Answer(response.status_code, str(outcome), response.headers.get("location", location))
