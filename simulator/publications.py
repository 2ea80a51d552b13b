"""What an insurer puts on the wire for a person or a settled line, and what must become of it in every service.

The expected ends are worked out here from the law alone, without any code of the services: they are what the
services' own books are compared with.
"""

from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

from shared.clock import paris_date
from shared.contracts.event import schema_name
from shared.contracts.insurers import BeneficiaryRegisteredV1, ReimbursementSettledV1
from shared.messaging.cloudevents import SINGLE
from shared.messaging.topology import (
    INGEST_BENEFICIARIES,
    INGEST_REIMBURSEMENTS,
    NOTIFICATIONS_BENEFICIARIES,
    RECORDS_BENEFICIARIES,
    RECORDS_REIMBURSEMENTS,
)
from simulator.claim_line import ClaimLine
from simulator.population import DMP_CREATION_ENDED, Person

SHOWN_MONTHS: Final = 24
"""How much of the past a record shows."""


_VERSION: Final = 1
"""Of every registration that is published."""


class End(NamedTuple):
    """What must become of an event in one flow: its queue, the state it ends in, the reason if there is one."""

    queue: str
    state: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """One event, serialised, with its ends; ``alone`` keeps it out of batches."""

    insurer: str
    key: str
    body: bytes
    ends: tuple[End, ...]
    alone: bool = False
    content_type: str = SINGLE

    @property
    def is_copy(self) -> bool:
        """Whether its event was published before: then it is none more."""
        return any(end.state == "duplicate" for end in self.ends)


ACCEPTED: Final = (
    End(INGEST_BENEFICIARIES.queue, "done"),
    End(RECORDS_BENEFICIARIES.queue, "done"),
    End(NOTIFICATIONS_BENEFICIARIES.queue, "done"),
)
"""What becomes of a person's registration when nothing is wrong with it."""


@dataclass(frozen=True, slots=True)
class Season:
    """When the simulated insurers publish: the instant that their events name, and the day that decides."""

    time: str
    today: date

    @property
    def first_shown_month(self) -> str:
        """The oldest month of care that a record takes today."""
        months = self.today.year * 12 + self.today.month - 1 - SHOWN_MONTHS
        return f"{months // 12:04}-{months % 12 + 1:02}"

    def registration(self, person: Person) -> Publication:
        """Return the registration of a person, at version 1."""
        body = self._envelope(
            BeneficiaryRegisteredV1.TYPE, person.insurer, registration_id(person), beneficiary_data(person)
        )
        return Publication(person.insurer, BeneficiaryRegisteredV1.TYPE, body, ACCEPTED)

    def settlement(self, person: Person, line: ClaimLine, *, opened: bool | None = None) -> Publication:
        """Return a settled line of a person; ``opened``: whether the record is open, by default as registered."""
        body = self._envelope(ReimbursementSettledV1.TYPE, person.insurer, line.id, line)
        ends = self._ends(line, opened=is_open(person) if opened is None else opened)
        return Publication(person.insurer, ReimbursementSettledV1.TYPE, body, ends)

    def _envelope(self, wire_type: str, insurer: str, identifier: str, data: object) -> bytes:
        """A dataclass is serialised as it is: its fields are the contract's, which a test proves."""
        return orjson.dumps(
            {
                "specversion": "1.0",
                "id": identifier,
                "source": f"/insurers/{insurer}",
                "type": wire_type,
                "time": self.time,
                "datacontenttype": "application/json",
                "dataschema": schema_name(wire_type),
                "data": data,
            }
        )

    def _ends(self, line: ClaimLine, *, opened: bool) -> tuple[End, ...]:
        if line.minor_secret:
            return (End(INGEST_REIMBURSEMENTS.queue, "ignored", "minor-secret"),)
        return End(INGEST_REIMBURSEMENTS.queue, "done"), self._end_in_record(line.care_start, opened=opened)

    def _end_in_record(self, care: date, *, opened: bool) -> End:
        if not opened:
            return End(RECORDS_REIMBURSEMENTS.queue, "ignored", "account-not-open")
        if care.isoformat()[:7] < self.first_shown_month:
            return End(RECORDS_REIMBURSEMENTS.queue, "ignored", "older-than-24-months")
        return End(RECORDS_REIMBURSEMENTS.queue, "done")


def season_at(instant: datetime) -> Season:
    """Return when something is published: at an instant, on its day in Paris."""
    return Season(instant.isoformat(timespec="seconds"), paris_date(instant))


def is_open(person: Person) -> bool:
    """Tell whether a person's record is open from its registration on (F03)."""
    return person.dmp_created_on is not None and person.dmp_created_on < DMP_CREATION_ENDED


def beneficiary_data(person: Person) -> dict[str, Any]:
    """Return the payload of a person's registration."""
    return {
        "version": _VERSION,
        "ins": {"value": person.ins, "oid": person.oid},
        "identity_status": "QUALIFIED",
        "traits": {
            "birth_name": person.birth_name,
            "given_names": person.given_names,
            "birth_date": person.birth_date,
            "sex": person.sex,
            "birth_place": person.birth_place,
        },
        "used_name": person.used_name,
        "address": person.address,
        "department": person.department,
        "email": person.email,
        "regime": person.regime,
        "caisse": person.caisse,
        "holder_nir": person.holder_nir,
        "dmp_created_on": person.dmp_created_on,
    }


def registration_id(person: Person) -> str:
    """Return the id of a person's registration, the only words in which Carnet can ask the insurer about anybody."""
    return f"{_file_number(person)}/{_VERSION}"


def _file_number(person: Person) -> str:
    """Return an insurer's own number of a person's file: an INS has no place in an id."""
    return blake2b(person.ins.encode(), digest_size=8, key=b"simulator").hexdigest()
