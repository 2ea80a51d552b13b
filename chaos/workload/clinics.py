"""Clinics that deposit documents, corrections before what they correct among them, until each was answered."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from itertools import islice
from random import Random
from typing import Any, Final

import httpx

from chaos.history import History
from chaos.workload.people import Visitor
from chaos.workload.readers import Shelf
from simulator.clinic_documents import ClinicalDocument, documents
from simulator.clinic_header import Author
from simulator.tokens import Token, doctor

EACH: Final = 60
"""Documents per patient at most."""
PAUSE_S: Final = 0.4
_AGAIN_S: Final = 1.0
_WINDOW: Final = 12
"""Among so many documents the order is by chance."""


def in_disorder(shelf: Shelf, seed: int, until: datetime, dice: Random) -> Iterator[ClinicalDocument]:
    """Yield a patient's documents, each near its place; a correction may come before what it corrects."""
    following = documents(shelf.patient.person, seed, EACH, until=until)
    while window := list(islice(following, _WINDOW)):
        dice.shuffle(window)
        yield from window


class Clinics:
    """The software of clinicians: each author has a token."""

    def __init__(self, client: httpx.AsyncClient, doors: Mapping[str, str], history: History) -> None:
        self._client = client
        self._doors = doors
        self._history = history
        self._authors: dict[str, Visitor] = {}
        self._open: dict[str, tuple[Visitor, Shelf, str]] = {}
        """Deposits whose fate was open when they were answered: whose, and the bytes' digest."""

    async def deposit_on(
        self, shelves: Sequence[Shelf], seed: int, until: datetime, dice: Random, stop: asyncio.Event
    ) -> None:
        """Deposit for one patient after the other until told to stop; each deposit is seen to an answer."""
        written = [in_disorder(shelf, seed, until, dice) for shelf in shelves]
        for round_ in zip(*written, strict=True):
            for shelf, document in zip(shelves, round_, strict=True):
                while shelf.record is None and not stop.is_set():  # noqa: ASYNC110 - a patient finds it meanwhile
                    await asyncio.sleep(_AGAIN_S)
                if stop.is_set():
                    return
                await self._deposit(shelf, document)
                await self._ask_again()
                await asyncio.sleep(PAUSE_S)

    async def _deposit(self, shelf: Shelf, document: ClinicalDocument) -> None:
        """Deposit until there is an answer: a second deposit of the same document is none."""
        while True:
            answer = await self._try(shelf, document)
            if answer is not None and answer.status_code < 500:
                break
            await asyncio.sleep(_AGAIN_S)
        if answer.is_success:
            taken = answer.json()["document"]
            self._open[taken] = self._visitor(document.author), shelf, sha256(document.body).hexdigest()
            if answer.status_code != httpx.codes.ACCEPTED:
                self._close(taken)

    def _close(self, document: str) -> None:
        _, shelf, digest = self._open.pop(document)
        shelf.deposited[document] = digest

    async def _ask_again(self) -> None:
        """Ask what became of the oldest open deposit."""
        if not self._open:
            return
        document, (visitor, _, _) = next(iter(self._open.items()))
        with self._history.operation(visitor.name, "status", document=document) as operation:
            answer = await visitor.ask(operation, "ingest", "GET", f"/v1/deposits/{document}")
            if answer is not None and answer.is_success:
                status = answer.json()["status"]
                operation.ok(status=answer.status_code, outcome=status)
                if status == "stored":
                    self._close(document)

    async def _try(self, shelf: Shelf, document: ClinicalDocument) -> httpx.Response | None:
        visitor = self._visitor(document.author)
        asked = {
            "unique_id": document.unique_id,
            "replaces": document.replaces,
            "patient": shelf.patient.number,
            "number": visitor.number,
        }
        with self._history.operation(visitor.name, "deposit", **asked) as operation:
            answer = await visitor.ask(
                operation,
                "ingest",
                "POST",
                "/v1/documents",
                content=document.body,
                headers={"content-type": "application/xml"},
            )
            if answer is None:
                return None
            facts: dict[str, Any] = {"status": answer.status_code}
            if answer.is_success:
                operation.ok(**facts, document=answer.json()["document"], outcome=answer.json()["status"])
            elif answer.status_code >= 500:
                operation.unknown(**facts)
            else:
                operation.fail(**facts, code=answer.json().get("code"))
            return answer  # type: ignore[no-any-return]

    def _visitor(self, author: Author) -> Visitor:
        if author.number not in self._authors:
            token = Token(self._client, self._doors["issuer"], doctor(author))
            self._authors[author.number] = Visitor(
                "clinic", "professional", author.number, self._client, self._doors, self._history, token
            )
        return self._authors[author.number]
