"""A person says who reads; a professional records a consent that was given (F49, F56)."""

from datetime import timedelta
from typing import Any

import pytest

from shared.sealing import KeyClass
from tests.fakes.records import NOON
from tests.unit.records.library import COLLEAGUE, DENTIST, DOCTOR, INDEX_KEY, Library, refusal

AUTHORISED, BLOCKED = {"status": "authorised"}, {"status": "blocked"}


class TestRights:
    """/professionals."""

    async def put(self, library: Library, who: str, number: str, body: Any, record: str = "me", **headers: str) -> Any:
        """Record a right."""
        return await library.ask(who, f"/{record}/professionals/{number}", "PUT", json=body, headers=headers)

    async def test_the_person_authorises(self, library: Library):
        """F48: the person authorises a professional, who then reads; both are traced."""
        record = await library.person()
        name = await library.deposit(record)

        made = await self.put(library, "alice", DOCTOR, AUTHORISED)

        assert (made.status_code, made.headers["etag"]) == (201, '"1"')
        assert made.json()["standing"] == "VALIDE"
        assert library.last() == ("professional-authorised", "permitted", "holder")
        assert library.opened().professional == DOCTOR
        assert await library.listed("doctor", record) == [name]

    async def test_a_consent_for_oneself_and_for_a_colleague(self, library: Library):
        """F56: a professional records the consent for himself or a colleague; who recorded it shows and is traced."""
        record = await library.person()

        own = await self.put(library, "doctor", DOCTOR, AUTHORISED, record)
        other = await self.put(library, "doctor", COLLEAGUE, AUTHORISED, record)

        assert (own.status_code, other.status_code) == (201, 201)
        assert library.last() == ("professional-authorised", "permitted", "profession")
        assert (library.opened().actor.number, library.opened().professional) == (DOCTOR, COLLEAGUE)
        assert await library.listed("colleague", record) == []
        rights = (await library.ask("alice", "/me/professionals")).json()["professionals"]
        assert {right["professional"]: (right["recorded_by"], right["name"]) for right in rights} == {
            DOCTOR: ("professional", "KIT DOC0036624"),
            COLLEAGUE: ("professional", None),
        }

    async def test_the_list(self, library: Library):
        """F49: the person sees who is authorised or blocked since when; what was withdrawn is gone from it."""
        await library.person()
        await self.put(library, "alice", DOCTOR, AUTHORISED)
        library.clock.instant += timedelta(days=2)
        await self.put(library, "alice", DENTIST, BLOCKED)
        await self.put(library, "alice", COLLEAGUE, AUTHORISED)
        await library.ask("alice", f"/me/professionals/{COLLEAGUE}", "DELETE")

        answer = await library.ask("alice", "/me/professionals")

        assert answer.headers["cache-control"] == "no-store"
        listed = [(one["professional"], one["standing"], one["since"][:10]) for one in answer.json()["professionals"]]
        assert listed == [(DENTIST, "INTERDIT", "2026-11-17"), (DOCTOR, "VALIDE", "2026-11-15")]

    async def test_a_block_wins_at_once(self, library: Library):
        """F49, C33: a block stops an authorised professional at the next call, and no professional lifts it."""
        record = await library.person()
        await self.put(library, "alice", DOCTOR, AUTHORISED)
        assert await library.listed("doctor", record) == []
        await self.put(library, "alice", DOCTOR, BLOCKED)

        assert refusal(await library.ask("doctor", f"/{record}/documents")) == (404, "record-unavailable")
        assert refusal(await self.put(library, "doctor", DOCTOR, AUTHORISED, record)) == (404, "record-unavailable")
        assert refusal(await self.put(library, "colleague", DOCTOR, AUTHORISED, record)) == (404, "record-unavailable")
        assert library.last() == ("professional-authorised", "denied", "colleague-blocked")

    async def test_after_a_block(self, library: Library):
        """F49: once unblocked, a professional needs a new authorisation."""
        record = await library.person()
        await self.put(library, "alice", DOCTOR, BLOCKED)
        gone = await library.ask("alice", f"/me/professionals/{DOCTOR}", "DELETE")

        assert (gone.status_code, gone.content) == (204, b"")
        assert refusal(await library.ask("doctor", f"/{record}/documents"))[0] == 404
        assert library.last()[2] == "no-consent"
        await self.put(library, "doctor", DOCTOR, AUTHORISED, record)
        assert await library.listed("doctor", record) == []

    async def test_withdrawn(self, library: Library):
        """C33: whose authorisation was withdrawn is denied at the next call."""
        record = await library.person()
        await self.put(library, "alice", DOCTOR, AUTHORISED)
        await library.ask("alice", f"/me/professionals/{DOCTOR}", "DELETE")

        assert refusal(await library.ask("doctor", f"/{record}/documents")) == (404, "record-unavailable")

    async def test_the_same_again(self, library: Library):
        """The same request again changes nothing; a consent on a later day begins a new year (F48)."""
        await library.person()
        first = await self.put(library, "alice", DOCTOR, AUTHORISED)
        library.clock.instant += timedelta(hours=1)
        again = await self.put(library, "alice", DOCTOR, AUTHORISED)
        assert (again.status_code, again.content, again.headers["etag"]) == (200, first.content, '"1"')

        library.clock.instant = NOON + timedelta(days=300)
        renewed = await self.put(library, "alice", DOCTOR, AUTHORISED)
        assert (renewed.headers["etag"], renewed.json()["since"][:10]) == ('"2"', "2027-09-11")
        for _ in range(2):
            assert (await library.ask("alice", f"/me/professionals/{COLLEAGUE}", "DELETE")).status_code == 204
        assert len(library.rights.rows) == 1

    async def test_preconditions(self, library: Library):
        """A change meant for another version is refused, and nothing is changed (If-Match, If-None-Match)."""
        await library.person()
        for headers, status in (
            ({"if-match": '"1"'}, 412),
            ({"if-match": "*"}, 412),
            ({"if-none-match": "*"}, 201),
            ({"if-none-match": "*"}, 412),
            ({"if-match": '"2"'}, 412),
            ({"if-match": '"7", "1"'}, 200),
            ({"if-match": "*"}, 200),
            ({"if-match": 'W/"1"'}, 400),
            ({"if-match": "1"}, 400),
            ({"if-none-match": '"1"'}, 400),
        ):
            answer = await library.ask("alice", f"/me/professionals/{DOCTOR}", "PUT", json=AUTHORISED, headers=headers)
            assert answer.status_code == status, headers
        blocked = await self.put(library, "alice", DOCTOR, BLOCKED, **{"if-match": '"1"'})
        assert (blocked.status_code, blocked.headers["etag"]) == (200, '"2"')
        stale = await library.ask("alice", f"/me/professionals/{DOCTOR}", "DELETE", headers={"if-match": '"1"'})
        assert refusal(stale) == (412, "version-stale")

    @pytest.mark.parametrize("who", ["doctor", "colleague", "optician", "machine", "operator"])
    async def test_what_only_the_person_may(self, library: Library, who: str):
        """F33, F49: to block, withdraw, mask and see the list is the person's alone; the attempt is traced."""
        record = await library.person()
        name = await library.deposit(record, by=COLLEAGUE)
        library.entitle(record)
        library.entitle(record, COLLEAGUE)
        for path, method, more in (
            (f"/{record}/professionals", "GET", {}),
            (f"/{record}/professionals/{DENTIST}", "PUT", {"json": BLOCKED}),
            (f"/{record}/professionals/{DOCTOR}", "DELETE", {}),
            (f"/{record}/documents/{name}/mask", "PUT", {"json": {"masked": True}}),
        ):
            for target in (path, path.replace(record, "0" * 32)):
                assert refusal(await library.ask(who, target, method, **more)) == (403, "holder-only")
                assert library.last()[1:] == ("denied", "holder-only")
        assert len(library.rights.rows) == 2

    @pytest.mark.parametrize("who", ["optician", "machine", "phone-agent"])
    async def test_who_may_not_record_a_consent(self, library: Library, who: str):
        """F54: whoever may not read cannot let anybody in either."""
        record = await library.person()

        answer = await library.ask(who, f"/{record}/professionals/{DOCTOR}", "PUT", json=AUTHORISED)

        assert refusal(answer) == (404, "record-unavailable")
        assert not library.rights.rows

    @pytest.mark.parametrize("written", ["3750712184/0123456", "3750712184%2F0123456"])
    async def test_a_number_with_a_slash(self, library: Library, written: str):
        """F49: whoever is known by a work place and a number of its own can be blocked, and let in again."""
        record = await library.person()
        made = await self.put(library, "alice", written, BLOCKED)

        assert (made.status_code, made.json()["professional"]) == (201, "3750712184/0123456")
        assert {right.grant.value for right in library.rights.rows.values()} == {"blocked"}
        assert (await library.ask("alice", f"/{record}/professionals/{written}", "DELETE")).status_code == 204

    @pytest.mark.parametrize("number", ["8", "899700366241x", "7123", "8123", "$ne", "89970036624", "10001234567"])
    async def test_bad_numbers(self, library: Library, number: str):
        """F22: what is no national id is refused and not repeated."""
        await library.person()

        answer = await self.put(library, "alice", number, AUTHORISED)

        assert answer.status_code == 422
        assert number not in answer.json().values()

    @pytest.mark.parametrize(
        "body", [{"status": "owner"}, {"status": "authorised", "_id": "x"}, {}, {"status": {"$ne": 1}}, []]
    )
    async def test_bad_bodies(self, library: Library, body: Any):
        """C39: values and fields that nobody asked for are refused."""
        await library.person()

        assert refusal(await self.put(library, "alice", DOCTOR, body)) == (422, "invalid-request")
        assert not library.rights.rows

    async def test_who_it_is_is_sealed(self, library: Library):
        """The store holds neither number nor name of a professional; a damaged or erased box is told as such."""
        record = await library.person()
        await self.put(library, "doctor", DOCTOR, AUTHORISED, record)
        (right,) = library.rights.rows.values()

        assert DOCTOR not in repr(right)
        assert DOCTOR.encode() not in right.box
        assert b"DOC0036624" not in right.box
        assert INDEX_KEY
        await library.vault.destroy_keys(record, [KeyClass.IDENTITY])
        (listed,) = (await library.ask("alice", "/me/professionals")).json()["professionals"]
        assert (listed["state"], listed["professional"], listed["standing"]) == ("erased", None, "VALIDE")
