"""Ingest's stores in memory, and an insurer's honest events to start from."""

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from services.ingest.domain.accounts import Account
from services.ingest.domain.deposits import Deposit, DepositState
from services.ingest.domain.insurers import Insurer, table_of
from shared.identity.ins import TEST
from shared.messaging.delivery import Delivery
from shared.messaging.failures import RacedError
from shared.messaging.unit import Unit

NOON: Final = datetime(2026, 11, 15, 12, tzinfo=UTC)
INDEX_KEY: Final = bytes(range(32))
INS: Final = "279035121518989"
OTHER_INS: Final = "255081416802538"

CPAM: Final = Insurer("cpam-44", "insurer.cpam-44", "/insurers/cpam-44", "RG", "CPAM 44", frozenset({"441"}))
MSA: Final = Insurer("msa", "insurer.msa", "/insurers/msa", "MSA", "MSA", frozenset())
INSURERS: Final = table_of([CPAM, MSA])

_LINE: Final[dict[str, Any]] = {
    "flux": "F-2026-11",
    "line": 7,
    "ins": {"value": INS, "oid": TEST},
    "holder_nir": INS,
    "regime": "RG",
    "caisse": "441",
    "care_start": "2026-11-03",
    "care_end": "2026-11-03",
    "prescribed_on": "2026-11-02",
    "settled_on": "2026-11-10",
    "act": {"family": "NGAP", "code": "G", "label": "Consultation", "nature": 1111},
    "quantity": 1,
    "performer": {"id_nat": "899700366240", "name": "DOC", "speciality": "01", "finess": "750712184"},
    "prescriber": {"id_nat": "899700366240", "name": "DOC"},
    "paid": 2700,
    "base": 2500,
    "rate_percent": 70,
    "reimbursed": 1750,
    "excess": 200,
}

REVERSED: Final = {"quantity": -1, "paid": -2700, "base": -2500, "reimbursed": -1750, "excess": -200}
"""The amounts that cancel those of the sample line."""

_PERSON: Final[dict[str, Any]] = {
    "version": 1,
    "ins": {"value": INS, "oid": TEST},
    "identity_status": "QUALIFIED",
    "traits": {
        "birth_name": "LEFÈVRE",
        "given_names": ["Anne", "Marie"],
        "birth_date": "1979-03-14",
        "sex": "F",
        "birth_place": "51215",
    },
    "used_name": "MARTIN",
    "address": ["12 rue des Lilas", "44000 NANTES"],
    "department": "44",
    "email": "anne@example.org",
    "regime": "RG",
    "caisse": "441",
    "holder_nir": INS,
    "dmp_created_on": "2019-05-02",
}


@dataclass
class StoppedClock:
    """A clock that shows what it was set to."""

    instant: datetime = NOON

    def now(self) -> datetime:
        """Return the instant it was set to."""
        return self.instant


class InMemoryIdentities:
    """`IdentityStore` without a database."""

    def __init__(self) -> None:
        self.rows: dict[str, bytes] = {}

    async def digests(self, records: Collection[str]) -> Mapping[str, bytes]:
        """Return what is known."""
        return {record: self.rows[record] for record in records if record in self.rows}

    def add(self, digests: Mapping[str, bytes], unit: Unit) -> None:
        """Write with the unit; the first writer wins."""
        if digests:
            unit.apply(partial(self._insert, dict(digests)))

    async def _insert(self, digests: Mapping[str, bytes], _session: Any) -> None:
        if digests.keys() & self.rows.keys():
            raise RacedError
        self.rows |= digests


