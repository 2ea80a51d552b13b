"""The gateway's configuration, filled in: `python -m deploy.gateway.configuration records=records-api:8080 …`."""

import json
import sys
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from string import Template
from typing import ClassVar, Final

TEMPLATE: Final = Path(__file__).with_name("nginx.conf")

DEFAULTS: Final[Mapping[str, str]] = {
    "workers": "auto",
    "folder": "/tmp",  # noqa: S108 - a container's own; nothing of a request is written there
    "listen": "8443",
    "operators_listen": "9443",
    "certificate": "/run/secrets/gateway.pem",
    "key": "/run/secrets/gateway.key",
    "client_ca": "/run/secrets/client-ca.pem",
    "client_rate": "50",
    "token_rate": "20",
    "guess_rate": "2",
    "connections": "64",
    "ingest": "ingest-api:8080",
    "records": "records-api:8080",
    "notifications": "notifications-api:8080",
    "audit": "audit-api:8080",
}
"""What a container gets if nobody says otherwise; rates are requests per second of one client or one token."""

PROBLEMS: Final[Mapping[int, str]] = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    413: "too-large",
    414: "uri-too-long",
    429: "too-many-requests",
    431: "headers-too-large",
    500: "internal",
    501: "not-implemented",
    503: "unavailable",
}
"""The gateway's own refusals and their codes, the services' where they have one."""


class _Nginx(Template):
    """A template whose names begin with @, because nginx's own begin with $."""

    delimiter: ClassVar[str] = "@"


def configuration(values: Mapping[str, str]) -> str:
    """Return nginx.conf with these values, the defaults for the rest; raise KeyError for a name it does not know."""
    if unknown := values.keys() - DEFAULTS.keys():
        raise KeyError(f"the gateway has no setting {', '.join(sorted(unknown))}")
    template = _Nginx(TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute({**DEFAULTS, **values}, problems="\n".join(map(_problem, PROBLEMS)))


def _problem(status: int) -> str:
    code = PROBLEMS[status]
    body = {"type": f"urn:carnet:problem:{code}", "title": HTTPStatus(status).phrase, "status": status, "code": code}
    # No limit there: what is left of a refused body is thrown away, and must not be refused once more.
    rules = "internal; client_max_body_size 0; default_type application/problem+json;"
    return f"        location = /_problem/{status} {{ {rules} return {status} '{json.dumps(body)}'; }}"


if __name__ == "__main__":
    sys.stdout.write(configuration(dict(word.split("=", 1) for word in sys.argv[1:])))
