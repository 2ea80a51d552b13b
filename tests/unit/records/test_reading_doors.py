"""Who is shown which documents of a record."""

from datetime import timedelta
from typing import Any

import pytest

from services.records.domain.account import AccountState
from services.records.domain.rights import Grant
from tests.fakes.ingest import INS, OTHER_INS
from tests.fakes.reads import CDA
from tests.fakes.records import NOON
from tests.unit.records.library import COLLEAGUE, DENTIST, DOCTOR, Library, refusal


def _of_type(code: str, class_code: str) -> dict[str, Any]:
    type_code = {"code": code, "system": "2.16.840.1.113883.6.1", "label": None}
    return {"type_code": type_code, "class_code": class_code}


PSYCHIATRY = _of_type("68599-0", "11")


class TestThePerson:
    """A patient and the own record."""

    @pytest.mark.parametrize("own", [True, False], ids=["me", "by id"])
    async def test_sees_everything_of_the_own(self, library: Library, own: bool):
        """F39: the person lists and reads all own documents, masked ones too, newest first."""
        record = await library.person()
        old = await library.deposit(record, days=-3)
        masked = await library.deposit(record, days=-1, confidentiality=["N", "MASQUE_PS"])
        name = "me" if own else record

        assert await library.listed("alice", name) == [masked, old]
        answer = await library.ask("alice", f"/{name}/documents/{old}/content")

        assert (answer.status_code, answer.content) == (200, CDA)
        assert answer.headers["content-type"].startswith("text/xml")
        assert answer.headers["x-content-type-options"] == "nosniff"

    async def test_what_is_told_of_a_document(self, library: Library):
        """F38: metadata by the names of the nomenclatures, as deposited."""
        record = await library.person()
        name = await library.deposit(record, confidentiality=["R", "MASQUE_PS"])

        answer = await library.ask("alice", f"/me/documents/{name}")

        body = answer.json()
        assert (answer.headers["etag"], answer.headers["cache-control"]) == ('"1"', "no-store")
        assert (body["state"], body["status"], body["masked"], body["size"]) == ("readable", "approved", True, len(CDA))
        about = body["about"]
        assert (about["type"]["code"], about["class_code"], about["title"]) == (
            "11490-0",
            "10",
            "Lettre de liaison à la sortie",
        )
        assert about["confidentiality"] == ["R", "MASQUE_PS"]
        assert about["authors"] == [{"name": "Maud MODELE", "number": COLLEAGUE, "organisation": "Clinique du Pont"}]

    @pytest.mark.parametrize("hiding", ["INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX"])
    async def test_what_is_not_announced(self, library: Library, hiding: str):
        """F39, C34, C37: what is hidden from the person or from parents is in no list, and is as if it were not."""
        record = await library.person()
        hidden = await library.deposit(record, confidentiality=["N", hiding])
        seen = await library.deposit(record)

        assert await library.listed("alice", "me") == [seen]
        for path in (f"/me/documents/{hidden}", f"/me/documents/{hidden}/content"):
            denied, absent = (
                await library.ask("alice", path),
                await library.ask("alice", path.replace(hidden, "0" * 32)),
            )
            assert refusal(denied) == refusal(absent) == (404, "document-unavailable")
            assert denied.content == absent.content
        assert library.happened.count("content fetched") == 0

    async def test_the_last_hours_of_the_calendar(self, library: Library):
        """F38: a document whose act has no legal day in Paris hides none of its neighbours."""
        record = await library.person()
        usual = await library.deposit(record, days=-1)
        late = await library.deposit(record, service_start="9999-12-31T23:59:00+00:00")

        assert await library.listed("alice", "me") == [late, usual]

    async def test_of_somebody_else(self, library: Library):
        """C29, C30: another's record and another's document are as if they were not, by whatever path."""
        alice, bob = await library.person(), await library.person(OTHER_INS)
        name = await library.deposit(bob)

        assert refusal(await library.ask("alice", f"/{bob}/documents")) == (404, "record-unavailable")
        assert library.last() == ("documents-listed", "denied", "not-holder")
        assert library.told[-1].subject == bob
        for path in (f"/{bob}/documents/{name}", f"/{alice}/documents/{name}", f"/me/documents/{name}/content"):
            assert refusal(await library.ask("alice", path)) == (404, "document-unavailable")
        assert library.last() == ("document-read", "denied", "document-unknown")

    @pytest.mark.parametrize("state", [s for s in AccountState if s not in (AccountState.OPEN, AccountState.ACTIVATED)])
    @pytest.mark.parametrize("who", ["alice", "doctor"])
    async def test_a_record_that_is_not_open(self, library: Library, who: str, state: AccountState):
        """C38, F13: a record that is not open is as if it were not, for its person too."""
        record = await library.person()
        name = await library.deposit(record)
        library.entitle(record)
        library.becomes(record, state)

        assert refusal(await library.ask(who, f"/{record}/documents")) == (404, "record-unavailable")
        assert refusal(await library.ask(who, f"/{record}/documents/{name}")) == (404, "document-unavailable")
        assert library.last()[2] == "record-not-open"


