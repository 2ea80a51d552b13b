"""Deposits through ingest's real processes, broker and database; the test itself answers for records."""

import asyncio
import gzip
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Callable
from random import randbytes
from typing import Any

import httpx
import pytest
from bson import encode

from shared.sealing import Sealed, open_many
from shared.sealing.contents import content_aad, unpack
from tests.fakes.documents import HEADER, INS, TEST_OID, cda, wrapped
from tests.fakes.ingest import OTHER_INS
from tests.integration.conftest import until
from tests.integration.ingest.clinic import Clinic, open_clinic, raw

BUSY = 503

pytestmark = pytest.mark.integration

CLEAR = (INS, "EXEMPLE", "Lettre de liaison", "MODELE", "810000000005", "11490-0", "1.2.250.1.999.", "<ClinicalDocu")
"""What the usual document says, and no database may."""


@pytest.fixture(scope="module")
async def clinic(
    stack: Any, amqp_url: Callable[..., str], mongo_client: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Clinic]:
    """Give one clinic for all of these tests: each deposits documents of its own."""
    async with open_clinic(stack, amqp_url, mongo_client, tmp_path_factory.mktemp("clinic")) as made:
        yield made


def numbered(text: str | int, **changes: str) -> bytes:
    """Return a document with an id of its own."""
    return cda(id=f'<id root="1.2.250.1.999.7" extension="{text}"/>', **changes)


def known_as(clinic: Clinic, text: str | int) -> str:
    """Return the id that such a document gets."""
    return clinic.id_of(f"1.2.250.1.999.7^{text}")


async def test_the_way_of_a_document(clinic: Clinic):
    """F25, F26: a document is kept sealed in one commit with its news, stored when records says so, and only once."""
    record = await clinic.open()
    body, document = wrapped(), clinic.id_of("1.2.250.1.999.1^CR-7")
    answer = await clinic.post(body)
    assert (answer.status_code, answer.json()["status"]) == (201, "stored")
    again = await clinic.post(body)
    assert (again.status_code, again.json()) == (200, answer.json())

    (deposit,) = await clinic.rows("ingest", "deposits", document)
    (content,) = await clinic.rows("contents", "documents", deposit["content"])
    assert (deposit["record"], content["record"], deposit["state"]) == (record, record, "stored")
    (packed,) = await open_many(clinic.vault, [Sealed(content["box"], content_aad(record, content["_id"]))])
    assert isinstance(packed, bytes)
    assert unpack(packed, size=len(body)) == body
    assert [event.data.document_id for event in clinic.records.received].count(document) == 1

    status = await clinic.client.get(clinic.url + answer.headers["location"], headers=await clinic.headers())
    assert status.json() == answer.json()
    for name in ("ingest", "contents", "vault"):
        for collection in await clinic.database(name).list_collection_names():
            written = b"".join(encode(row) for row in await clinic.rows(name, collection))
            assert not [word for word in CLEAR if word.encode() in written], (name, collection)


async def test_records_takes_its_time(clinic: Clinic):
    """Answers do not lie: 202 after two seconds of silence, and the status tells when the document is stored."""
    await clinic.open()
    clinic.records.answer = None
    began = asyncio.get_running_loop().time()
    answer = await clinic.post(numbered("slow"))
    assert answer.status_code == 202
    assert asyncio.get_running_loop().time() - began >= 2
    await clinic.records.tell(clinic.records.received[-1])

    async def stored() -> bool:
        place = clinic.url + answer.headers["location"]
        status = await clinic.client.get(place, headers=await clinic.headers())
        return bool(status.json()["status"] == "stored")

    await until(stored, "the news")


async def test_in_a_hurry(clinic: Clinic):
    """RFC 7240: who does not wait is answered once the document is kept."""
    await clinic.open()
    clinic.records.answer = None
    answer = await clinic.post(numbered("hurry"), prefer="respond-async")
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "respond-async")
    (deposit,) = await clinic.rows("ingest", "deposits", known_as(clinic, "hurry"))
    assert len(await clinic.rows("contents", "documents", deposit["content"])) == 1


