"""What a professional reads of the log: the own deeds, and everybody's where the person lets him see all (F59)."""

from datetime import timedelta
from typing import Any

import pytest

from services.audit.domain.deeds import DEEDS
from services.audit.domain.overseers import Overseer
from services.audit.domain.wording import ACTIONS, UNTOLD, impersonal
from shared.contracts.accesses import AccessTracedV1, ActorV1
from shared.identity import name_of
from tests.unit.audit.registry import ALICE, BRUNO, INDEX_KEY, NOW, PROFESSIONALS, Registry, ask, opened, outcome

UNTIL = NOW + timedelta(days=365)
NURSE = ActorV1(kind="professional", number="899700366257", name="KIT INF0036625", profession="60")


async def page(registry: Registry, query: str = "", name: str = "doctor") -> dict[str, Any]:
    """Return a professional's page."""
    answer = await ask(registry, query, name)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def oversee(registry: Registry, oversight: str | None, version: int = 1, name: str = "doctor") -> str:
    """Let a professional oversee Alice's record; return the record."""
    record = await registry.record(ALICE)
    professional = name_of(INDEX_KEY, PROFESSIONALS[name].national_id)
    registry.overseers.rows[f"{record}/{professional}"] = Overseer(record, professional, oversight, UNTIL, version)
    return record


async def test_the_own_deeds(registry: Registry):
    """F59: a professional sees what he did with whichever record, newest first, and nobody else's deeds."""
    await registry.log_events(await registry.trace(ALICE, documents=["d" * 32]))
    await registry.log_events(await registry.trace(BRUNO, "documents-listed", "denied"))
    await registry.log_events(await registry.trace(ALICE, actor=NURSE), opened(await registry.record(ALICE)))

    found = await page(registry)

    assert found["of"] == "me"
    assert [(line["record"], line["description"], line["outcome"]) for line in found["accesses"]] == [
        (await registry.record(BRUNO), "a tenté de consulter la liste des documents", "denied"),
        (await registry.record(ALICE), "a consulté un document", "permitted"),
    ]
    assert {line["actor"]["number"] for line in found["accesses"]} == {"899700366240"}
    assert [line["index"] for line in (await page(registry, name="nurse"))["accesses"]] == [2]


async def test_one_record_s(registry: Registry):
    """F59: a record's id narrows the list to the own deeds there; it opens nobody else's."""
    await registry.read(ALICE)
    await registry.read(BRUNO)
    await registry.log_events(await registry.trace(ALICE, actor=NURSE))

    found = await page(registry, f"?record={await registry.record(ALICE)}")

    assert (found["of"], [line["index"] for line in found["accesses"]]) == ("me", [0])
    assert (await page(registry, f"?record={'f' * 32}"))["accesses"] == []


@pytest.mark.parametrize("oversight", ["attending", "administrator"])
async def test_who_oversees_sees_all(registry: Registry, oversight: str):
    """F51, F59: attending physician and administrators see what everybody did with the record, hidden documents too."""
    record = await oversee(registry, oversight)
    await registry.log_events(opened(record))
    await registry.log_events(await registry.trace(ALICE, actor=NURSE, documents=["d" * 32], hidden=["d" * 32]))
    await registry.log_events(await registry.trace(ALICE, "professional-blocked", actor=ActorV1(kind="patient")))
    await registry.read(BRUNO)

    found = await page(registry, f"?record={record}")

    assert found["of"] == "everybody"
    assert [(line["description"], line["documents"]) for line in found["accesses"]] == [
        ("a bloqué l'accès d'un professionnel au dossier", []),
        ("a consulté un document", ["d" * 32]),
        ("a ouvert le dossier, à la fin du délai d'opposition", []),
    ]
    (trace,) = [event for event in registry.published if isinstance(event, AccessTracedV1)]
    assert (trace.subject, trace.data.action, trace.data.rule) == (record, "accesses-listed", oversight)


async def test_not_any_more(registry: Registry):
    """F51: whoever does not oversee a record any more sees the own deeds again, and no other cursor leads further."""
    record = await oversee(registry, "attending")
    for _ in range(3):
        await registry.log_events(await registry.trace(ALICE, actor=NURSE))
    following = (await page(registry, f"?record={record}&limit=1"))["next"]
    await oversee(registry, None, version=2)

    assert (await page(registry, f"?record={record}"))["accesses"] == []
    answer = await ask(registry, f"?record={record}&cursor={following}", "doctor")
    assert outcome(answer) == (400, "cursor-invalid")