class InMemoryAccountStates:
    """`AccountStore` without a database."""

    def __init__(self) -> None:
        self.rows: dict[str, Account] = {}

    async def find(self, records: Collection[str]) -> Mapping[str, Account]:
        """Return what is known."""
        return {record: self.rows[record] for record in records if record in self.rows}

    def save(self, accounts: Sequence[Account], unit: Unit, *, read: Mapping[str, Account]) -> None:
        """Write with the unit, if nothing changed since."""
        if accounts:
            unit.apply(partial(self._write, {account.record: account for account in accounts}, read))

    async def _write(self, accounts: Mapping[str, Account], read: Mapping[str, Account], _session: Any) -> None:
        if any(self.rows.get(record) != read.get(record) for record in accounts):
            raise RacedError
        self.rows |= accounts


class InMemoryDeposits:
    """`DepositStore` without a database."""

    def __init__(self) -> None:
        self.rows: dict[str, Deposit] = {}
        self.looks = 0
        """How often somebody asked for ended deposits."""
        self.fault: Exception | None = None
        """Raised instead of the next answer about ended deposits."""

    async def find(self, documents: Collection[str]) -> Mapping[str, Deposit]:
        """Return the deposits that exist."""
        return {document: self.rows[document] for document in documents if document in self.rows}

    async def ended(self, documents: Collection[str]) -> Mapping[str, Deposit]:
        """Return those whose fate is known."""
        self.looks += 1
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        found = await self.find(documents)
        return {document: each for document, each in found.items() if each.state is not DepositState.RECEIVED}

    def save(self, deposits: Sequence[Deposit], unit: Unit, *, read: Mapping[str, Deposit]) -> None:
        """Write with the unit, if nothing changed since."""
        if deposits:
            unit.apply(partial(self._write, {deposit.document: deposit for deposit in deposits}, read))

    async def _write(self, deposits: Mapping[str, Deposit], read: Mapping[str, Deposit], _session: Any) -> None:
        if any(self.rows.get(document) != read.get(document) for document in deposits):
            raise RacedError
        self.rows |= deposits


class InMemoryContents:
    """`ContentStore` without a database: boxes by content id."""

    def __init__(self) -> None:
        self.boxes: dict[str, bytes] = {}

    def add(self, content: str, record: str, box: bytes, unit: Unit) -> None:
        """Write with the unit."""
        unit.apply(partial(self._insert, content, box))

    async def _insert(self, content: str, box: bytes, _session: Any) -> None:
        self.boxes[content] = box


def line(**changes: Any) -> dict[str, Any]:
    """Return a settled line as an insurer sends it; a change may be dotted (``ins__oid``)."""
    return _changed(_LINE, changes)


def person(**changes: Any) -> dict[str, Any]:
    """Return a registration as an insurer sends it; a change may be dotted (``traits__sex``)."""
    return _changed(_PERSON, changes)


def settled(content: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Return the envelope of a settled line."""
    content = line() if content is None else content
    return {**_envelope("reimbursement.settled.v1", f"{content['flux']}/{content['line']}", content), **changes}


def registered(content: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Return the envelope of a registration."""
    return {**_envelope("beneficiary.registered.v1", "REG-1/1", person() if content is None else content), **changes}


def delivery(wire_type: str, *, user: str | None = CPAM.user, body: bytes = b"") -> Delivery:
    """Return a message of an insurer, as the broker hands it over."""
    return Delivery(
        body=body,
        content_type="application/cloudevents+json",
        routing_key=wire_type,
        message_id="m-1",
        user=user,
        redelivered=False,
        acknowledge=_nothing,
    )


async def applied(unit: Unit) -> Unit:
    """Apply a unit's effects, as the transaction would."""
    for effect in unit.effects:
        await effect(None)
    return unit


def _envelope(wire_type: str, event_id: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": CPAM.source,
        "type": wire_type,
        "time": "2026-11-15T10:00:00Z",
        "datacontenttype": "application/json",
        "data": data,
    }


def _changed(original: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    result = deepcopy(original)
    for name, value in changes.items():
        *parents, last = name.split("__")
        place = result
        for parent in parents:
            place = place[parent]
        place[last] = value
    return result


async def _nothing() -> None:
    return None
