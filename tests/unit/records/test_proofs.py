"""The proof of an opposition: what it says, who gets it, and the trace of its reading."""

from base64 import b64decode, b64encode
from datetime import date, timedelta
from functools import partial

import orjson
import pytest

from services.records.domain.opposition import Effect, Opposition, Way
from services.records.domain.proof import Holder, Proof, proof_of
from services.records.handlers.desk import Refused
from services.records.handlers.proofs import IDENTITY_SCHEMA, prove, prove_for
from shared.contracts.accesses import SCHEMA, AccessTracedV1, AccessV1, ActorV1
from shared.sealing import KeyClass, aad, open_box, seal
from tests.unit.records.office import CARD_OF_ALICE, POSTED, START, Office

BOB = "index of bob"


@pytest.fixture
def office() -> Office:
    """Give a service with nobody registered."""
    return Office()


async def sealed(office: Office, name: str = "alice") -> str:
    """Return a person's identity as an insurer's registration brings it."""
    record = (await office.vault.ensure_subjects({f"index of {name}"}))[f"index of {name}"]
    owner = (record, KeyClass.IDENTITY)
    key = (await office.vault.ensure_keys({owner}))[owner]
    traits = {"birth_name": "MARTIN", "given_names": ["ZOÉ"], "birth_date": "1980-02-29", "sex": "F"}
    return b64encode(seal(key, orjson.dumps({"traits": traits}), aad(record, record, IDENTITY_SCHEMA))).decode()


async def prove_to_holder(office: Office, attestation: str, index: str = CARD_OF_ALICE) -> Proof | Refused:
    """Ask for a proof with attestation and INS."""
    return await office.perform(lambda unit: prove(index, attestation, unit, desk=office.desk))


def told(trace: AccessTracedV1) -> tuple[str, str, str]:
    """Return what a trace says in clear."""
    return trace.data.action, trace.data.outcome, trace.data.rule


def opened(office: Office, trace: AccessTracedV1) -> ActorV1:
    """Return who a trace says it was."""
    assert trace.subject is not None
    key, place = office.vault.keys[trace.subject, KeyClass.AUDIT], aad(trace.subject, trace.data.trace_id, SCHEMA)
    return AccessV1.model_validate_json(open_box(key, b64decode(trace.data.sealed), place)).actor


class TestProof:
    """The proof of an opposition."""

    async def test_what_it_says(self, office: Office):
        """It says whom it is about, channel, day, moment and effect, and not the person's number (F11)."""
        record = await office.notified(sealed=await sealed(office))
        made = await office.oppose(office.code(record))
        assert isinstance(made, Opposition)

        found = await prove_to_holder(office, made.id)

        assert isinstance(found, Proof)
        assert found.holder == Holder("ZOÉ MARTIN", "F", date(1980, 2, 29))
        assert (found.attestation, found.dated, found.recorded_at) == (made.id, POSTED, made.at)
        assert "en ligne" in found.way
        assert await prove_to_holder(office, made.id) == found

    async def test_an_erased_person(self, office: Office):
        """Who was erased has a proof still, without a name."""
        record = await office.notified(sealed=await sealed(office))
        made = await office.oppose(office.code(record))
        assert isinstance(made, Opposition)
        await office.vault.destroy_keys(record, [KeyClass.IDENTITY])

        found = await prove_to_holder(office, made.id)

        assert isinstance(found, Proof)
        assert found.holder is None

    async def test_strangers_learn_nothing(self, office: Office):
        """A wrong number, somebody else's and nobody's INS are told and counted alike."""
        record = await office.notified()
        await office.notified("bob")
        made = await office.oppose(office.code(record))
        assert isinstance(made, Opposition)

        answers = [
            await prove_to_holder(office, "0" * 32),
            await prove_to_holder(office, made.id, BOB),
            await prove_to_holder(office, made.id, "index of nobody"),
        ]

        assert answers == [Refused("attestation-unknown")] * 3
        assert [len(each.failed) for each in office.tries.rows.values()] == [1, 1, 1]

    async def test_guessing(self, office: Office):
        """After ten wrong numbers the right one is not looked at for a while."""
        record = await office.notified()
        made = await office.oppose(office.code(record))
        assert isinstance(made, Opposition)
        for _ in range(10):
            await prove_to_holder(office, "0" * 32)

        assert await prove_to_holder(office, made.id) == Refused("too-many-tries", timedelta(minutes=15))

    async def test_for_its_agent_only(self, office: Office):
        """An agent gets the proof of what this agent wrote down, and of nothing else (F11)."""
        await office.notified()
        made = await office.oppose_for(POSTED, Way.PHONE)
        assert isinstance(made, Opposition)

        mine = await office.perform(lambda unit: prove_for(made.id, "agent-7", unit, desk=office.desk))
        other = await office.perform(lambda unit: prove_for(made.id, "agent-8", unit, desk=office.desk))

        assert isinstance(mine, Proof)
        assert other == Refused("attestation-unknown")

    async def test_its_reading_is_traced(self, office: Office):
        """F57: who was given a proof, person or agent, is in the log about the record."""
        record = await office.notified(sealed=await sealed(office))
        made = await office.oppose_for(POSTED, Way.PHONE)
        assert isinstance(made, Opposition)

        await prove_to_holder(office, made.id)
        await office.perform(lambda unit: prove_for(made.id, "agent-7", unit, desk=office.desk))

        holder, agent = office.published(AccessTracedV1)
        assert holder.subject == agent.subject == record
        assert [told(each) for each in (holder, agent)] == [
            ("proof-read", "permitted", "attestation"),
            ("proof-read", "permitted", "own-writing"),
        ]
        assert (opened(office, holder).kind, opened(office, holder).number) == ("patient", None)
        assert (opened(office, agent).kind, opened(office, agent).number) == ("phone-agent", "agent-7")

    async def test_an_agent_s_attempt_is_traced(self, office: Office):
        """F57: an agent who asks for another's is traced about the person, one who asks for nothing about nobody."""
        record = await office.notified()
        made = await office.oppose_for(POSTED, Way.PHONE)
        assert isinstance(made, Opposition)

        for attestation in (made.id, "0" * 32):
            await office.perform(partial(prove_for, attestation, "agent-8", desk=office.desk))

        assert [(each.subject, *told(each)) for each in office.published(AccessTracedV1)] == [
            (record, "proof-read", "denied", "other-agent"),
            (None, "proof-read", "denied", "attestation-unknown"),
        ]

    @pytest.mark.parametrize("effect", list(Effect))
    @pytest.mark.parametrize("way", list(Way))
    def test_every_effect_and_way_has_its_words(self, effect: Effect, way: Way):
        """Whatever was decided by whatever way is told with what it means and what comes next (F11)."""
        found = proof_of(Opposition("a" * 32, "r", way, "holder", POSTED, START, effect, 2), None)

        assert all((found.way, found.effect, found.meaning, *found.then))
        assert ("numéro de cette attestation" in found.then[0]) is (effect is Effect.DMP_KEPT)
