"""Traces: what is in clear, what is in the box, and under whose key."""

from base64 import b64decode
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256

import pytest

from shared.contracts.accesses import SCHEMA, AccessTracedV1, AccessV1, ActorV1
from shared.identity import name_of
from shared.messaging.traces import trace_access
from shared.sealing import KeyClass, aad, open_box
from tests.fakes.vault import InMemoryVault

KEY = bytes(range(32))
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
ACCESS = AccessV1(actor=ActorV1(kind="professional", number="899700366240", name="KIT DOC0036624"), month="2026-10")


@pytest.mark.parametrize(
    ("record", "owner"),
    [("5f" * 16, ("5f" * 16, KeyClass.AUDIT)), (None, ("records", KeyClass.INTAKE))],
    ids=["known", "unknown"],
)
async def test_who_asked_is_sealed(record: str | None, owner: tuple[str, KeyClass]):
    """Decision and rule are in clear; actor and object open under the record's key, or the service's (F57)."""
    vault = InMemoryVault()

    event = await trace_access(
        ACCESS,
        record=record,
        action="reimbursements-listed",
        outcome="denied",
        rule="no-consent",
        service="records",
        time=NOW,
        vault=vault,
        index_key=KEY,
    )

    assert "899700366240" not in event.to_json().decode()
    assert (event.subject, event.source, event.data.rule) == (record, "/records", "no-consent")
    place = aad(owner[0], event.data.trace_id, SCHEMA)
    text = open_box(vault.keys[owner], b64decode(event.data.sealed), place)
    opened = AccessV1.model_validate_json(text)
    assert opened.model_copy(update={"salt": None}) == ACCESS
    assert (len(opened.salt or ""), event.data.said) == (32, sha256(text).hexdigest())
    assert AccessTracedV1.model_validate_json(event.to_json()) == event
    assert event.actor == name_of(KEY, "899700366240")


async def test_a_professional_is_found_again():
    """F59: a professional's trace without the name that finds it is not made; a patient's needs none."""
    asked = partial(
        trace_access,
        record=None,
        action="documents-listed",
        outcome="denied",
        rule="record-unknown",
        service="records",
        time=NOW,
        vault=InMemoryVault(),
    )

    assert (await asked(AccessV1(actor=ActorV1(kind="patient", number="p")))).actor is None
    with pytest.raises(ValueError, match="index key"):
        await asked(ACCESS)
