"""What a person sees of what was done with the own record: words, groups, days and pages."""

from datetime import UTC, datetime
from typing import get_args
from uuid import uuid4

import pytest

from services.audit.domain.deeds import DEEDS
from services.audit.domain.wording import ACTIONS, ACTORS
from shared.contracts.accesses import Action, ActorV1
from shared.contracts.records import HistoryRequestedV1, HistoryRequestedV1Data
from shared.contracts.schema import CONTRACTS
from tests.unit.audit.registry import ALICE, BRUNO, NOW, Registry, ask, listed, opened, outcome


class TestShown:
    """Who, what, when, and whether it was granted."""

    async def test_a_professional(self, registry: Registry):
        """F58: a line tells who did what to which document, for whom they work, when, and where the log says so."""
        document = uuid4().hex
        await registry.log_events(opened(await registry.record(BRUNO)), opened(await registry.record(ALICE)))
        await registry.log_events(await registry.trace(ALICE, documents=[document]))

        line = (await listed(registry))[0]

        assert line == {
            "index": 2,
            "at": "2026-11-21T10:01:00Z",
            "recorded_at": "2026-11-21T10:02:00Z",
            "state": "shown",
            "group": "MEDICAL_DOCUMENT",
            "action": "document-read",
            "description": "a consulté un document",
            "outcome": "permitted",
            "actor": {
                "type": "HEALTHCARE_PROFESSIONAL",
                "name": "KIT DOC0036624",
                "number": "899700366240",
                "profession": "10",
                "organisation": "CABINET M DOC0036624",
            },
            "documents": [document],
            "proof": None,
        }

    async def test_denied(self, registry: Registry):
        """F57: who was denied is shown too, as somebody who tried."""
        await registry.log_events(await registry.trace(ALICE, "documents-listed", "denied"))

        (line,) = await listed(registry)

        assert (line["outcome"], line["description"]) == (
            "denied",
            "a tenté de consulter la liste de vos documents",
        )
        assert line["actor"]["name"] == "KIT DOC0036624"

    async def test_the_person_too(self, registry: Registry):
        """F58: the person's own actions stand in the list."""
        await registry.log_events(await registry.trace(ALICE, "professional-blocked", actor=ActorV1(kind="patient")))

        (line,) = await listed(registry)

        assert line["actor"] == {
            "type": "PATIENT",
            "name": None,
            "number": None,
            "profession": None,
            "organisation": None,
        }

    async def test_somebody_else(self, registry: Registry):
        """F58: what another patient tried does not look as if the person had done it; who it was is not told."""
        actor = ActorV1(kind="patient", number="patient-of-another-record")
        await registry.log_events(await registry.trace(ALICE, "documents-listed", "denied", actor=actor))

        (line,) = await listed(registry)

        assert (line["actor"]["type"], line["actor"]["name"]) == ("PATIENT", "Une autre personne")
        assert line["actor"]["number"] is None

    async def test_agents_are_not_named(self, registry: Registry):
        """An agent is shown as the support that acted; the log knows who it was."""
        actor = ActorV1(kind="phone-agent", number="agent-7", name="Jeanne")
        await registry.log_events(await registry.trace(ALICE, actor=actor))

        (line,) = await listed(registry)

        assert (line["actor"]["type"], line["actor"]["name"], line["actor"]["number"]) == (
            "SUPPORT",
            "Assistance",
            None,
        )

    @pytest.mark.parametrize(
        ("cause", "said"),
        [
            ("deadline", "a ouvert votre dossier, à la fin du délai d'opposition"),
            ("activation", "a ouvert votre dossier, à votre demande"),
            ("a cause of tomorrow", "a ouvert votre dossier"),
        ],
    )
    async def test_what_the_service_does(self, registry: Registry, cause: str, said: str):
        """F57: what happens to a record by itself is told in words that say how; a cause that is new is not."""
        event = opened(await registry.record(ALICE))
        event = event.model_copy(update={"data": event.data.model_copy(update={"cause": cause})})
        await registry.log_events(event)

        (line,) = await listed(registry)

        assert (line["description"], line["actor"]["name"]) == (said, "Mon espace santé")

    async def test_only_what_is_meant_for_people(self, registry: Registry):
        """An event that only moves data between services is in the log and not in the list."""
        record = await registry.record(ALICE)
        data = HistoryRequestedV1Data(registration="/insurers/x|1", from_month="2024-11")
        await registry.log_events(
            HistoryRequestedV1.new(source="/records", time=NOW, subject=record, data=data), opened(record)
        )

        assert [line["action"] for line in await listed(registry)] == ["record-opened"]

    async def test_by_group(self, registry: Registry):
        """F58: the groups split the list; a page of a rare group looks as far as it has to."""
        await registry.read()
        for _ in range(120):
            await registry.log_events(await registry.trace(ALICE, "reimbursements-listed"))

        assert [line["action"] for line in await listed(registry, "?group=MEDICAL_DOCUMENT&limit=1")] == [
            "document-read"
        ]
        assert len(await listed(registry, "?group=GENERAL")) == 100
        assert len(await listed(registry)) == 100

    async def test_by_day(self, registry: Registry):
        """F58: days are those of Paris, and both ends belong to the list."""
        for instant in (datetime(2026, 11, 19, 22, 58, tzinfo=UTC), datetime(2026, 11, 19, 22, 59, tzinfo=UTC)):
            registry.clock.instant = instant
            await registry.read()
        registry.clock.instant = datetime(2026, 11, 20, 22, 58, 59, tzinfo=UTC)
        await registry.read()

        async def indexes(query: str) -> list[int]:
            return [line["index"] for line in await listed(registry, query)]

        assert await indexes("?from=2026-11-20&to=2026-11-20") == [2, 1]
        assert await indexes("?to=2026-11-19") == [0]
        assert await indexes("?from=2026-11-21") == []
        assert await indexes("?from=0001-01-01&to=9999-12-30") == [2, 1, 0]

    def test_the_table_knows_every_action(self):
        """Every action of a trace has a sentence for having done it, one for having been denied; so has every actor."""
        assert set(ACTIONS) == set(get_args(Action))
        assert all(words.refused for words in ACTIONS.values())
        kinds = ActorV1.model_fields["kind"].annotation
        assert set(ACTORS) == set(get_args(kinds))

    def test_the_table_names_contracts(self):
        """Every type in the table is one that a service publishes about a record."""
        assert set(DEEDS) <= {contract.TYPE for contract in CONTRACTS}


