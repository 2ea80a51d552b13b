"""Who the operator is towards the services' doors: a token from the environment or from the local issuer."""

import os
from collections.abc import Generator
from typing import Final

import httpx

from cli.doors import NoDoorError, door

SUBJECT: Final = "operator"

FIRST: Final = "CARNET_OPERATOR_TOKEN"
SECOND: Final = "CARNET_SECOND_OPERATOR_TOKEN"
"""The one who agrees to an act that destroys."""


class OperatorAuth(httpx.Auth):
    """Adds an operator's token to every request; asks for a new one when it has expired."""

    def __init__(self, subject: str = SUBJECT, issuer: str | None = None) -> None:
        self._subject = subject
        self._issuer = issuer
        self._token: str | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See `httpx.Auth.auth_flow`."""
        renewable = self._token is not None
        self._token = self._token or operator_token(self._subject, issuer=self._issuer)
        request.headers["authorization"] = f"Bearer {self._token}"
        response = yield request
        if renewable and response.status_code == httpx.codes.UNAUTHORIZED:
            self._token = operator_token(self._subject, issuer=self._issuer)
            request.headers["authorization"] = f"Bearer {self._token}"
            yield request


def operator_token(subject: str = SUBJECT, *, issuer: str | None = None, variable: str = FIRST) -> str:
    """Return the token in an environment variable, or one of the development issuer (the local one by default).

    Raise `NoDoorError` when there is no issuer or it gives none.
    """
    if given := os.environ.get(variable):
        return given
    wanted = {"kind": "operator", "sub": subject}
    try:
        url = issuer or door("issuer")
        answer = httpx.post(f"{url}/token", json=wanted, trust_env=False)
        answer.raise_for_status()
    except NoDoorError:
        raise NoDoorError(f"Nothing says who you are: set {variable}, or start a system with `./carnet up`.") from None
    except httpx.HTTPError as error:
        raise NoDoorError(f"{url} gives no token ({type(error).__name__}): set {variable}.") from None
    return str(answer.json()["access_token"])