async def test_until_the_authorisation_ends(registry: Registry):
    """F48, F51: whoever oversees a record does so until the authorisation ends, though nobody says so then."""
    record = await oversee(registry, "administrator")
    await registry.log_events(await registry.trace(ALICE, actor=NURSE))

    registry.clock.instant = UNTIL - timedelta(milliseconds=1)
    assert (await page(registry, f"?record={record}"))["of"] == "everybody"
    registry.clock.instant = UNTIL
    assert (await page(registry, f"?record={record}"))["of"] == "me"


async def test_pages_and_days(registry: Registry):
    """F58: a professional's list has pages, days and groups as a person's has."""
    await registry.read(ALICE, 5)
    registry.clock.instant += timedelta(days=2)
    await registry.log_events(await registry.trace(BRUNO, "record-searched"))

    first = await page(registry, "?limit=4")
    rest = await page(registry, f"?limit=4&cursor={first['next']}")

    assert [line["index"] for line in first["accesses"] + rest["accesses"]] == [5, 4, 3, 2, 1, 0]
    assert rest["next"] is None
    assert len((await page(registry, "?to=2026-11-21"))["accesses"]) == 5
    assert len((await page(registry, "?from=2026-11-22"))["accesses"]) == 1
    assert [line["index"] for line in (await page(registry, "?group=GENERAL"))["accesses"]] == [5]


async def test_it_is_traced(registry: Registry):
    """F57: that a professional read the own deeds is in the log, about nobody, and in the own list next time."""
    await page(registry)
    (trace,) = registry.published
    assert isinstance(trace, AccessTracedV1)
    assert (trace.subject, trace.data.rule) == (None, "own-traces")

    await registry.log_events(trace)

    (line,) = (await page(registry))["accesses"]
    assert (line["action"], line["record"], line["state"]) == ("accesses-listed", None, "shown")


async def test_a_cursor_of_another(registry: Registry):
    """42: a cursor leads on in the list that it was given for: not in another's, nor in another one of one's own."""
    await registry.read(ALICE, 2)
    await registry.log_events(await registry.trace(ALICE, actor=NURSE), await registry.trace(ALICE, actor=NURSE))
    cursor = (await page(registry, "?limit=1"))["next"]

    record = await registry.record(ALICE)
    for query, name in ((f"?cursor={cursor}", "nurse"), (f"?record={record}&cursor={cursor}", "doctor")):
        assert outcome(await ask(registry, query, name)) == (400, "cursor-invalid")
    assert outcome(await ask(registry, f"?cursor={cursor}", "alice")) == (400, "cursor-invalid")


@pytest.mark.parametrize("record", ["255081416802538", "2 55 08 14 168 025 38", "F" * 32, "a" * 31, "", "x", "../me"])
async def test_no_record(registry: Registry, record: str):
    """45: what is no opaque id, a person's number first of all, is refused and not repeated."""
    answer = await ask(registry, f"?record={record}", "doctor")

    assert outcome(answer) == (400, "record-invalid")
    assert not record or record not in answer.text


async def test_an_entry_that_is_gone(registry: Registry):
    """115: a mark whose entry says nothing any more hides none of the others."""
    await registry.read(ALICE, 3)
    del registry.storage.openings[1]

    first = await page(registry, "?limit=1")
    rest = await page(registry, f"?cursor={first['next']}")

    assert [line["index"] for line in first["accesses"] + rest["accesses"]] == [2, 0]


def test_nobody_is_spoken_to():
    """A sentence that speaks to the record's person has a form for everybody else."""
    words = [each.words for each in DEEDS.values()] + [*ACTIONS.values(), UNTOLD]
    sentences = [text for each in words for text in (each.done, each.refused) if text]
    sentences += [text for deed in DEEDS.values() for text in (deed.variants or {}).values()]

    for sentence in sentences:
        told = impersonal(sentence)
        assert not {"vous", "votre", "vos"} & set(told.replace("'", " ").split()), told
        assert "de le " not in told, told
        assert "à le " not in told, told