class TestPages:
    """Newest first, a hundred at a time."""

    async def test_put_together(self, registry: Registry):
        """F58: the pages are the whole list, each line once, the newest first, though the log grows meanwhile."""
        await registry.read(count=7)
        indexes, cursor = [], ""
        while True:
            page = (await ask(registry, f"?limit=3{cursor}")).json()
            indexes += [line["index"] for line in page["accesses"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
            await registry.read()

        assert indexes == [6, 5, 4, 3, 2, 1, 0]

    async def test_a_full_last_page(self, registry: Registry):
        """A page that ends the list says so, even if it is full."""
        await registry.read(count=3)

        assert (await ask(registry, "?limit=3")).json()["next"] is None

    async def test_empty(self, registry: Registry):
        """A record that nobody has touched has an empty list."""
        assert (await ask(registry)).json() == {"accesses": [], "next": None}

    @pytest.mark.parametrize("limit", ["-1", "0", "101", "1000000000", "1e3", "1.0", "", "%D9%A1%D9%A0", "+5", "5%20"])
    async def test_limits(self, registry: Registry, limit: str):
        """49: a limit that is no number from 1 to 100 is refused."""
        assert outcome(await ask(registry, f"?limit={limit}")) == (400, "limit-invalid")

    @pytest.mark.parametrize(
        "day", ["2026-02-29", "0000-01-01", "10000-01-01", "20260101", "2026-W01-1", "2026-1-1", "1700000000", ""]
    )
    async def test_days(self, registry: Registry, day: str):
        """66: a day that does not exist or is not written as one is refused."""
        assert outcome(await ask(registry, f"?from={day}")) == (422, "date-invalid")
        assert outcome(await ask(registry, "?to=9999-12-31")) == (422, "date-invalid")

    async def test_unknown_group(self, registry: Registry):
        """A group that there is not is refused."""
        assert outcome(await ask(registry, "?group=SERVICE_TIERS")) == (400, "group-unknown")
