"""Entries that cannot be read any more: each is said to be so and hides no other."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from shared.sealing import KeyClass
from tests.unit.audit.registry import ALICE, OWN, Registry, envelope, listed, opened


class TestWhatIsGone:
    """An entry that cannot be read is said to be so, and hides no other."""

    async def test_erased_record(self, registry: Registry):
        """115: once a record's audit key is destroyed its entries are shown as erased: when, and nothing more."""
        await registry.log_events(opened(await registry.record(ALICE)))
        await registry.read()
        await registry.shared.destroy_keys(await registry.record(ALICE), [KeyClass.AUDIT])

        lines = await listed(registry)

        assert [(line["state"], line["actor"], line["documents"]) for line in lines] == [("erased", None, [])] * 2
        assert [line["description"] for line in lines] == ["a accédé à votre dossier", "a ouvert votre dossier"]

    async def test_destroyed_opening(self, registry: Registry):
        """115: an entry whose opening was destroyed is shown as erased, beside the others."""
        await registry.read(count=3)
        registry.entries.destroyed.add(1)

        assert [line["state"] for line in await listed(registry)] == ["shown", "erased", "shown"]

    @pytest.mark.parametrize("damage", ["box", "salt", "swapped", "format"])
    async def test_damaged(self, registry: Registry, damage: str):
        """114, 118, 119: a box changed or put in another's place, or a wrong salt, isolates that one entry."""
        await registry.read(count=3)
        openings = registry.storage.openings
        box = openings[1].box
        changed = {
            "box": replace(openings[1], box=box[:-1] + bytes([box[-1] ^ 1])),
            "salt": replace(openings[1], salt=bytes(32)),
            "swapped": openings[0],
            "format": replace(openings[1], box=b"\x02" + box[1:]),
        }
        openings[1] = changed[damage]

        lines = await listed(registry)

        assert [line["state"] for line in lines] == ["shown", "damaged", "shown"]
        assert (lines[1]["actor"], lines[1]["documents"]) == (None, [])

    @pytest.mark.parametrize(
        "data",
        [
            None,
            [],
            {},
            {"sealed": "AAAA"},
            {"trace_id": "t", "sealed": "not base64!"},
            {"trace_id": 7, "sealed": 7, "action": ["x"], "outcome": {}},
            {"trace_id": "t", "sealed": "é", "action": "an action of tomorrow", "outcome": "permitted"},
        ],
    )
    async def test_a_strange_trace(self, registry: Registry, data: Any):
        """A trace that keeps no contract is told without its actor; the rest of the page is served."""
        strange = envelope(opened(await registry.record(ALICE)))
        strange = replace(strange, type="access.traced.v1", raw=b'{"data":%s}' % orjson.dumps(data))
        await registry.log_events(strange)
        await registry.read()

        first, second = await listed(registry)

        assert (first["state"], second["state"], second["actor"]) == ("shown", "damaged", None)

    async def test_under_audit_s_own_key(self, registry: Registry):
        """An event that came when its record had no key yet is under audit's own, and is shown all the same."""
        record = await registry.record(ALICE)
        key = registry.shared.keys.pop((record, KeyClass.AUDIT))
        await registry.log_events(opened(record))
        registry.shared.keys[(record, KeyClass.AUDIT)] = key

        assert registry.storage.openings[0].box[1:17] == OWN.id
        assert [line["state"] for line in await listed(registry)] == ["shown"]
