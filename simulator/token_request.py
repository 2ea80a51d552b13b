"""What the development issuer is asked for."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.http.identity import Kind
from simulator.professionals import ProfessionalIn

_Word = Annotated[str, Field(min_length=1, max_length=64)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InsIn(_In):
    """A patient's number."""

    value: _Word
    oid: _Word


class StructureIn(_In):
    """A machine's structure, by its national id."""

    id: _Word
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class TokenRequest(_In):
    """Who wants to be whom."""

    kind: Kind
    sub: Annotated[str, Field(min_length=1, max_length=128)]
    roles: Annotated[tuple[_Word, ...], Field(max_length=32)] = ()
    ins: InsIn | None = None
    """Of a patient."""
    structure: StructureIn | None = None
    """Of a machine."""
    professional: ProfessionalIn = ProfessionalIn()
    """What ``/userinfo`` will say to a professional's token; the last that was asked for a ``sub`` counts."""
    certificate: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")] | None = None
    """The thumbprint of the client certificate that the token is to be bound to."""
    single_use: bool = False

    @model_validator(mode="after")
    def _told(self) -> Self:
        if (self.kind is Kind.PATIENT) != (self.ins is not None):
            raise ValueError("a patient, and nobody else, has an INS")
        if (self.kind is Kind.MACHINE) != (self.structure is not None):
            raise ValueError("a machine, and nobody else, has a structure")
        return self

    def claims(self) -> dict[str, Any]:
        """Return what the token says beyond what every token says."""
        told = {"ins": self.ins, "structure": self.structure}
        claims: dict[str, Any] = {name: each.model_dump(exclude_none=True) for name, each in told.items() if each}
        if self.certificate is not None:
            claims["cnf"] = {"x5t#S256": self.certificate}
        return claims | ({"single_use": True} if self.single_use else {})


class Outage(_In):
    """Which doors answer 503 from now on."""

    doors: tuple[Literal["jwks", "userinfo"], ...] = ()
