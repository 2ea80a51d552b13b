"""The doors of deposits: what depositors get, and what strangers do not get."""

import pytest

from services.ingest.domain.deposits import end
from tests.fakes.documents import HEADER, INS, cda
from tests.fakes.ingest import NOON, OTHER_INS
from tests.unit.ingest.desk import BODY, CANARY, XML, Desk


async def test_stored(desk: Desk):
    """F25: 201 says that the document is in the record; the place to ask later is the depositor's own."""
    answer = await desk.post()
    assert answer.status_code == 201
    (row,) = desk.rows
    assert answer.headers["location"] == f"/v1/deposits/{row.document}"
    assert answer.json() == {
        "document": row.document,
        "status": "stored",
        "received_at": "2026-11-15T12:00:00Z",
        "ended_at": "2026-11-15T12:00:01Z",
    }
    assert desk.sizes == [len(BODY)]
    again = await desk.status(answer.headers["location"])
    assert (again.status_code, again.json()["status"]) == (200, "stored")
    assert again.headers["cache-control"] == "no-store"


async def test_the_same_again(desk: Desk):
    """F26: 79: the same document again is answered by its state: 200 when it is in the record."""
    first, again = await desk.post(), await desk.post(by="clinic")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert len(desk.rows) == 1


async def test_not_known_yet(desk: Desk):
    """Answers do not lie: while records is silent it is 202 and where to ask, and the same again is 202 too."""
    desk.records = None
    answer, again = await desk.post(), await desk.post()
    assert (answer.status_code, again.status_code) == (202, 202)
    assert answer.json() == again.json()
    assert answer.json()["status"] == "received"
    status = await desk.status(answer.headers["location"])
    assert status.json()["status"] == "received"
    (row,) = desk.rows
    desk.ward.deposits.rows[row.document] = end(row, NOON)
    assert (await desk.post()).status_code == 200


@pytest.mark.parametrize("preference", ["respond-async", "wait=10, Respond-Async;x=1", 'foo="a", respond-async'])
async def test_in_a_hurry(desk: Desk, preference: str):
    """RFC 7240: who prefers not to wait gets 202 as soon as the document is kept, whatever records does."""
    looks = desk.ward.deposits.looks
    desk.records = None
    answer = await desk.post(headers={**XML, "prefer": preference})
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "respond-async")
    assert desk.ward.deposits.looks == looks
    assert len(desk.rows) == 1


async def test_records_refuses(desk: Desk):
    """38: a record that was closed meanwhile is answered like one that never was, also later and in the status."""
    nobody = await desk.post(cda(patient=HEADER["patient"].replace(INS, OTHER_INS)))
    desk.records = "account-opposed"
    refused = await desk.post()
    assert (refused.status_code, refused.json()) == (404, nobody.json())
    (row,) = desk.rows
    assert row.reason == "account-opposed"
    status = await desk.status(f"/v1/deposits/{row.document}")
    assert (status.json()["status"], status.json()["reason"]) == ("refused", "record-unavailable")


async def test_no_record_and_an_unknown_ins_look_alike(desk: Desk):
    """11, 38: unknown, opposed, closed: the same status and the same bytes, and no row in any case."""
    unknown = await desk.post(cda(patient=HEADER["patient"].replace(INS, OTHER_INS)))
    await desk.ward.person(open_=False, version=4)
    closed = await desk.post()
    assert unknown.status_code == closed.status_code == 404
    assert unknown.content == closed.content
    assert unknown.headers.raw == closed.headers.raw
    assert not desk.rows


async def test_conflict(desk: Desk):
    """F26: 79: another document under a known id is a conflict."""
    await desk.post()
    answer = await desk.post(cda(title="<title>Autre</title>"))
    assert (answer.status_code, answer.json()["code"]) == (409, "document-conflict")
    hidden = await desk.post(query="?confidentiality=MASQUE_PS")
    assert (hidden.status_code, hidden.json()["code"]) == (409, "document-conflict")


async def test_somebody_elses_deposit(desk: Desk):
    """29: another's deposit is answered like one that never was, with the same bytes."""
    place = (await desk.post()).headers["location"]
    foreign, unknown = await desk.status(place, by="paul"), await desk.status(f"/v1/deposits/{'0' * 32}", by="paul")
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.content == unknown.content
    assert foreign.json()["code"] == "deposit-unavailable"
    for odd in ("/v1/deposits/%7B%22$ne%22:null%7D", f"/v1/deposits/{INS}", "/v1/deposits/a%00b"):
        assert (await desk.status(odd)).status_code == 404


async def test_hidings(desk: Desk):
    """F36: hidings are asked for by repeated parameters; what is none, or does not go together, is refused."""
    assert (
        await desk.post(query="?confidentiality=MASQUE_PS&confidentiality=INVISIBLE_REPRESENTANTS_LEGAUX")
    ).is_success
    both = await desk.post(query="?confidentiality=MASQUE_PS&confidentiality=INVISIBLE_PATIENT")
    assert (both.status_code, both.json()["code"]) == (422, "confidentiality-combination")
    odd = await desk.post(query=f"?confidentiality={CANARY}")
    assert (odd.status_code, odd.json()["code"], odd.json()["at"]) == (422, "field-range", "confidentiality")
    assert CANARY not in odd.text
