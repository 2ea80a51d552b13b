"""People and software at the doors: each request is an operation, and what cannot be known of it is unknown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from chaos.history import History, Operation
from simulator.tokens import Token

NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""What prevents a request from leaving: it certainly had no effect."""

CLIENT: Final[Mapping[str, Any]] = {
    "trust_env": False,
    "timeout": 15.0,
    "limits": httpx.Limits(max_keepalive_connections=0),
}
"""Every request has a connection of its own: one that was left open may be dead, and then nothing can be known."""


@dataclass(slots=True)
class Visitor:
    """Somebody with a token who calls at the doors, one request after the other."""

    name: str
    """As the history calls this process."""
    kind: str
    number: str | None
    """As the trace of a request tells it; None for a patient."""
    client: httpx.AsyncClient = field(repr=False)
    doors: Mapping[str, str]
    history: History = field(repr=False)
    token: Token = field(repr=False)

    async def ask(self, operation: Operation, service: str, method: str, path: str, **request: Any) -> Any:
        """Return the answer, or None where there is none: then the operation is ended.

        Whoever gets an answer ends the operation.
        """
        try:
            headers = {**await self.token.header(), **request.pop("headers", {})}
        except httpx.HTTPError as error:
            operation.fail(error=type(error).__name__, at="issuer")
            return None
        try:
            return await self.client.request(method, self.doors[service] + path, headers=headers, **request)
        except NEVER_SENT as error:
            operation.fail(error=type(error).__name__)
        except httpx.HTTPError as error:
            operation.unknown(error=type(error).__name__)
        return None
