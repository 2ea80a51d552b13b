"""The proof of an opposition, for whoever made it and for the agent who wrote it down (F11); its reading is traced."""

from datetime import date

import orjson

from services.records.domain.account import Account
from services.records.domain.opposition import Opposition
from services.records.domain.proof import Holder, Proof, proof_of
from services.records.handlers.desk import Desk, Refused, recognise_attestation
from services.records.handlers.tracing import SERVICE
from shared.contracts.accesses import AccessV1, ActorV1, Outcome
from shared.messaging.traces import trace_access
from shared.messaging.unit import Unit
from shared.sealing import Sealed, aad, open_many

IDENTITY_SCHEMA = "identity.v1"


async def prove(index: str, attestation: str, unit: Unit, *, desk: Desk) -> Proof | Refused:
    """Return the proof for whoever knows INS and attestation."""
    found = await recognise_attestation(index, attestation, unit, desk)
    if isinstance(found, Refused):
        return found
    await _trace(ActorV1(kind="patient"), found.made.record, "attestation", unit, desk)
    return await _proof(found.made, found.file.account, desk)


async def prove_for(attestation: str, actor: str, unit: Unit, *, desk: Desk) -> Proof | Refused:
    """Return the proof of an opposition that this agent wrote down; of another's it tells nothing."""
    made = await desk.oppositions.find(attestation)
    agent = ActorV1(kind="phone-agent", number=actor)
    if made is None or made.actor != actor:
        rule = "attestation-unknown" if made is None else "other-agent"
        await _trace(agent, None if made is None else made.record, rule, unit, desk, outcome="denied")
        return Refused("attestation-unknown")
    await _trace(agent, made.record, "own-writing", unit, desk)
    return await _proof(made, (await desk.accounts.find({made.record}))[made.record], desk)


async def _trace(
    actor: ActorV1, record: str | None, rule: str, unit: Unit, desk: Desk, *, outcome: Outcome = "permitted"
) -> None:
    """Write the trace down with what is done: the proof is printed and sent after the commit (F57)."""
    trace = await trace_access(
        AccessV1(actor=actor),
        record=record,
        action="proof-read",
        outcome=outcome,
        rule=rule,
        service=SERVICE,
        time=desk.clock.now(),
        vault=desk.vault,
    )
    unit.emit(trace)


async def _proof(made: Opposition, account: Account, desk: Desk) -> Proof:
    """Open the identity for the moment of writing; who was erased has a proof without a name."""
    box = Sealed(account.registration.box, aad(account.record, account.record, IDENTITY_SCHEMA))
    (opened,) = await open_many(desk.vault, [box])
    return proof_of(made, _holder(opened) if isinstance(opened, bytes) else None)


def _holder(identity: bytes) -> Holder:
    told = orjson.loads(identity)
    traits = told["traits"]
    name = told.get("used_name") or traits["birth_name"]
    return Holder(f"{traits['given_names'][0]} {name}", traits["sex"], date.fromisoformat(traits["birth_date"]))
