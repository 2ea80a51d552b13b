"""Entries that cannot be read any more: each is said to be so and hides no other."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from services.audit.handlers.appending import opening_aad
from shared.sealing import KeyClass, open_box, seal
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
        """115: of an entry whose opening was destroyed nobody knows any more whom it was about."""
        await registry.read(count=3)
        del registry.storage.openings[1]

        assert [(line["index"], line["state"]) for line in await listed(registry)] == [(2, "shown"), (0, "shown")]

    @pytest.mark.parametrize("damage", ["box", "swapped", "format", "texts", "short"])
    async def test_damaged(self, registry: Registry, damage: str):
        """114, 118, 119: a box changed, put in another's place or sealed over a wrong salt isolates that one entry."""
        await registry.read(count=3)
        openings = registry.storage.openings
        box, event = openings[1].box, registry.storage.entry(1).leaf.event
        record = await registry.record(ALICE)
        key = registry.shared.keys[(record, KeyClass.AUDIT)]
        place = opening_aad(record, event)
        text = open_box(key, box, place)
        changed = {
            "box": replace(openings[1], box=box[:-1] + bytes([box[-1] ^ 1])),
            "texts": replace(openings[1], box=seal(key, bytes(32) + text[32:], place)),
            "short": replace(openings[1], box=seal(key, text[:32] + b"\xff" * 5, place)),
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
