"""The doors of the running system: where they are, and a client of what every service has at ``/ops/messaging``."""

import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

import httpx

from deploy.local.places import default_home
from deploy.local.ports import LOOPBACK, answers, remembered
from shared.messaging.topology import FLOWS

SERVICES: Final = tuple(sorted({flow.consumer for flow in FLOWS}))

DEMO: Final = "demo"
"""Folder of the demonstration's own system, inside that of the clone."""

MAX_KEYS: Final = 500
"""Keys that one act may name, and rows of a page."""

Row: TypeAlias = dict[str, Any]


class NoDoorError(RuntimeError):
    """Nothing says where a door is; the text is a sentence for the reader."""


class DoorError(RuntimeError):
    """A door did not do what it was asked; the text is a sentence for the reader."""

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        """What it answered; None if it did not answer."""


def door(name: str) -> str:
    """Return the base address of ``issuer`` or of a service's doors, e.g. ``audit``.

    It is ``CARNET_AUDIT_URL`` if that is set, otherwise the port that the local stack gave to ``audit.api``, or the
    demonstration's if that is what runs.
    """
    variable = f"CARNET_{name.upper()}_URL"
    if given := os.environ.get(variable):
        return given.rstrip("/")
    known = [port for home in (default_home(), default_home() / DEMO) if (port := port_of(home, name)) is not None]
    if not known:
        raise NoDoorError(f"Nothing runs here: `./carnet up` starts the system, or {variable} says where {name} is.")
    port = next(filter(answers, known), known[0])
    return address(port)


def port_of(home: Path, name: str) -> int | None:
    """Return the port that a folder's system gave to a service's doors, or None if it never ran."""
    ports = remembered(home)
    return ports.get(f"{name}.api") or ports.get(name)


def address(port: int) -> str:
    """Return the address of a port of this machine."""
    return f"http://{LOOPBACK}:{port}"


class MessagingDoors:
    """A client of ``/ops/messaging`` of several services, each under its address."""

    def __init__(self, client: httpx.AsyncClient, addresses: Mapping[str, str]) -> None:
        self._client = client
        self._addresses = addresses

    @classmethod
    @asynccontextmanager
    async def open(cls, addresses: Mapping[str, str], auth: httpx.Auth) -> AsyncIterator[Self]:
        """Open a client that shows a token at every door."""
        async with httpx.AsyncClient(auth=auth, trust_env=False, timeout=20) as client:
            yield cls(client, addresses)

    @property
    def services(self) -> Iterable[str]:
        """The services that this client knows."""
        return self._addresses

    async def summary(self, service: str) -> Row:
        """Return the books of a service's flows, what is queued and what is unsent."""
        return await self._ask(service, "GET", "")

    async def rows(self, service: str, query: Mapping[str, str], *, most: int) -> list[Row]:
        """Return rows that were not simply done, ``most`` at most, in the order of their keys."""
        found: list[Row] = []
        after: str | None = None
        while len(found) < most:
            page = {**query, "limit": str(min(MAX_KEYS, most - len(found))), **({"after": after} if after else {})}
            answer = await self._ask(service, "GET", "/events", params=page)
            found += answer["rows"]
            after = answer["next"]
            if after is None:
                break
        return found

    async def listed(self, service: str, query: Mapping[str, str]) -> Row:
        """Return what is held, by cause, each with the handle of exactly these rows."""
        return await self._ask(service, "POST", "/sets", json=dict(query))

    async def standing(self, service: str, handle: str) -> Row:
        """Return a set that was seen, and what has become of its rows since."""
        return await self._ask(service, "GET", f"/sets/{handle}")

    async def set_rows(self, service: str, handle: str, start: int, limit: int) -> list[Row]:
        """Return rows of a set, as they are now."""
        page = {"start": str(start), "limit": str(limit)}
        rows: list[Row] = (await self._ask(service, "GET", f"/sets/{handle}/rows", params=page))["rows"]
        return rows

    async def on_set(self, service: str, handle: str, kind: str, body: Row, second_token: str | None = None) -> Row:
        """Replay or discard a part of a set: ``done`` rows of those ``looked`` at, and the ``next`` place if any."""
        agreed = {"second-operator": f"Bearer {second_token}"} if second_token else {}
        return await self._ask(service, "POST", f"/sets/{handle}/{kind}", json=body, headers=agreed)

    async def trace(self, service: str, query: Mapping[str, str]) -> Row:
        """Return what a service received, published and did because of one event."""
        return await self._ask(service, "GET", "/trace", params=dict(query))

    async def show(self, service: str, key: str) -> Row:
        """Return one row with its history; the service leaves a trace that it was looked at."""
        return await self._ask(service, "POST", "/show", json={"keys": [key]})

    async def replay(self, service: str, keys: Sequence[str], reason: str | None) -> int:
        """Make held rows due at once; return how many."""
        body = {"reason": reason} if reason else {}
        parts = [await self._ask(service, "POST", "/replay", json={"keys": part, **body}) for part in _parts(keys)]
        return sum(part["replayed"] for part in parts)

    async def discard(self, service: str, keys: Sequence[str], reason: str, second_token: str) -> int:
        """End held rows without effect; ``second_token`` is that of the operator who agrees. Return how many."""
        agreed = {"second-operator": f"Bearer {second_token}"}
        parts = [
            await self._ask(service, "POST", "/discard", json={"keys": part, "reason": reason}, headers=agreed)
            for part in _parts(keys)
        ]
        return sum(part["discarded"] for part in parts)

    async def _ask(self, service: str, method: str, path: str, **request: Any) -> Row:
        return await self.ask(service, method, f"/ops/messaging{path}", **request)

    async def ask(self, service: str, method: str, path: str, **request: Any) -> Row:
        """Return what a door of a service answers; raise `DoorError` if it does not, or refuses."""
        url = f"{self._addresses[service]}{path}"
        try:
            answer = await self._client.request(method, url, **request)
        except httpx.HTTPError as error:
            raise DoorError(f"{service} does not answer at {url} ({type(error).__name__}).") from None
        if answer.is_success:
            content: Row = answer.json()
            return content
        sentence = f"{service} answered {answer.status_code}{_code(answer)} to {method} {url}."
        raise DoorError(sentence, answer.status_code)


def _parts(keys: Sequence[str]) -> list[list[str]]:
    return [list(keys[start : start + MAX_KEYS]) for start in range(0, len(keys), MAX_KEYS)]


def _code(answer: httpx.Response) -> str:
    """Return the problem's code, which says which rule refused, as `` (code)``."""
    try:
        problem = answer.json()
    except ValueError:
        return ""
    code = problem.get("code") if isinstance(problem, dict) else None
    return f" ({code})" if code else ""
