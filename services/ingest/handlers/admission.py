"""From what an authenticated publisher sent to an event: who may say it, and does it have the shape."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn, TypeVar

from pydantic import ValidationError

from services.ingest.domain.insurers import Insurer, Insurers
from shared.contracts.event import Event
from shared.contracts.insurers import BeneficiaryRegisteredV1, ReimbursementSettledV1
from shared.errors import RefusedError
from shared.messaging.delivery import Delivery
from shared.strict_json import Unreadable

C = TypeVar("C", bound=Event)

CONTRACTS: Final[Mapping[str, type[Event]]] = {
    contract.TYPE: contract for contract in (BeneficiaryRegisteredV1, ReimbursementSettledV1)
}
"""What insurers may publish."""

CODES: Final[Mapping[str, str]] = {
    "missing": "field-missing",
    "extra_forbidden": "field-unknown",
    "bool_type": "field-type",
    "int_from_float": "field-type",
    "int_parsing": "field-type",
    "int_type": "field-type",
    "list_type": "field-type",
    "model_attributes_type": "field-type",
    "model_type": "field-type",
    "none_required": "field-type",
    "string_type": "field-type",
    "greater_than_equal": "field-range",
    "int_parsing_size": "field-range",
    "less_than_equal": "field-range",
    "literal_error": "field-range",
    "string_too_long": "field-range",
    "string_too_short": "field-range",
    "too_long": "field-range",
    "too_short": "field-range",
    "string_pattern_mismatch": "field-format",
    "string_unicode": "text-not-unicode",
    "date_from_datetime_inexact": "date-invalid",
    "date_from_datetime_parsing": "date-invalid",
    "date_parsing": "date-invalid",
    "date_type": "date-invalid",
    "datetime_from_date_parsing": "date-invalid",
    "datetime_object_invalid": "date-invalid",
    "datetime_parsing": "date-invalid",
    "datetime_type": "date-invalid",
    "timezone_aware": "date-invalid",
    "value_error": "date-invalid",  # the contracts' only validator of their own: a date is written
}
"""Stable codes for pydantic's error types: the only place that knows both."""

_NUMBER: Final = 13
"""Characters of a NIR or NIA without its key."""

_OTHERWISE: Final = "field-format"
_ENVELOPE: Final = frozenset({"specversion", "datacontenttype", "subject"})


def admission(contract: type[C], insurers: Insurers) -> Callable[[Any, bytes, Delivery], C]:
    """Return what turns the messages of one flow into events of its contract."""

    def admit_one(document: Any, _raw: bytes, delivery: Delivery) -> C:
        event = admit(document, delivery, insurers=insurers)
        if not isinstance(event, contract):
            raise RefusedError("type-mismatch", "type")
        return event

    return admit_one


def nothing_known(insurers: Insurers) -> Callable[[Any, bytes, Delivery], NoReturn]:
    """Return what refuses the messages of the flow where the broker puts types that it knows no queue for."""

    def refuse_one(document: Any, _raw: bytes, delivery: Delivery) -> NoReturn:
        admit(document, delivery, insurers=insurers)
        raise RefusedError("type-unknown", "type")

    return refuse_one


def admit(document: Any, delivery: Delivery, *, insurers: Insurers) -> Event:
    """Return the event that an insurer published; raise `RefusedError` with a stable code and no value of it.

    The publisher comes first: before its source is verified, nothing else of a document is believed.
    """
    insurer = _publisher(delivery, insurers)
    if isinstance(document, Unreadable):
        raise RefusedError(document.code)
    if not isinstance(document, dict):
        raise RefusedError("envelope-invalid")
    _check_source(document.get("source"), insurer)
    if document.get("specversion") != "1.0":
        raise RefusedError("envelope-invalid", "specversion")
    contract = _contract_of(document.get("type"), delivery.routing_key)
    try:
        event = contract.model_validate(document)
    except ValidationError as error:
        raise _refusal(error) from None
    _check_impersonal(event)
    return event


def _publisher(delivery: Delivery, insurers: Insurers) -> Insurer:
    if delivery.user is None:
        raise RefusedError("publisher-unauthenticated")
    insurer = insurers.by_user.get(delivery.user)
    if insurer is None:
        raise RefusedError("publisher-unknown")
    return insurer


def _check_source(source: object, insurer: Insurer) -> None:
    if source is None:
        raise RefusedError("field-missing", "source")
    if source != insurer.source:
        raise RefusedError("source-foreign", "source")


def _contract_of(wire_type: object, routing_key: str) -> type[Event]:
    if wire_type is None:
        raise RefusedError("field-missing", "type")
    contract = CONTRACTS.get(wire_type) if isinstance(wire_type, str) else None
    if contract is None:
        raise RefusedError("type-unknown", "type")
    if wire_type != routing_key:
        raise RefusedError("type-mismatch", "type")
    return contract


def _check_impersonal(event: Event) -> None:
    """Ids travel in clear: none may hold the number of the person whom the event is about, however it is spaced."""
    assert isinstance(event, BeneficiaryRegisteredV1 | ReimbursementSettledV1)  # noqa: S101 - the CONTRACTS
    numbers = {_bare(number)[:_NUMBER] for number in (event.data.ins.value, event.data.holder_nir)}
    for place in ("id", "correlationid", "causationid"):
        text = _bare(getattr(event, place) or "")
        if any(number in text for number in numbers if len(number) == _NUMBER):
            raise RefusedError("id-personal", place)


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text)).upper()


def _refusal(error: ValidationError) -> RefusedError:
    """The first thing that pydantic found, in the order of our fields."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = first["loc"]
    if first["type"] == "extra_forbidden":
        return RefusedError("field-unknown", _path(place[:-1]))  # the key itself is the sender's text
    if isinstance(first["input"], Unreadable):
        return RefusedError(first["input"].code, _path(place))
    if first["type"] != "missing" and place and place[0] in _ENVELOPE:
        return RefusedError("envelope-invalid", _path(place))
    return RefusedError(CODES.get(first["type"], _OTHERWISE), _path(place))


def _path(place: Sequence[int | str]) -> str | None:
    """Field names only: a list's members share the list's path."""
    return ".".join(part for part in place if isinstance(part, str)) or None