class TestProfessionals:
    """A professional and a patient's record."""

    async def test_without_consent(self, library: Library):
        """F48: nobody reads without an authorisation, and the attempt is traced."""
        record = await library.person()
        name = await library.deposit(record)

        assert refusal(await library.ask("doctor", f"/{record}/documents")) == (404, "record-unavailable")
        assert refusal(await library.ask("doctor", f"/{record}/documents/{name}/content")) == (
            404,
            "document-unavailable",
        )
        assert library.last() == ("document-read", "denied", "no-consent")
        assert "content fetched" not in library.happened

    async def test_with_consent(self, library: Library):
        """F48: an authorised professional lists and reads."""
        record = await library.person()
        name = await library.deposit(record)
        library.entitle(record)

        assert await library.listed("doctor", record) == [name]
        assert (await library.ask("doctor", f"/{record}/documents/{name}/content")).content == CDA
        assert library.last() == ("document-read", "permitted", "authorised")

    async def test_after_a_year(self, library: Library):
        """F48: an authorisation is over after 365 days, to the moment."""
        record = await library.person()
        library.entitle(record)
        library.clock.instant = NOON + timedelta(days=365) - timedelta(milliseconds=1)
        assert await library.listed("doctor", record) == []

        library.clock.instant = NOON + timedelta(days=365)
        assert refusal(await library.ask("doctor", f"/{record}/documents")) == (404, "record-unavailable")
        assert library.last()[2] == "consent-expired"

    async def test_blocked(self, library: Library):
        """F49: who is blocked is denied everywhere, the existence of the record included."""
        record = await library.person()
        name = await library.deposit(record, by=DOCTOR)
        library.entitle(record, grant=Grant.BLOCKED)

        for path in ("documents", f"documents/{name}", f"documents/{name}/content", "reimbursements"):
            assert (await library.ask("doctor", f"/{record}/{path}")).status_code == 404
            assert library.last()[2] == "blocked"
        found = await library.ask(
            "doctor", "/search", "POST", json={"ins": {"value": INS, "oid": "1.2.250.1.213.1.4.10"}}
        )
        assert refusal(found) == (404, "record-unavailable")

    @pytest.mark.parametrize("hides", [True, False], ids=["as deposited", "by the person"])
    async def test_masked(self, library: Library, hides: bool):
        """F33, C34: a masked document is in no list and no count of others; depositor and author see it."""
        record = await library.person()
        about: dict[str, Any] = {"confidentiality": ["N", "MASQUE_PS"]} if hides else {}
        name = await library.deposit(record, by=DENTIST, **about)
        if not hides:
            await library.ask("alice", f"/me/documents/{name}/mask", "PUT", json={"masked": True})
        for number in (DOCTOR, COLLEAGUE, DENTIST):
            library.entitle(record, number)

        assert await library.listed("doctor", record) == []
        assert refusal(await library.ask("doctor", f"/{record}/documents/{name}")) == (404, "document-unavailable")
        assert library.last()[2] == "masked"
        assert await library.listed("dentist", record) == await library.listed("colleague", record) == [name]
        assert (await library.ask("dentist", f"/{record}/documents/{name}")).json()["masked"]
        assert library.last()[2] == "author"

    async def test_out_of_the_matrix(self, library: Library):
        """F50: what the matrix denies a profession is in no list for it."""
        record = await library.person()
        letter, psychiatry = await library.deposit(record), await library.deposit(record, days=1, **PSYCHIATRY)
        library.entitle(record, DENTIST)
        library.entitle(record)

        assert await library.listed("dentist", record) == [letter]
        assert await library.listed("doctor", record) == [psychiatry, letter]
        assert refusal(await library.ask("dentist", f"/{record}/documents/{psychiatry}")) == (
            404,
            "document-unavailable",
        )
        assert library.last()[2] == "matrix"

    async def test_hidden_from_the_patient(self, library: Library):
        """A professional reads what the person may not see yet, and is told so (R1111-53)."""
        record = await library.person()
        name = await library.deposit(record, confidentiality=["N", "INVISIBLE_PATIENT"])
        library.entitle(record)

        body = (await library.ask("doctor", f"/{record}/documents/{name}")).json()
        assert body["about"]["confidentiality"] == ["N", "INVISIBLE_PATIENT"]

    @pytest.mark.parametrize("who", ["optician", "machine", "operator", "phone-agent"])
    async def test_who_never_reads(self, library: Library, who: str):
        """F54: other professions and other kinds of callers are denied even where they are authorised, and traced."""
        record = await library.person()
        name = await library.deposit(record)
        for number in ("899900007776", "1750712184", "op-1", "agent-7"):
            library.entitle(record, number)

        assert refusal(await library.ask(who, f"/{record}/documents")) == (404, "record-unavailable")
        assert refusal(await library.ask(who, f"/{record}/documents/{name}/content")) == (404, "document-unavailable")
        assert library.last()[1:] == ("denied", "unknown-profession" if who == "optician" else "forbidden-actor")


