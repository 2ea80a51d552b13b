"""Makes the trace of an access: what was decided in clear, who asked about what in a box (CSP R1111-43)."""

from base64 import b64encode
from datetime import datetime
from hashlib import sha256
from secrets import token_hex
from typing import Final
from uuid import uuid4

from shared.contracts.accesses import SCHEMA, AccessTracedV1, AccessTracedV1Data, AccessV1, Action, ActorV1, Outcome
from shared.identity import Professional, Structure, name_of
from shared.sealing import KeyClass, KeyMaker, Owner, aad, seal

_SALT_BYTES: Final = 16

NAMED: Final = frozenset({"professional", "machine"})
"""Kinds of actors whose traces are found by their national id."""


async def trace_access(
    access: AccessV1,
    *,
    record: str | None,
    action: Action,
    outcome: Outcome,
    rule: str,
    service: str,
    time: datetime,
    vault: KeyMaker,
    index_key: bytes | None = None,
) -> AccessTracedV1:
    """Return the event to commit before anything is answered; ``record`` is None where nobody is known by the name.

    ``index_key`` makes the opaque name by which professionals and structures find their traces (F59): without it, a
    trace of one of them is refused.

    What strangers ask about is sealed under a key of the service: a key of its own for every guess would fill the
    vault.
    """
    owner: Owner = (service, KeyClass.INTAKE) if record is None else (record, KeyClass.AUDIT)
    key = (await vault.ensure_keys([owner]))[owner]
    trace = uuid4().hex
    text = access.model_copy(update={"salt": token_hex(_SALT_BYTES)}).model_dump_json(exclude_none=True).encode()
    box = seal(key, text, aad(owner[0], trace, SCHEMA))
    named = _opaque(access.actor, index_key)
    data = AccessTracedV1Data(
        trace_id=trace,
        action=action,
        outcome=outcome,
        rule=rule,
        said=sha256(text).hexdigest(),
        sealed=b64encode(box).decode(),
    )
    event = AccessTracedV1.new(source=f"/{service}", time=time, subject=record, data=data)
    return event if named is None else event.model_copy(update={"actor": named})


def _opaque(actor: ActorV1, key: bytes | None) -> str | None:
    if actor.kind not in NAMED or actor.number is None:
        return None
    if key is None:
        raise ValueError("a professional's trace needs the index key")
    return name_of(key, actor.number)


def actor_of(who: Professional | Structure) -> ActorV1:
    """Return a professional, or a structure whose software asks, as a trace tells it."""
    if isinstance(who, Structure):
        return ActorV1(kind="machine", number=who.national_id, organisation_id=who.national_id, organisation=who.name)
    return ActorV1(
        kind="professional",
        number=who.national_id,
        name=who.name or None,
        profession=who.profession,
        organisation_id=who.organisation_id,
        organisation=who.organisation,
    )
