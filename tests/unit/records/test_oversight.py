"""Attending physicians and administrators: whom the person lets see everything (F51, F59)."""

from datetime import timedelta
from typing import Any

import pytest

from services.records.domain.rights import VALID_FOR
from shared.contracts.records import OversightChangedV1
from shared.identity import name_of
from tests.fakes.records import NOON
from tests.unit.records.library import COLLEAGUE, DENTIST, DOCTOR, INDEX_KEY, Library, refusal

ATTENDING = {"status": "authorised", "oversight": "attending"}
ADMINISTRATOR = {"status": "authorised", "oversight": "administrator"}
NEITHER = {"status": "authorised", "oversight": "none"}
AUTHORISED, BLOCKED = {"status": "authorised"}, {"status": "blocked"}


async def put(library: Library, who: str, number: str, body: Any, record: str = "me") -> Any:
    """Record a right."""
    return await library.ask(who, f"/{record}/professionals/{number}", "PUT", json=body)


def said(library: Library) -> list[tuple[str | None, int]]:
    """Return what audit was told, in order: as what, and by which version of the right."""
    return [(event.data.oversight, event.data.version) for event in library.published(OversightChangedV1)]


async def test_the_person_names_them(library: Library):
    """F51: the person names attending physician and administrators, several if so wished; audit is told until when."""
    record = await library.person()

    first = await put(library, "alice", DOCTOR, ATTENDING)
    second = await put(library, "alice", COLLEAGUE, ADMINISTRATOR)

    assert (first.json()["oversight"], second.json()["oversight"]) == ("attending", "administrator")
    assert library.last() == ("oversight-given", "permitted", "holder")
    told = library.published(OversightChangedV1)
    assert [(each.subject, each.data.professional, each.data.oversight, each.data.until) for each in told] == [
        (record, name_of(INDEX_KEY, DOCTOR), "attending", NOON + VALID_FOR),
        (record, name_of(INDEX_KEY, COLLEAGUE), "administrator", NOON + VALID_FOR),
    ]
    listed = (await library.ask("alice", "/me/professionals")).json()["professionals"]
    assert {each["professional"]: each["oversight"] for each in listed} == {
        DOCTOR: "attending",
        COLLEAGUE: "administrator",
    }


async def test_they_see_what_is_masked(library: Library):
    """F33, F51: an attending physician sees a masked document, another authorised professional does not."""
    record = await library.person()
    name = await library.deposit(record)
    await library.ask("alice", f"/me/documents/{name}/mask", "PUT", json={"masked": True})
    await put(library, "alice", DOCTOR, ATTENDING)
    await put(library, "alice", DENTIST, AUTHORISED)

    assert await library.listed("doctor", record) == [name]
    assert await library.listed("dentist", record) == []
    assert (await library.ask("doctor", f"/{record}/documents/{name}")).status_code == 200
    assert library.last() == ("document-described", "permitted", "overseer")


@pytest.mark.parametrize("body", [ATTENDING, ADMINISTRATOR, NEITHER])
async def test_no_professional_names_one(library: Library, body: Any):
    """F51: what is the person's alone to say is refused to a professional, for himself and for others; it is traced."""
    record = await library.person()
    await put(library, "alice", DOCTOR, AUTHORISED)

    for number in (DOCTOR, COLLEAGUE):
        assert refusal(await put(library, "doctor", number, body, record)) == (403, "holder-only")
        assert library.last()[1:] == ("denied", "holder-only")
    assert not said(library)


async def test_a_consent_keeps_it(library: Library):
    """F48, F51: a consent recorded again on a later day renews the year, for the oversight too; it takes none away."""
    record = await library.person()
    await put(library, "alice", DOCTOR, ATTENDING)
    library.clock.instant += timedelta(days=2)

    await put(library, "doctor", DOCTOR, AUTHORISED, record)

    assert said(library) == [("attending", 1), ("attending", 2)]
    assert library.published(OversightChangedV1)[-1].data.until == NOON + timedelta(days=2) + VALID_FOR


@pytest.mark.parametrize("ending", [NEITHER, BLOCKED, None])
async def test_it_ends(library: Library, ending: Any):
    """F49, F51: it ends when the person says so, and with the authorisation; audit is told, once."""
    record = await library.person()
    name = await library.deposit(record)
    await library.ask("alice", f"/me/documents/{name}/mask", "PUT", json={"masked": True})
    await put(library, "alice", DOCTOR, ATTENDING)
    for _ in range(2):
        if ending is None:
            await library.ask("alice", f"/me/professionals/{DOCTOR}", "DELETE")
        else:
            await put(library, "alice", DOCTOR, ending)

    assert said(library) == [("attending", 1), (None, 2)]
    await put(library, "alice", DOCTOR, AUTHORISED)
    assert await library.listed("doctor", record) == []
    assert len(said(library)) == 2


async def test_the_same_again(library: Library):
    """The same request again changes nothing and tells nothing."""
    await library.person()

    answers = [await put(library, "alice", DOCTOR, ATTENDING) for _ in range(3)]

    assert [answer.headers["etag"] for answer in answers] == ['"1"'] * 3
    assert len(said(library)) == 1


async def test_expired(library: Library):
    """F48, F51: an authorisation that is over lets nobody see anything, an attending physician neither."""
    record = await library.person()
    await put(library, "alice", DOCTOR, ATTENDING)
    library.clock.instant += VALID_FOR

    assert refusal(await library.ask("doctor", f"/{record}/documents")) == (404, "record-unavailable")


@pytest.mark.parametrize(
    "body", [{"status": "blocked", "oversight": "attending"}, {"status": "authorised", "oversight": "owner"}]
)
async def test_bad_bodies(library: Library, body: Any):
    """C39: who is blocked oversees nothing, and nobody is anything that does not exist."""
    await library.person()

    answer = await put(library, "alice", DOCTOR, body)

    assert refusal(answer) == (422, "invalid-request")
    assert "owner" not in answer.text
