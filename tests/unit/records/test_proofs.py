"""What follows an opposition: its proof, its confirmation, a change of mind."""

from base64 import b64decode, b64encode
from datetime import date, timedelta
from functools import partial

import orjson
import pytest

from services.records.domain.account import Account, AccountState, Cause, transition
from services.records.domain.opposition import Effect, Opposition, Way
from services.records.domain.proof import Holder, Proof, proof_of
from services.records.handlers.activations import reopen_for
from services.records.handlers.desk import Refused
from services.records.handlers.oppositions import confirm, confirm_for
from services.records.handlers.proofs import IDENTITY_SCHEMA, prove, prove_for
from shared.contracts.accesses import SCHEMA, AccessTracedV1, AccessV1, ActorV1
from shared.contracts.records import AccountClosedV1, AccountOpenedV1, AccountOpposedV1
from shared.sealing import KeyClass, aad, open_box, seal
from tests.unit.records.office import CARD_OF_ALICE, POSTED, START, Office

LEGACY = date(2015, 3, 2)
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


async def confirm_with(office: Office, attestation: str, index: str = CARD_OF_ALICE) -> Opposition | Refused:
    """Confirm an opposition with attestation and INS."""
    return await office.perform(lambda unit: confirm(index, attestation, unit, desk=office.desk))


async def confirm_by_agent(office: Office, dated: date) -> Opposition | Refused:
    """Have an agent confirm for a person by phone."""
    return await office.perform(
        lambda unit: confirm_for(CARD_OF_ALICE, Way.PHONE, dated, "agent-7", unit, desk=office.desk)
    )


async def reopen(office: Office, index: str = CARD_OF_ALICE) -> Account | Refused:
    """Ask an agent to open a record again."""
    return await office.perform(lambda unit: reopen_for(index, unit, desk=office.desk))


async def kept(office: Office, name: str = "alice") -> tuple[str, Opposition]:
    """Register somebody with a legacy DMP who opposes by post; return record and attestation."""
    record = await office.register(name, dmp_created_on=LEGACY)
    made = await office.oppose_for(START.date(), index=f"index of {name}")
    assert isinstance(made, Opposition)
    return record, made


def told(trace: AccessTracedV1) -> tuple[str, str, str]:
    """Return what a trace says in clear."""
    return trace.data.action, trace.data.outcome, trace.data.rule


def opened(office: Office, trace: AccessTracedV1) -> ActorV1:
    """Return who a trace says it was."""
    assert trace.subject is not None
    key, place = office.vault.keys[trace.subject, KeyClass.AUDIT], aad(trace.subject, trace.data.trace_id, SCHEMA)
    return AccessV1.model_validate_json(open_box(key, b64decode(trace.data.sealed), place)).actor


def closed(office: Office) -> list[tuple[str, str, int]]:
    """Return the closures that were told."""
    return [(told.subject, told.data.cause, told.data.version) for told in office.published(AccountClosedV1)]


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


class TestConfirmation:
    """The second act that closes a legacy DMP."""

    async def test_online(self, office: Office):
        """The attestation confirms: the DMP is closed, told once, and attested again (F04)."""
        record, first = await kept(office)
        office.clock.instant += timedelta(days=90)

        made = await confirm_with(office, first.id)

        assert isinstance(made, Opposition)
        assert (made.effect, made.way, made.actor) == (Effect.DMP_CLOSED, "online", "holder")
        account = office.accounts.rows[record]
        assert (account.state, account.cause) == (AccountState.CLOSED, Cause.CONFIRMED_OPPOSITION)
        assert closed(office) == [(record, "confirmed-opposition", account.version)]
        assert not office.published(AccountOpposedV1)

    async def test_the_same_twice(self, office: Office):
        """The same confirmation again gets the same attestation and closes nothing twice (F04)."""
        _, first = await kept(office)

        made = await confirm_with(office, first.id)

        assert await confirm_with(office, first.id) == made
        assert len(closed(office)) == 1

    async def test_by_an_agent(self, office: Office):
        """An agent confirms for a person, dated in the past or today (F04, F11)."""
        record, _ = await kept(office)
        today = office.clock.now().date()
        tomorrow = await confirm_by_agent(office, today + timedelta(days=1))
        made = await confirm_by_agent(office, today)

        assert tomorrow == Refused("date-future")
        assert isinstance(made, Opposition)
        assert (made.way, made.actor) == ("phone", "agent-7")
        assert office.state(record) is AccountState.CLOSED

    async def test_without_a_first_opposition(self, office: Office):
        """Nothing is confirmed that was not said before, and no DMP closes by one act alone (F04)."""
        record = await office.register(dmp_created_on=LEGACY)

        assert await confirm_by_agent(office, START.date()) == Refused("nothing-to-confirm")
        assert office.state(record) is AccountState.OPEN

    async def test_of_a_plain_opposition(self, office: Office):
        """An opposition that left no DMP has nothing to confirm."""
        record = await office.notified()
        made = await office.oppose(office.code(record))
        assert isinstance(made, Opposition)

        assert await confirm_with(office, made.id) == Refused("nothing-to-confirm")


class TestReopening:
    """A record again, at any time."""

    async def test_after_an_opposition(self, office: Office):
        """An agent opens a record again; the insurer is asked for its history; again changes nothing (F12)."""
        record = await office.notified()
        await office.oppose(office.code(record))

        first = await reopen(office)

        assert isinstance(first, Account)
        assert (first.state, first.cause) == (AccountState.OPEN, Cause.REOPENING)
        assert await reopen(office) == first
        assert [told.data.cause for told in office.published(AccountOpenedV1)] == ["reopening"]
        assert [name for name, _ in office.by_insurer] == ["cpam-44"]
        assert office.state(record) is AccountState.OPEN

    async def test_after_a_closure(self, office: Office):
        """Who had a legacy DMP closed may ask for a code and open the record again (F12)."""
        record, first = await kept(office)
        await confirm_with(office, first.id)
        await office.ask_code()

        account = await office.activate(office.code(record))

        assert isinstance(account, Account)
        assert account.state is AccountState.ACTIVATED
        assert [told.data.cause for told in office.published(AccountOpenedV1)] == ["legacy-dmp", "reopening"]

    async def test_not_after_death(self, office: Office):
        """The record of somebody who died is not opened again, nor is a code sent (F16)."""
        record = await office.notified()
        office.accounts.rows[record] = transition(office.accounts.rows[record], Cause.DEATH, office.clock.now())
        before = len(office.notices.rows)

        assert await reopen(office) == Refused("account-transition")
        await office.ask_code()
        assert len(office.notices.rows) == before

    @pytest.mark.parametrize(("index", "code"), [("index of nobody", "person-unknown"), (BOB, "account-transition")])
    async def test_refused(self, office: Office, index: str, code: str):
        """Nobody's record is not opened, nor one that the person never declined."""
        await office.notified("bob")

        assert await reopen(office, index) == Refused(code)