async def test_many_at_once(clinic: Clinic):
    """F26: of twenty deposits of each of five documents at once, one of each takes effect, all answer alike."""
    record = await clinic.open(OTHER_INS)
    headers = await clinic.headers()
    patient = HEADER["patient"].replace(INS, OTHER_INS)

    async def deposited(number: int) -> httpx.Response:
        """A busy machine may say that it cannot take a deposit now; whoever comes again harms nobody."""
        body, place = numbered(number, patient=patient), f"{clinic.url}/v1/documents"
        for _ in range(20):
            answer = await clinic.client.post(place, content=body, headers=headers)
            if answer.status_code != BUSY:
                break
            await asyncio.sleep(0.5)
        return answer

    answers = await asyncio.gather(*(deposited(number) for number in range(5) for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {200, 201, 202}
    documents = {known_as(clinic, number): 20 for number in range(5)}
    assert Counter(answer.json()["document"] for answer in answers) == Counter(documents)
    contents = [row["_id"] for row in await clinic.rows("contents", "documents") if row["record"] == record]
    deposits = await clinic.rows("ingest", "deposits", *documents)
    assert sorted(contents) == sorted(row["content"] for row in deposits)
    told = [event.data.document_id for event in clinic.records.received]
    assert {document: told.count(document) for document in documents} == dict.fromkeys(documents, 1)


async def test_opposed(clinic: Clinic):
    """38: once ingest knows of an opposition nothing is taken any more; before that, records refuses alike."""
    number = "284058832102532"
    record = await clinic.open(number)
    patient = HEADER["patient"].replace(INS, number)
    clinic.records.answer = "account-opposed"
    late = await clinic.post(numbered("late", patient=patient))
    await clinic.oppose(record)
    after = await clinic.post(numbered("after", patient=patient))
    unknown = await clinic.post(numbered("unknown", patient=HEADER["patient"].replace(INS, "284052A32102552")))
    assert late.status_code == after.status_code == unknown.status_code == 404
    assert late.json() == after.json() == unknown.json()
    (row,) = await clinic.rows("ingest", "deposits", *(known_as(clinic, name) for name in ("late", "after", "unknown")))
    assert row["state"] == "refused"


HEAD = "POST /v1/documents HTTP/1.1\r\nhost: x\r\ncontent-type: text/xml\r\nconnection: close\r\n"
HEAD += "authorization: Bearer {token}\r\n"


async def test_lies_about_a_body(clinic: Clinic):
    """59, 60, 62: what a request says of its own length or size is not believed, and nothing of it takes effect."""
    await clinic.open()
    head = HEAD.format(token=await clinic.token())
    body = numbered("lie")
    size = f"content-length: {len(body)}\r\n"

    short = await raw(clinic, f"{head}content-length: {len(body) + 500}\r\n\r\n".encode() + body, hang_up=True)
    assert short == b"" or short.startswith(b"HTTP/1.1 400")
    both = await raw(clinic, f"{head}{size}transfer-encoding: chunked\r\n\r\n".encode() + b"0\r\n\r\n")
    assert both.startswith(b"HTTP/1.1 4")
    two = await raw(clinic, f"{head}{size}content-length: 5\r\n\r\n".encode() + body)
    assert two.startswith(b"HTTP/1.1 400")
    many = await raw(clinic, f"{head}{size}x-a: {'a' * 200_000}\r\n\r\n".encode() + body)
    assert many == b"" or many.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))
    huge = await raw(clinic, f"{head}content-length: 8000001\r\n\r\n".encode())
    assert huge.startswith(b"HTTP/1.1 413")
    bomb = gzip.compress(b" " * 10_000_000)
    packed = await raw(clinic, f"{head}content-encoding: gzip\r\ncontent-length: {len(bomb)}\r\n\r\n".encode() + bomb)
    assert packed.startswith(b"HTTP/1.1 415")
    assert not await clinic.rows("ingest", "deposits", known_as(clinic, "lie"))
    assert await clinic.is_ready()


async def test_the_largest_document(clinic: Clinic):
    """52: a document of 8 MB is kept in one row; a byte more than is allowed is refused."""
    await clinic.open()
    padding = 8_000_000 - len(numbered("large", title="<title>Bonjour</title><!---->"))
    noise = b64encode(randbytes(padding)).decode()[:padding]  # packs to three quarters, no further
    largest = numbered("large", title=f"<title>Bonjour</title><!--{noise}-->")
    assert len(largest) == 8_000_000
    answer = await clinic.post(largest)
    assert answer.status_code == 201, answer.text
    (deposit,) = await clinic.rows("ingest", "deposits", known_as(clinic, "large"))
    (content,) = await clinic.rows("contents", "documents", deposit["content"])
    assert len(content["box"]) > 5_900_000
    more = await clinic.post(largest + b" ")
    assert (more.status_code, more.json()["code"]) == (413, "xml-too-large")


async def test_a_professional_deposits(clinic: Clinic):
    """F23: a professional is who the issuer's UserInfo says; a patient's token opens nothing here."""
    await clinic.open()
    professional = f"Bearer {await clinic.token('professional')}"
    answer = await clinic.post(numbered("professional"), authorization=professional)
    assert answer.status_code == 201
    place = clinic.url + answer.headers["location"]
    assert (await clinic.client.get(place, headers=await clinic.headers())).status_code == 404
    assert (await clinic.client.get(place, headers={"authorization": professional})).status_code == 200
    patient = await clinic.token("patient", ins={"value": INS, "oid": TEST_OID})
    refused = await clinic.post(numbered("patient"), authorization=f"Bearer {patient}")
    assert refused.status_code == 403


async def test_killed(clinic: Clinic):
    """What was acknowledged is there after the api was killed, and every deposit has its bytes and its news."""
    await clinic.open()
    clinic.records.answer = None
    headers = await clinic.headers(prefer="respond-async")
    acknowledged: set[str] = set()

    async def deposit(number: int) -> None:
        body = numbered(f"k{number}")
        answer = await clinic.client.post(f"{clinic.url}/v1/documents", content=body, headers=headers)
        acknowledged.add(answer.json()["document"])

    async def some() -> bool:
        return len(acknowledged) > 10

    tasks = [asyncio.create_task(deposit(number)) for number in range(80)]
    await until(some, "an acknowledgement")
    clinic.processes["ingest.api"].kill()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(acknowledged) < 80
    deposits = {row["_id"]: row["content"] for row in await clinic.rows("ingest", "deposits")}
    assert acknowledged <= deposits.keys()
    assert set(deposits.values()) == {row["_id"] for row in await clinic.rows("contents", "documents")}
    news = b"".join(row["body"] for row in await clinic.rows("ingest", "outbox"))
    assert all(news.count(content.encode()) == 1 for content in deposits.values())
    await clinic.launch("ingest", "api")
    await until(clinic.is_ready, "the api's return")
