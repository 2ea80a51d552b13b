"""What FHIR R4 asks of every door under ``/fhir``: its media type, and refusals as OperationOutcome."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson
from fastapi import Response

if TYPE_CHECKING:
    from shared.http.problems import Problem

PREFIX: Final = "/fhir"
MEDIA_TYPE: Final = "application/fhir+json"

_CODE_SYSTEM: Final = "urn:carnet:problem"

_ISSUES: Final[Mapping[int, str]] = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    409: "conflict",
    410: "deleted",
    412: "conflict",
    413: "too-long",
    415: "not-supported",
    422: "processing",
    429: "throttled",
    503: "transient",
}
"""FHIR's issue type by HTTP status."""


def is_fhir(path: str) -> bool:
    """Tell whether a door speaks FHIR."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def resource(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a resource as an answer that nobody keeps."""
    told = {"cache-control": "no-store", **(headers or {})}
    return Response(orjson.dumps(body), status, headers=told, media_type=MEDIA_TYPE)


def outcome(problem: "Problem") -> Response:
    """Return a refusal: FHIR's kind of issue, and the stable code that the same refusal has elsewhere."""
    issue = {
        "severity": "error",
        "code": _ISSUES.get(problem.status, "exception"),
        "details": {"coding": [{"system": _CODE_SYSTEM, "code": problem.code}], "text": problem.title},
    }
    return resource({"resourceType": "OperationOutcome", "issue": [issue]}, problem.status, problem.headers)
