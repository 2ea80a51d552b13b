"""What insurers get wrong, as a table: how a good event is spoiled, and what Carnet must make of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import orjson

from shared.contracts.reasons import REASONS
from shared.identity.ins import NIR, key_of
from shared.messaging.cloudevents import SINGLE
from shared.messaging.topology import INGEST_BENEFICIARIES, INGEST_REIMBURSEMENTS, INGEST_UNKNOWN
from simulator.publications import ACCEPTED, End, Publication

Event: TypeAlias = dict[str, Any]
Spoil: TypeAlias = Callable[[Event], None]

_UNKNOWN_TYPE: Final = "reimbursement.settled.v9"


@dataclass(frozen=True, slots=True)
class Mistake:
    """How an event is spoiled and how it must end; ``same_id`` keeps the id of the good event it comes from.

    ``alone``: a message of its own, because what is wrong is the message. ``body`` spoils the bytes.
    """

    ends: tuple[End, ...]
    spoil: Spoil = lambda event: None  # noqa: ARG005
    same_id: bool = False
    key: str | None = None
    alone: bool = False
    content_type: str = SINGLE
    body: Callable[[bytes], bytes] = bytes

    def of(self, good: Publication, serial: int) -> Publication:
        """Return the spoiled copy of a good publication; ``serial`` tells copies of one event apart."""
        event = orjson.loads(good.body)
        if not self.same_id:
            _rename(event, serial)
        self.spoil(event)
        return replace(
            good,
            key=self.key or good.key,
            body=self.body(orjson.dumps(event)),
            ends=self.ends,
            alone=self.alone,
            content_type=self.content_type,
        )


def _rename(event: Event, serial: int) -> None:
    """Give an event an id of its own; that of a line is repeated in its payload."""
    stem, _, number = event["id"].rpartition("/")
    event["id"] = f"{stem}.x{serial}/{number}"
    if "flux" in event["data"]:
        event["data"]["flux"] = f"{stem}.x{serial}"


def _put(path: str, value: object) -> Spoil:
    """Return what writes a value at a path of field names."""
    *parents, last = path.split(".")

    def spoil(event: Event) -> None:
        for name in parents:
            event = event[name]
        event[last] = value

    return spoil


def _written(path: str, text: str) -> Spoil:
    """Return what writes JSON as it is, which no serialiser would."""
    return _put(path, orjson.Fragment(text))


def _all(*spoils: Spoil) -> Spoil:
    def spoil(event: Event) -> None:
        for each in spoils:
            each(event)

    return spoil


def _wrong_key(event: Event) -> None:
    ins = event["data"]["ins"]
    ins["value"] = f"{ins['value'][:13]}{(int(ins['value'][13:]) % 97) + 1:02d}"


def _stranger(event: Event) -> None:
    """Name somebody whom nobody registered: no birth is numbered 999 in commune 999 of department 99."""
    body = f"{event['data']['ins']['value'][:5]}99999999"
    event["data"]["ins"]["value"] = body + key_of(body)


def _other_source(event: Event) -> None:
    event["source"] = "/insurers/msa" if event["source"] != "/insurers/msa" else "/insurers/mgen"


def _other_regime(event: Event) -> None:
    event["data"]["regime"] = "MSA" if event["data"]["regime"] != "MSA" else "RG"


def _missing(event: Event) -> None:
    del event["data"]["caisse"]


def _overpaid(event: Event) -> None:
    event["data"]["reimbursed"] += 500


def _more(event: Event) -> None:
    event["data"]["coefficient_hundredths"] += 100


def _line(state: str, reason: str | None = None) -> tuple[End, ...]:
    return (End(INGEST_REIMBURSEMENTS.queue, state, reason),)


def _person(state: str, reason: str | None = None) -> tuple[End, ...]:
    return (End(INGEST_BENEFICIARIES.queue, state, reason),)


LINES: Final[Mapping[str, Mistake]] = {
    "the same line twice": Mistake(_line("duplicate"), same_id=True),
    "an id used again": Mistake(_line("refused", "id-reuse"), _more, same_id=True),
    "nobody has this INS": Mistake(_line("quarantined", "ins-unknown"), _stranger),
    "wrong INS key": Mistake(_line("refused", "ins-key"), _all(_put("data.ins.oid", NIR), _wrong_key)),
    "another's source": Mistake(_line("refused", "source-foreign"), _other_source),
    "another's regime": Mistake(_line("refused", "regime-mismatch"), _other_regime),
    "amounts that disagree": Mistake(_line("refused", "amount-inconsistent"), _overpaid),
    "a negative amount": Mistake(_line("refused", "amount-negative"), _put("data.paid", -100)),
    "minus zero": Mistake(_line("refused", "number-negative-zero"), _written("data.supplements", "-0")),
    "a ten-millionth": Mistake(_line("refused", "number-not-integer"), _written("data.supplements", "1e-7")),
    "not a number": Mistake(_line("refused", "number-not-finite"), _written("data.supplements", "NaN")),
    "5,000 digits": Mistake(_line("refused", "number-too-large"), _written("data.paid", "9" * 5000)),
    "30 February": Mistake(_line("refused", "date-invalid"), _put("data.care_start", "2026-02-30")),
    "care in the future": Mistake(_line("refused", "date-future"), _put("data.settled_on", "2999-01-01")),
    "an unknown field": Mistake(_line("refused", "field-unknown"), _put("data.comment", "?")),
    "a missing field": Mistake(_line("refused", "field-missing"), _missing),
    "half a letter": Mistake(_line("refused", "text-not-unicode"), _written("data.act.label", '"\\ud800"')),
    "an unknown version": Mistake(
        (End(INGEST_UNKNOWN.queue, "quarantined", "type-unknown"),), _put("type", _UNKNOWN_TYPE), key=_UNKNOWN_TYPE
    ),
    "JSON cut short": Mistake(_line("refused", "json-malformed"), alone=True, body=lambda body: body[:-20]),
    "not an event": Mistake(_line("refused", "content-type"), alone=True, content_type="text/plain"),
}
"""Mistakes in settled lines, in the order in which they are made."""

PEOPLE: Final[Mapping[str, Mistake]] = {
    "the same person twice": Mistake(_person("duplicate"), same_id=True),
    "other traits, same INS": Mistake(
        _person("quarantined", "traits-mismatch"),
        _all(_put("data.version", 2), _put("data.traits.birth_name", "INCONNU")),
    ),
    "unverified identity": Mistake(
        _person("quarantined", "identity-not-qualified"), _put("data.identity_status", "PROVISIONAL")
    ),
    "wrong INS key": Mistake(_person("refused", "ins-key"), _all(_put("data.ins.oid", NIR), _wrong_key)),
    "wrong key of a test INS": Mistake(ACCEPTED, _wrong_key),
    "born in the future": Mistake(_person("refused", "date-future"), _put("data.traits.birth_date", "2999-01-01")),
}
"""Mistakes in registrations. A wrong key under the test OID is kept and flagged (F19)."""


def unexplained() -> set[str]:
    """Return reasons of these tables that the contracts do not list: none."""
    ends = [end for table in (LINES, PEOPLE) for mistake in table.values() for end in mistake.ends]
    return {end.reason for end in ends if end.reason is not None} - REASONS.keys()
