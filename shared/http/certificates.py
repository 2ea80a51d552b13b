"""The client certificate of a connection, as the gateway that ended its TLS hands it on.

nginx has no SHA-256 thumbprint of it, so it passes the certificate (``$ssl_client_escaped_cert``) in a header that it
always overwrites, with nothing if there was none. A certificate is public: whoever reaches a service past the gateway
can show anybody's, so this guards a stolen token at the gateway and replaces no signature.
"""

import base64
import binascii
import re
from hashlib import sha256
from typing import Final
from urllib.parse import unquote

from fastapi import Request

CERTIFICATE: Final = "x-client-certificate"
"""The header; its value is a certificate in PEM, percent-encoded."""
_PEM: Final = re.compile(r"\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]{1,16000})-----END CERTIFICATE-----\s*")


def thumbprint(request: Request) -> str | None:
    """Return the thumbprint of the caller's certificate as a token's ``cnf`` states it (RFC 8705 §3.1), or None."""
    given = request.headers.getlist(CERTIFICATE)
    found = _PEM.fullmatch(unquote(given[0])) if len(given) == 1 else None
    if found is None:
        return None
    try:
        der = base64.b64decode("".join(found[1].split()), validate=True)
    except binascii.Error:
        return None
    return base64.urlsafe_b64encode(sha256(der).digest()).rstrip(b"=").decode()
