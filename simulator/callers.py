"""People and software in front of Carnet's doors: each with a token, each request counted by what became of it."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from simulator.clinic_authors import author
from simulator.clinic_header import Author
from simulator.population import Person
from simulator.tokens import Token


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
        self._doors = doors
        self._kind = wanted["kind"]
        self._token = Token(client, issuer, wanted)
        self._register = register

    async def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Send a request with one's token and return the answer, whatever it is."""
        base = next(base for start, base in self._doors.items() if path.startswith(start))
        headers = {**await self._token.header(), **request.pop("headers", {})}
        answer = await self._client.request(method, base + path, headers=headers, **request)
        self._register.answers[self._kind, answer.status_code] += 1
        return answer


def consulted(person: Person, *, wrote: Collection[Author] = ()) -> Author:
    """Return a general practitioner of the person's department, whom the person consults.

    Nobody of those who ``wrote``, a few of the forty: an author sees an own document, masked or not.
    """
    dice, authors = Random(f"consulted:{person.ins}"), {each.number for each in wrote}
    while (found := author(person.department, "SM54", dice)).number in authors:
        pass
    return found
