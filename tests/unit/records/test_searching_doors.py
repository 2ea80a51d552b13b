"""Lists of documents: filters, pages, cursors, bad questions, damaged boxes."""

from dataclasses import replace
from typing import Any

import pytest

from shared.sealing import KeyClass
from tests.fakes.ingest import OTHER_INS
from tests.unit.records.library import COLLEAGUE, Library, refusal


def _of_type(code: str, class_code: str) -> dict[str, Any]:
    type_code = {"code": code, "system": "2.16.840.1.113883.6.1", "label": None}
    return {"type_code": type_code, "class_code": class_code}


BIOLOGY, CERTIFICATE = _of_type("11502-2", "10"), _of_type("89601-9", "52")


class TestSearching:
    """Lists, filters and pages."""

    async def test_filters(self, library: Library):
        """F38: by type, class, period of the act and status; what does not match is not there."""
        record = await library.person()
        letter = await library.deposit(record, days=1)
        biology = await library.deposit(record, days=2, service_start="2026-09-30T22:30:00+00:00", **BIOLOGY)
        certificate = await library.deposit(record, days=3, service_start="2025-01-01T09:00:00+00:00", **CERTIFICATE)

        for query, expected in {
            "?type=11502-2": [biology],
            "?class=10": [biology, letter],
            "?from=2026-10-01": [biology, letter],
            "?from=2026-10-02": [letter],
            "?to=2025-12-31": [certificate],
            "?from=2026-10-01&to=2026-10-01&class=10": [biology],
            "?type=unheard-of": [],
        }.items():
            assert await library.listed("alice", "me", query) == expected, query

    async def test_replaced(self, library: Library):
        """F30, F38: a replaced document leaves the default list and stays in the history."""
        record = await library.person()
        old = await library.deposit(record)
        new = await library.deposit(record, days=1, replaces=(old,))

        assert await library.listed("alice", "me") == [new]
        assert await library.listed("alice", "me", "?status=deprecated") == [old]
        assert await library.listed("alice", "me", "?status=all") == [new, old]
        assert (await library.ask("alice", f"/me/documents/{old}")).json()["status"] == "deprecated"

    async def test_pages(self, library: Library):
        """F38: twenty by default; cursors lead through all, each document once, and end."""
        record = await library.person()
        names = [await library.deposit(record, days=number // 2) for number in range(45)]
        seen, query, sizes = [], "", []
        while True:
            body = (await library.ask("alice", f"/me/documents{query}")).json()
            seen += [each["id"] for each in body["documents"]]
            sizes.append(len(body["documents"]))
            if body["next"] is None:
                break
            query = f"?cursor={body['next']}"

        assert sizes == [20, 20, 5]
        assert sorted(seen) == sorted(names)
        assert len(await library.listed("alice", "me", "?limit=45")) == 45
        assert (await library.ask("alice", "/me/documents?limit=45")).json()["next"] is None

    async def test_hidden_documents_make_no_holes(self, library: Library):
        """C34: a page is full of what may be seen, whatever is hidden between."""
        record = await library.person()
        for number in range(230):
            confidentiality = ["N", "MASQUE_PS"] if number % 10 else ["N"]
            await library.deposit(record, days=number, confidentiality=confidentiality)
        library.entitle(record)

        body = (await library.ask("doctor", f"/{record}/documents")).json()
        rest = (await library.ask("doctor", f"/{record}/documents?cursor={body['next']}")).json()

        assert (len(body["documents"]), len(rest["documents"]), rest["next"]) == (20, 3, None)

    async def test_another_ones_cursor(self, library: Library):
        """C42: a cursor from another reader's list or another record's is refused."""
        records = [await library.person(), await library.person(OTHER_INS)]
        for record in records:
            await library.deposit(record)
            await library.deposit(record, days=1)
            library.entitle(record)
            library.entitle(record, COLLEAGUE)
        cursor = (await library.ask("doctor", f"/{records[0]}/documents?limit=1")).json()["next"]

        assert len(await library.listed("doctor", records[0], f"?limit=1&cursor={cursor}")) == 1
        for who, record in (("colleague", records[0]), ("alice", records[0]), ("doctor", records[1])):
            answer = await library.ask(who, f"/{record}/documents?cursor={cursor}")
            assert refusal(answer) == (400, "cursor-invalid")
            assert cursor not in answer.text

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("patient=A&patient=B", "query-unknown"),
            ("type=11490-0&type=11502-2", "query-repeated"),
            ("ins[$ne]=", "query-unknown"),
            ("type[$ne]=CANARY", "query-unknown"),
            ("sort=__proto__", "query-unknown"),
            ("$where=CANARY", "query-unknown"),
            ("limit=-1", "query-invalid"),
            ("limit=0", "query-invalid"),
            ("limit=1000000000", "query-invalid"),
            ("limit=101", "query-invalid"),
            ("limit=1e3", "query-invalid"),
            ("limit=%D9%A1%D9%A0", "query-invalid"),
            ("limit=", "query-invalid"),
            ("type=(a%2B)%2BCANARY", "query-invalid"),
            ("class=%00", "query-invalid"),
            ("from=2026-02-29", "query-invalid"),
            ("to=20261101", "query-invalid"),
            ("from=2026-W01-1", "query-invalid"),
            ("status=Approved", "query-invalid"),
            ("cursor=CANARY", "cursor-invalid"),
        ],
    )
    async def test_what_cannot_be_asked(self, library: Library, query: str, code: str):
        """C31, D45 to D50: unknown, repeated and malformed parameters are refused, and nothing of them repeated."""
        await library.person()

        answer = await library.ask("alice", f"/me/documents?{query}")

        assert refusal(answer) == (400, code)
        assert "CANARY" not in answer.text

    @pytest.mark.parametrize(
        "path",
        ["/me/documents/x?a=1", "/me/documents/x/content?a=1", "/me/reimbursements?a=1", "/me/professionals?a=1"],
    )
    async def test_every_door_is_strict(self, library: Library, path: str):
        """C31: no door takes a parameter that it does not know."""
        await library.person()

        assert refusal(await library.ask("alice", path)) == (400, "query-unknown")

    @pytest.mark.parametrize("name", ["..", "%2e%2e", "x", "A" * 32, "0" * 32, "me/../x", "{}", "%00"])
    async def test_names_that_are_none(self, library: Library, name: str):
        """C30: what is no id is what nobody knows; a trace never holds it."""
        await library.person()

        for path in (f"/{name}/documents", f"/me/documents/{name}"):
            assert (await library.ask("doctor", path)).status_code in (404, 405)
        assert all(trace.data.outcome == "denied" for trace in library.told)

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    async def test_other_methods(self, library: Library, method: str):
        """C40: a door that reads answers to nothing else, whatever a header says."""
        await library.person()

        answer = await library.ask("alice", "/me/documents", method, headers={"x-http-method-override": "GET"})

        assert refusal(answer) == (405, "method-not-allowed")
        assert not library.told