class TestFinding:
    """POST /v1/records/search."""

    @staticmethod
    def body(value: Any = INS, **more: Any) -> dict[str, Any]:
        """Return who is looked for."""
        return {"ins": {"value": value, "oid": "1.2.250.1.213.1.4.10"}, **more}

    async def test_a_professional_finds(self, library: Library):
        """TD0.2: a health professional learns the record and how the two stand, before any consent."""
        record = await library.person()

        answer = await library.ask("doctor", "/search", "POST", json=self.body())
        assert answer.json() == {"record": record, "authorisation": "NON_EXISTE"}
        library.entitle(record)
        assert (await library.ask("doctor", "/search", "POST", json=self.body())).json()["authorisation"] == "VALIDE"
        assert library.last() == ("record-searched", "permitted", "profession")

    async def test_the_person_finds(self, library: Library):
        """A person finds the own record, nobody else's."""
        record = await library.person()
        await library.person(OTHER_INS)

        assert (await library.ask("alice", "/search", "POST", json=self.body())).json()["record"] == record
        assert refusal(await library.ask("alice", "/search", "POST", json=self.body(OTHER_INS))) == (
            404,
            "record-unavailable",
        )

    @pytest.mark.parametrize(
        ("value", "code"),
        [
            (INS[:12], "ins-length"),
            ("٢" * 15, "ins-format"),
            ({"$ne": None}, "invalid-request"),
            ({"$regex": ".*"}, "invalid-request"),
            ("", "invalid-request"),
        ],
    )
    async def test_bad_numbers(self, library: Library, value: Any, code: str):
        """A2 to A6, D44: what is no INS is refused before anything is looked for."""
        assert refusal(await library.ask("doctor", "/search", "POST", json=self.body(value))) == (422, code)
        assert not library.told

    async def test_more_than_asked(self, library: Library):
        """C39: a field that nobody asked for is refused."""
        answer = await library.ask("doctor", "/search", "POST", json=self.body(status="closed"))
        assert refusal(answer) == (422, "invalid-request")
