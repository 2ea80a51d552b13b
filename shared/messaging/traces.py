"""Makes the trace of an access: what was decided in clear, who asked about what in a box (CSP R1111-43)."""

from base64 import b64encode
from datetime import datetime
from uuid import uuid4

from shared.contracts.accesses import SCHEMA, AccessTracedV1, AccessTracedV1Data, AccessV1, Action, ActorV1, Outcome
from shared.identity import Professional, Structure
from shared.sealing import KeyClass, KeyMaker, Owner, aad, seal


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
) -> AccessTracedV1:
    """Return the event to commit before anything is answered; ``record`` is None where nobody is known by the name.

    What strangers ask about is sealed under a key of the service: a key of its own for every guess would fill the
    vault.
    """
    owner: Owner = (service, KeyClass.INTAKE) if record is None else (record, KeyClass.AUDIT)
    key = (await vault.ensure_keys([owner]))[owner]
    trace = uuid4().hex
    box = seal(key, access.model_dump_json(exclude_none=True).encode(), aad(owner[0], trace, SCHEMA))
    data = AccessTracedV1Data(trace_id=trace, action=action, outcome=outcome, rule=rule, sealed=b64encode(box).decode())
    return AccessTracedV1.new(source=f"/{service}", time=time, subject=record, data=data)


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
