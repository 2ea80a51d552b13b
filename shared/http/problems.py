"""Refusals over HTTP: RFC 9457 problem details, each with a stable code, none that repeats what was sent."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from shared.http.fhir import is_fhir, outcome
from shared.messaging.failures import Failure, classify

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:carnet:problem:"

_CODES: Final[Mapping[int, str]] = {
    400: "bad-request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid-request",
    429: "too-many-requests",
    500: "internal",
    503: "unavailable",
}
_MAX_ERRORS: Final = 20
_AGAIN_S: Final = "5"


class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """A refusal to send: HTTP status, stable code, and members that the contract of the door names.

    ``title`` and ``members`` are our own words and never hold a value that the caller sent.
    """

    def __init__(
        self,
        status: int,
        code: str | None = None,
        *,
        title: str | None = None,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        self.status = status
        self.code = code or _CODES.get(status, "error")
        self.title = title or HTTPStatus(status).phrase
        self.headers = dict(headers or {})
        self.members = members
        super().__init__(self.code)


def of(error: Exception) -> Problem:
    """Return the problem that an error is: a refusal, a broker or a database that is away, or a fault of ours."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        return Problem(error.status_code, headers=error.headers)
    if classify(error) is Failure.INFRASTRUCTURE:
        return Problem(503, headers={"retry-after": _AGAIN_S})
    return Problem(500)


def response(problem: Problem, path: str) -> Response:
    """Return the answer that carries a problem; ``path`` is that of the door, of which some speak FHIR."""
    if is_fhir(path):
        return outcome(problem)
    body = {
        "type": TYPE_PREFIX + problem.code,
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
        **problem.members,
    }
    headers = {"cache-control": "no-store", **problem.headers}
    return Response(orjson.dumps(body), problem.status, headers=headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make an application answer every refusal and failure as problem details."""
    for kind in (Problem, HTTPException, Exception):
        app.add_exception_handler(kind, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)


async def _on_error(request: Request, error: Exception) -> Response:
    return response(of(error), request.url.path)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - starlette's signature is wider than its promise
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return response(Problem(400, "json-invalid"), request.url.path)
    return response(Problem(422, errors=[_place(one) for one in found[:_MAX_ERRORS]]), request.url.path)


def _place(error: Mapping[str, Any]) -> dict[str, str]:
    """Return where a value broke which rule. The name of an unknown field is the caller's word: left out."""
    where = error["loc"][:-1] if error["type"] == "extra_forbidden" else error["loc"]
    return {"at": "/".join(map(str, where)), "code": error["type"]}
