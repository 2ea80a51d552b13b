"""What an inbox row keeps of an event: nothing of what is over, and nothing in clear of what came in clear (rule 2)."""

from datetime import timedelta

import pytest

from shared.errors import RefusedError
from shared.messaging.rows import RowBody, RowMaker
from shared.messaging.unit import Outcome, State, Unit
from shared.messaging.vault_rows import VaultRows
from shared.sealing import KeyClass
from tests.fakes.messaging import NOON, ManualClock
from tests.fakes.vault import InMemoryVault
from tests.unit.shared.messaging.shop import FLOW, Shop, message, raw_message, thing

SAID = b'{"data":"CANARY"}'


class TestSealed:
    """Bodies sealed under the key of their day."""

    @pytest.fixture
    def vault(self) -> InMemoryVault:
        """Give an empty vault."""
        return InMemoryVault()

    async def test_opens_in_its_row(self, vault: InMemoryVault):
        """A body comes back as it was, in the order asked for, and is unreadable in between."""
        rows = [RowBody("a", SAID), RowBody("b", b"other")]
        sealer = VaultRows(vault, "ingest", ManualClock())
        boxes = await sealer.seal(rows)

        assert not any(b"CANARY" in box for box in boxes)
        again = await sealer.unseal([RowBody(row.key, box) for row, box in zip(rows, boxes, strict=True)])
        assert again == [SAID, b"other"]

    async def test_opens_in_no_other_row(self, vault: InMemoryVault):
        """A box that was moved to another row, or to another service, or altered, is broken there."""
        sealer = VaultRows(vault, "ingest", ManualClock())
        (box,) = await sealer.seal([RowBody("a", SAID)])

        moved = await sealer.unseal([RowBody("b", box)])
        elsewhere = await VaultRows(vault, "records", ManualClock()).unseal([RowBody("a", box)])
        altered = await sealer.unseal([RowBody("a", box[:-1] + bytes([box[-1] ^ 1]))])

        assert [_code(each) for each in (*moved, *elsewhere, *altered)] == ["seal-broken"] * 3

    async def test_key_of_its_day(self, vault: InMemoryVault):
        """Rows of a day share a key; destroying it erases them together, and others stay (design §6)."""
        clock = ManualClock()
        sealer = VaultRows(vault, "ingest", clock)
        (first,) = await sealer.seal([RowBody("a", SAID)])
        clock.advance(days=1)
        (second,) = await sealer.seal([RowBody("b", SAID)])
        await vault.destroy_keys(f"ingest/{NOON:%Y-%m-%d}", [KeyClass.INTAKE])

        gone, kept = await sealer.unseal([RowBody("a", first), RowBody("b", second)])
        assert _code(gone) == "erased"
        assert kept == SAID


class TestMade:
    """Rows as they are made."""

    async def test_sealed_bodies_of_what_is_kept(self):
        """Only what may still be processed keeps a body, and each its own."""
        shop = Shop()
        items = shop.read(message([thing(1), thing(2), thing(3)]))
        ends = [Outcome(State.DONE), Outcome(State.PARKED, "failed"), Outcome(State.QUARANTINED, "traits-mismatch")]

        rows = await shop.rows.make(items, ends)

        assert [row.body for row in rows] == [None, items[1].raw, items[2].raw]
        assert [row.key for row in rows] == [f"{FLOW.queue}|/works|t{n}" for n in (1, 2, 3)]

    def test_unreadable(self):
        """What cannot be read becomes what the flow says of its code."""
        (item,) = Shop().read(raw_message(b"{"))
        said = {"json-malformed": State.QUARANTINED}

        assert Shop().rows.outcome(item, Unit(), said.__getitem__) == Outcome(State.QUARANTINED, "json-malformed")

    async def test_due(self):
        """A waiting row is due after the delay of its attempt, by the clock of its maker."""
        rows = RowMaker(FLOW.queue, Shop().rows.sealer, ManualClock(), [timedelta(seconds=3)])
        (item,) = Shop().read(message([thing(1)]))

        row = await rows.culprit(item, "Bug@f:1")

        assert (row.due, row.attempts, row.fingerprint) == (NOON + timedelta(seconds=3), 1, "Bug@f:1")

    async def test_no_delays(self):
        """Without any delay a failing event is parked at once."""
        rows = RowMaker(FLOW.queue, Shop().rows.sealer, ManualClock(), [])
        (item,) = Shop().read(message([thing(1)]))

        assert (await rows.culprit(item, "Bug@f:1")).state is State.PARKED


def _code(opened: bytes | RefusedError) -> str:
    assert isinstance(opened, RefusedError)
    return opened.code
