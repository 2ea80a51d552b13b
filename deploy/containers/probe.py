"""Knocks at one of a role's own doors: exit 0 if it answers well; for health checks, with the standard library only."""

import http.client
import os
import sys


def main(path: str) -> int:
    """Return 0 if the door answers with success within two seconds, 1 otherwise."""
    port = int(os.environ.get("CARNET_HTTP_PORT", "8080"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return 0 if 200 <= connection.getresponse().status < 300 else 1
    except (OSError, http.client.HTTPException):
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:] or ["/livez"]))
