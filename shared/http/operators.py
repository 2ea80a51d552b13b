"""The operators' doors: `Depends(operator(...))` is the lock of everything under ``/ops``."""

from collections.abc import Awaitable, Callable

from fastapi import Request

from shared.clock import Clock
from shared.http.bearer import caller
from shared.http.identity import Kind, Principal
from shared.http.jwks import KeySource
from shared.http.problems import Problem

SECOND = "second-operator"
"""The header in which a second operator's bearer token agrees to an act that destroys."""


def operator(
    jwks: KeySource,
    *,
    issuer: str,
    audience: str,
    clock: Clock,
    role: str | None = None,
    header: str = "authorization",
) -> Callable[[Request], Awaitable[Principal]]:
    """Return a FastAPI dependency that gives the operator who calls, or refuses with problem details.

    ``header``: where the token stands; an act that destroys names a second operator in `SECOND`.
    ``role``: one more role that the token must grant, for acts that not every operator may do.
    """

    async def dependency(request: Request) -> Principal:
        principal = await caller(
            request, Kind.OPERATOR, jwks, issuer=issuer, audience=audience, clock=clock, header=header
        )
        if role is not None and role not in principal.roles:
            raise Problem(403, "role-missing")
        return principal

    return dependency
