"""People and software in front of Carnet's doors: each with a token, each request counted by what became of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from time import monotonic
from typing import Any, Final

import httpx

from simulator.clinic import token_request
from simulator.clinic_documents import author
from simulator.clinic_header import Author
from simulator.population import Person

_TOKEN_SECONDS: Final = 480


@dataclass(slots=True)
class Register:
    """What callers were answered: statuses by method and the kind of caller."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By kind of caller and HTTP status."""

    def count(self, kind: str, *statuses: int) -> int:
        """Return how many of a kind's requests got one of these statuses, any if none is named."""
        return sum(
            n for (who, status), n in self.answers.items() if who == kind and (status in statuses or not statuses)
        )


class Caller:
    """Somebody who calls: who is said to the issuer, and the bases of the doors by the first words of their paths."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        issuer: str,
        doors: Mapping[str, str],
        wanted: Mapping[str, Any],
        register: Register,
    ) -> None:
        self._client = client
        self._issuer = issuer.rstrip("/")
        self._doors = doors
        self._wanted = wanted
        self._register = register
        self._token = ""
        self._until = 0.0

    async def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Send a request with one's token and return the answer, whatever it is."""
        base = next(base for start, base in self._doors.items() if path.startswith(start))
        headers = {"authorization": f"Bearer {await self.token()}", **request.pop("headers", {})}
        answer = await self._client.request(method, base + path, headers=headers, **request)
        self._register.answers[self._wanted["kind"], answer.status_code] += 1
        return answer

    async def token(self) -> str:
        """Return one's token, a new one when it is due."""
        if monotonic() >= self._until:
            answer = await self._client.post(f"{self._issuer}/token", json=self._wanted)
            self._token = str(answer.raise_for_status().json()["access_token"])
            self._until = monotonic() + _TOKEN_SECONDS
        return self._token


def patient(person: Person) -> dict[str, Any]:
    """Return what the development issuer is asked for a patient."""
    return {"kind": "patient", "sub": f"patient-{person.ins[-8:]}", "ins": {"value": person.ins, "oid": person.oid}}


def doctor(author: Author) -> dict[str, Any]:
    """Return what the development issuer is asked for a physician."""
    return token_request(author)


def consulted(person: Person) -> Author:
    """Return a general practitioner of the person's department, whom the person consults."""
    return author(person.department, "SM54", Random(f"consulted:{person.ins}"))


def insurer_software(structure: str = "1999999991") -> dict[str, Any]:
    """Return what the development issuer is asked for a machine that has no business in a record."""
    return {"kind": "machine", "sub": "insurer-software", "structure": {"id": structure}}
