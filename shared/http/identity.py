"""Who a caller may be, and what a verified token says of one."""

from dataclasses import dataclass
from enum import StrEnum

from shared.errors import CarnetError
from shared.identity import Ins, Professional, Structure


class Kind(StrEnum):
    """What kind of caller a token is for. The doors of one kind are closed to the others."""

    OPERATOR = "operator"
    PATIENT = "patient"
    PROFESSIONAL = "professional"
    MACHINE = "machine"
    PHONE_AGENT = "phone-agent"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose token was verified."""

    sub: str
    kind: Kind
    roles: frozenset[str]
    jti: str | None = None
    ins: Ins | None = None
    """Who a patient is; every patient's token says it."""
    professional: Professional | None = None
    """Who a professional is; the token does not say it, the issuer's UserInfo does (`shared.http.userinfo`)."""
    structure: Structure | None = None
    """Which structure a machine works for; every machine's token says it."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A verified token: whom it speaks for, and under which conditions."""

    principal: Principal
    expires: int
    """Seconds since 1970-01-01 UTC."""
    certificate: str | None = None
    """The thumbprint of the client certificate that it is bound to (RFC 8705), if it is."""
    single_use: bool = False
    """It serves one change only, and is spent with it."""


class TokenError(CarnetError):
    """A token that is not accepted; ``code`` is stable and says which rule refused it, never what it held."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
