"""The roles `worker` and `jobs` as processes: requests become letters and e-mails, killed on the way or not."""

from base64 import b64encode
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest

from services.notifications.adapters.mongo_contacts import MongoContacts
from services.notifications.domain.contact import Contact
from shared.clock import paris_date
from shared.contracts.records import NoticeRequestedV1, NoticeRequestedV1Data
from shared.messaging.acts import perform
from shared.messaging.runtime import Runtime
from shared.messaging.unit import Unit
from shared.sealing import KeyClass, aad, seal
from simulator.mailbox import Mailboxes, receiving
from simulator.printer import produce
from tests.integration.conftest import Installation, Launch, until
from tests.integration.shared.messaging.runtimes import runtime_of

pytestmark = pytest.mark.integration


@pytest.fixture
def start(launch: Launch, tmp_path: Path) -> Launch:
    """Return what starts a role of the service under the decree's policy."""
    return partial(
        launch,
        "notifications",
        CARNET_NOTICE_POLICY="decree",
        CARNET_LOTS_DIR=str(tmp_path / "lots"),
        CARNET_RETURNS_DIR=str(tmp_path / "returns"),
        CARNET_EVERY="PT0.2S",
        CARNET_LOT_SIZE="10",
        CARNET_PRESSES="2",
    )


async def ask(runtime: Runtime, number: int) -> None:
    """Register people, every other one with an e-mail address, and publish the requests of their notices."""
    records = [uuid4().hex for _ in range(number)]
    owners = {record: (record, KeyClass.IDENTITY) for record in records}
    keys = await runtime.vault.ensure_keys(list(owners.values()))
    contacts = MongoContacts(runtime.database)

    async def work(unit: Unit) -> None:
        for place, (record, owner) in enumerate(owners.items()):
            notice, key = uuid4().hex, keys[owner]
            email = {"email": f"zoe{place}@example.org"} if place % 2 else {}
            traits = {"birth_name": "MARTIN", "given_names": ["ZOE"], "birth_date": "1980-02-29", "sex": "F"}
            identity = orjson.dumps({"traits": traits, "address": ["4 RUE DU PORT", "44000 NANTES"], **email})
            box = seal(key, identity, aad(record, record, "identity.v1"))
            contacts.save([Contact(record, 1, "mgen", "e", "MGEN", "44", box)], unit, read={})
            code = seal(key, orjson.dumps({"code": "ACDEFGHJ"}), aad(record, notice, "notice.v1"))
            data = NoticeRequestedV1Data(notice_id=notice, sealed=b64encode(code).decode())
            now = datetime.now(UTC)
            unit.emit(NoticeRequestedV1.new(source="/records", time=now, subject=record, data=data))

    await perform(runtime, work)
    await runtime.relay.drain(10)


async def test_letters_and_emails(installation: Installation, start: Launch, tmp_path: Path):
    """Every request ends in one e-mail or one posted letter, though the jobs are killed in between (F05, F63)."""
    boxes = Mailboxes(tmp_path / "mail")
    async with receiving(boxes) as port, runtime_of(installation, "notifications") as runtime:
        notices, outbox = runtime.database["notices"], runtime.database["outbox"]
        await start("worker")
        first = await start("jobs", CARNET_SMTP_PORT=str(port))
        await ask(runtime, 60)

        async def in_a_lot() -> bool:
            return await notices.count_documents({"lot": {"$ne": None}}) >= 10

        await until(in_a_lot)
        first.kill()
        await first.wait()
        await runtime.database["leases"].update_many({}, {"$set": {"until": datetime(2020, 1, 1, tzinfo=UTC)}})
        await start("jobs", CARNET_SMTP_PORT=str(port))

        async def all_sent() -> bool:
            produce(tmp_path / "lots", tmp_path / "returns", share=0, day=paris_date(datetime.now(UTC)))
            return await notices.count_documents({"state": "sent"}) == 60

        await until(all_sent)

        rows: list[dict[str, Any]] = await notices.find().to_list()
        assert sorted(row["channel"] for row in rows) == ["email"] * 30 + ["post"] * 30
        places = [(row["lot"], row["sequence"]) for row in rows if row["channel"] == "post"]
        assert len(set(places)) == 30
        lots = await runtime.database["lots"].find().to_list()
        assert {lot["state"] for lot in lots} <= {"handed-over", "accepted"}
        assert sum(lot["letters"] for lot in lots) == 30
        assert {str(message["Message-ID"]) for message in boxes.messages()} == {
            f"<{row['_id']}@carnet.invalid>" for row in rows if row["channel"] == "email"
        }
        told = await outbox.find({"key": "notice.sent.v1"}).to_list()
        assert sum(row["count"] for row in told) == 60
        text = repr(rows) + repr(lots) + repr(told)
        assert not any(word in text for word in ("MARTIN", "NANTES", "ACDEFGHJ", "example.org"))
