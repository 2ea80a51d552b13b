"""The envelope of every message: CloudEvents 1.0 in JSON, with Carnet's three extensions."""

import secrets
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

EventId = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")]
"""Unique within its source: the insurer's ``flux/line`` upstream, 128 random bits inside Carnet."""

Source = Annotated[str, Field(max_length=64, pattern=r"^/[a-z0-9/-]+$")]
"""Who publishes: ``/insurers/cpam-44``, ``/ingest``, ``/records`` …"""

RecordId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
"""The opaque id of a person's record: the only name of a person in clear on the wire."""

Sealed = Annotated[str, Field(min_length=40, max_length=1_400_000, pattern=r"^[A-Za-z0-9+/]+={0,2}$")]
"""A sealed box (`shared.sealing`), base64: personal data travels in nothing else."""


def _written(value: object) -> object:
    """Let only a written date through: pydantic would read a number, or a text of digits, as a timestamp."""
    if isinstance(value, date) or (isinstance(value, str) and value[4:5] == "-" == value[7:8]):
        return value
    raise ValueError("not written as ISO 8601")


Instant = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_written)]
"""An instant with its zone, RFC 3339."""

Day = Annotated[date, Field(strict=False), BeforeValidator(_written)]
"""A calendar day, ISO 8601 (`2026-11-21`)."""


class Data(BaseModel):
    """The payload of an event that Carnet publishes; a reader ignores fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, populate_by_name=False)


class Event(BaseModel):
    """A CloudEvents 1.0 envelope; a subclass names its wire type and the shape of its data."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    TYPE: ClassVar[str]
    """The wire type, which is the routing key too: never derived from the class's name."""

    specversion: Literal["1.0"] = "1.0"
    id: EventId
    source: Source
    type: str
    time: Instant
    subject: RecordId | None = None
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str | None = Field(default=None, max_length=256)
    correlationid: Annotated[str, Field(max_length=200)] | None = None
    causationid: Annotated[str, Field(max_length=200)] | None = None
    traceparent: Annotated[str, Field(pattern=r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")] | None = None
    data: Data

    @classmethod
    def new(
        cls,
        *,
        source: str,
        time: datetime,
        data: Data,
        subject: str | None = None,
        cause: "Event | None" = None,
    ) -> Self:
        """Make an event of this type, linked to the one that caused it (same correlation and trace).

        The values are Carnet's own and typed, so they are not validated again.
        """
        attributes: dict[str, Any] = {
            "id": secrets.token_hex(16),
            "source": source,
            "time": time,
            "subject": subject if subject is not None or cause is None else cause.subject,
            "data": data,
            **_lineage(cause),
        }
        return cast("Self", _blank(cls).model_copy(update=attributes))

    def to_json(self) -> bytes:
        """Return the structured-mode JSON of this event; absent attributes are left out."""
        return self.__pydantic_serializer__.to_json(self, exclude_none=True, serialize_as_any=True)


@cache
def _blank(contract: type[Event]) -> Event:
    """Return an event with only what all of its type share: copying it costs half of what making one does."""
    attributes: dict[str, Any] = {"type": contract.TYPE, "dataschema": schema_name(contract.TYPE)}
    return contract.model_construct(None, **attributes)


def schema_name(wire_type: str) -> str:
    """Return the ``dataschema`` of a wire type: its file under ``shared/contracts/schemas``."""
    return f"urn:carnet:schema:{wire_type}"


def _lineage(cause: Event | None) -> dict[str, str | None]:
    if cause is None:
        return {"traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"}
    return {
        "correlationid": cause.correlationid or f"{cause.source}|{cause.id}",
        "causationid": f"{cause.source}|{cause.id}",
        "traceparent": _child_trace(cause.traceparent),
    }


def _child_trace(parent: str | None) -> str:
    trace = parent[3:35] if parent else secrets.token_hex(16)
    return f"00-{trace}-{secrets.token_hex(8)}-01"
