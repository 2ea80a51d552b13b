"""Every official example document, deposited through the real services: in the record, or refused by the right code.

Also the documents of the simulated clinics, which replace one another.
"""

import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.sealing import Sealed, aad, open_many
from shared.sealing.contents import content_aad, unpack
from simulator.clinic import Clinics, Tally
from simulator.clinic_documents import documents
from simulator.population import people
from tests.integration.ingest.clinic import Clinic, open_clinic
from tests.integration.ingest.test_corpus import CORPUS, EXPECTED, Expected

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

TEST = "1.2.250.1.213.1.4.10"


@pytest.fixture(scope="module")
async def clinic(
    stack: Any, amqp_url: Callable[..., str], mongo_client: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Clinic]:
    """Give ingest and records as processes; nobody answers in records' place."""
    async with open_clinic(stack, amqp_url, mongo_client, tmp_path_factory.mktemp("corpus")) as made:
        made.records.answer = None
        await made.launch("records", "worker")
        yield made


async def test_the_corpus(clinic: Clinic, capsys: pytest.CaptureFixture[str]):
    """F25-F28, F30: each file ends as its header deserves, with the metadata that its XML says; a table is printed."""
    if not CORPUS.is_dir():
        pytest.skip(f"no official documents in {CORPUS}: set CARNET_CORPUS to the folder that holds cda/")
    people_of = {(one.ins, one.oid) for one in EXPECTED.values() if isinstance(one, Expected)}
    await clinic.register(*sorted(people_of))
    table = []
    for path in sorted(CORPUS.glob("*.xml")):
        body, began = path.read_bytes(), time.perf_counter()
        answer = await clinic.post(body)
        took = (time.perf_counter() - began) * 1e3
        outcome = answer.json().get("code") or answer.json()["status"]
        table.append(f"{path.name:42} {len(body):>9,} B {took:7.1f} ms  {answer.status_code} {outcome}")
        expected = EXPECTED[path.name]
        if isinstance(expected, str):
            assert (answer.status_code, outcome) == (422, expected), path.name
        else:
            assert (answer.status_code, outcome) == (201, "stored"), (path.name, answer.text)
            await _is_in_the_record(clinic, body, expected)
    with capsys.disabled():
        print("\n" + "\n".join(table))  # noqa: T201


async def _is_in_the_record(clinic: Clinic, body: bytes, expected: Expected) -> None:
    """Find a document in records' database, open its box, and the bytes that it names."""
    (row,) = await clinic.rows("records", "documents", clinic.id_of(expected.unique_id))
    record = await clinic.record_of(expected.ins, expected.oid)
    assert row["record"] == record
    assert row["replaces"] == [clinic.id_of(target) for target in expected.replaces]
    (content,) = await clinic.rows("contents", "documents", row["content"])
    said, kept = await open_many(
        clinic.vault,
        [
            Sealed(row["box"], aad(record, row["_id"], "document.v1")),
            Sealed(content["box"], content_aad(record, content["_id"])),
        ],
    )
    assert isinstance(kept, bytes)
    assert isinstance(said, bytes)
    assert unpack(kept, size=len(body)) == body
    entry = json.loads(said)["entry"]
    assert (entry["type_code"]["code"], entry["class_code"]) == (expected.type_code, expected.class_code)
    assert entry["title"].startswith(expected.title)
    assert datetime.fromisoformat(entry["creation_time"]) == expected.created


async def test_the_clinics(clinic: Clinic):
    """Simulated clinicians deposit all kinds for several people; strangers without a record are refused."""
    chosen = list(people(7, 6))
    await clinic.register(*((person.ins, person.oid) for person in chosen[:4]))
    clinics = Clinics(clinic.client, clinic.url, clinic.issuer)
    written = [each for person in chosen for each in documents(person, 1, 8, until=datetime.now(UTC))]
    tally = await clinics.deposit_all(written, Tally())
    assert tally.outcomes == {"stored": 32, "record-unavailable": 16}
    in_records = written[:32]
    assert tally.kinds == Counter(document.kind for document in in_records)
    assert tally.replacements == sum(document.replaces is not None for document in in_records)
    assert len(tally.kinds) == 6
