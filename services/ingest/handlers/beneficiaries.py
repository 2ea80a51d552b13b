"""Registrations: checked, given a record id and keys, sealed and passed on."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import orjson

from services.ingest.domain.beneficiaries import check_beneficiary, doubt_about, traits_digest
from services.ingest.domain.days import latest_day
from services.ingest.domain.insurers import Insurers
from services.ingest.handlers.persons import identify
from services.ingest.handlers.refusals import SOURCE, Desk
from services.ingest.ports import IdentityStore
from shared.clock import Clock
from shared.contracts.ingest import BeneficiaryAcceptedV1, BeneficiaryAcceptedV1Data
from shared.contracts.insurers import BeneficiaryRegisteredV1
from shared.errors import RefusedError
from shared.identity import Ins, RecordId, blind_index
from shared.messaging.unit import Unit
from shared.sealing import Key, KeyClass, Vault, aad, seal

IDENTITY_SCHEMA: Final = "identity.v1"
"""What is in the box of an accepted registration."""

_CLASSES: Final = (KeyClass.IDENTITY, KeyClass.CONTENT, KeyClass.REIMBURSEMENT, KeyClass.AUDIT)
_SEALED: Final = {"traits", "used_name", "address", "email", "holder_nir", "caisse"}


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A registration that broke no rule and raised no doubt by itself."""

    event: BeneficiaryRegisteredV1
    ins: Ins
    index: str
    digest: bytes


async def accept_beneficiaries(
    events: Sequence[BeneficiaryRegisteredV1],
    unit: Unit,
    *,
    vault: Vault,
    identities: IdentityStore,
    insurers: Insurers,
    index_key: bytes,
    clock: Clock,
    production: bool,
) -> None:
    """Accept registrations; refuse what breaks a rule, quarantine what a person has to look at (F19-F21)."""
    desk = Desk(unit, insurers, clock.now())
    latest = latest_day(desk.now)
    judged = [_judge(event, desk, index_key, latest=latest, production=production) for event in events]
    candidates = [candidate for candidate in judged if candidate is not None]
    if not candidates:
        return
    records = await vault.ensure_subjects({candidate.index for candidate in candidates})
    known = await identities.digests(set(records.values()))
    new: dict[str, bytes] = {}
    accepted: list[tuple[_Candidate, RecordId]] = []
    for candidate in candidates:
        record = records[candidate.index]
        first = known[record] if record in known else new.setdefault(record, candidate.digest)
        if first == candidate.digest:
            accepted.append((candidate, record))
        else:
            desk.quarantine(candidate.event, "traits-mismatch")
    owners = {(record, name) for _, record in accepted for name in _CLASSES}
    keys = await vault.ensure_keys(owners)
    identities.add(new, unit)
    for candidate, record in accepted:
        unit.emit(_accepted(candidate, record, keys[record, KeyClass.IDENTITY], desk))


def _judge(
    event: BeneficiaryRegisteredV1, desk: Desk, index_key: bytes, *, latest: date, production: bool
) -> _Candidate | None:
    data = event.data
    try:
        ins = identify(data.ins, production=production)
        check_beneficiary(data, desk.insurer(event), latest=latest)
    except RefusedError as error:
        desk.refuse(event, error)
        return None
    if doubt := doubt_about(data):
        desk.quarantine(event, doubt)
        return None
    return _Candidate(event, ins, blind_index(index_key, ins), traits_digest(index_key, data.traits))


def _accepted(candidate: _Candidate, record: str, key: Key, desk: Desk) -> BeneficiaryAcceptedV1:
    data, ins = candidate.event.data, candidate.ins
    identity = data.model_dump(mode="json", include=_SEALED, exclude_none=True)
    content = orjson.dumps({"ins": {"value": ins.value, "oid": ins.oid}, **identity})
    box = seal(key, content, aad(record, record, IDENTITY_SCHEMA))
    return BeneficiaryAcceptedV1.new(
        source=SOURCE,
        time=desk.now,
        subject=record,
        cause=candidate.event,
        data=BeneficiaryAcceptedV1Data(
            version=data.version,
            insurer=desk.insurer(candidate.event).code,
            regime=data.regime,
            department=data.department,
            dmp_created_on=data.dmp_created_on,
            ins_key_valid=ins.key_valid,
            sealed=b64encode(box).decode(),
        ),
    )