class TestDamage:
    """Keys that were destroyed, and boxes that are not what was sealed."""

    async def test_a_damaged_description_hides(self, library: Library):
        """F33, F35, J119: a damaged box, which alone says from whom a document is hidden, opens it to nobody."""
        record = await library.person()
        library.entitle(record)
        for hiding, who in (("MASQUE_PS", "doctor"), ("INVISIBLE_PATIENT", "alice")):
            name = await library.deposit(record, confidentiality=["N", hiding])
            row = library.documents.rows[name]
            library.documents.rows[name] = replace(row, box=row.box[:-1] + bytes([row.box[-1] ^ 1]))

            for method in ("GET", "HEAD"):
                answer = await library.ask(who, f"/{record}/documents/{name}/content", method)
                assert (answer.status_code, "etag" in answer.headers) in ((404, False), (409, False))
            assert name not in await library.listed("doctor", record, "?status=all")

    async def test_a_damaged_description(self, library: Library):
        """J119: one damaged box does not hide its neighbours; it is shown as what it is where nothing is filtered."""
        record = await library.person()
        good, bad = await library.deposit(record), await library.deposit(record, days=1)
        row = library.documents.rows[bad]
        library.documents.rows[bad] = replace(row, box=row.box[:-1] + bytes([row.box[-1] ^ 1]))

        body = (await library.ask("alice", "/me/documents")).json()

        states = {each["id"]: (each["state"], each["about"] is None) for each in body["documents"]}
        assert states == {good: ("readable", False), bad: ("damaged", True)}
        assert await library.listed("alice", "me", "?class=10") == [good]

    async def test_a_box_of_somebody_else(self, library: Library):
        """J118: a box copied from another record does not open."""
        alice, bob = await library.person(), await library.person(OTHER_INS)
        mine, other = await library.deposit(alice), await library.deposit(bob)
        library.documents.rows[mine] = replace(library.documents.rows[mine], box=library.documents.rows[other].box)
        content = library.documents.rows[mine].content
        library.contents.rows[content] = library.contents.rows[library.documents.rows[other].content]

        assert (await library.ask("alice", f"/me/documents/{mine}")).json()["state"] == "damaged"
        assert refusal(await library.ask("alice", f"/me/documents/{mine}/content")) == (409, "document-damaged")

    async def test_a_content_that_is_gone(self, library: Library):
        """A document whose bytes are not there any more is damaged: no answer pretends otherwise."""
        record = await library.person()
        name = await library.deposit(record)
        library.contents.rows.clear()

        assert refusal(await library.ask("alice", f"/me/documents/{name}/content")) == (409, "document-damaged")

    async def test_destroyed_keys(self, library: Library):
        """A document whose key was destroyed is told as erased, and stays so: nothing to retry (J121)."""
        record = await library.person()
        name = await library.deposit(record)
        await library.vault.destroy_keys(record, [KeyClass.CONTENT])

        (listed,) = (await library.ask("alice", "/me/documents")).json()["documents"]
        assert (listed["state"], listed["about"]) == ("erased", None)
        assert refusal(await library.ask("alice", f"/me/documents/{name}/content")) == (410, "document-erased")
