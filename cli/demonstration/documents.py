"""Third chapter: clinics deposit documents about people whose records are open, and replace some."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import httpx

from cli.demonstration.insurance import rest
from cli.demonstration.stage import Stage
from cli.demonstration.story import Arc, Check, Story
from shared.messaging.topology import RECORDS_DOCUMENTS
from simulator.clinic import Clinics, Tally
from simulator.clinic_documents import ClinicalDocument, documents
from simulator.population import Person
from simulator.publications import is_open

PATIENTS_SHARE: Final = 0.02
"""Of how many people a clinic writes something."""

EACH: Final = 8
"""Documents about each: one of every kind at least, and a correction now and then."""


def patients_among(crowd: Sequence[Person]) -> list[Person]:
    """Return the people of whom clinics write: they had a DMP before; the last is left to the reader to try."""
    return [person for person in crowd if is_open(person)][: max(3, int(len(crowd) * PATIENTS_SHARE))]


async def deposit(story: Story, stage: Stage, patients: Sequence[Person]) -> list[ClinicalDocument]:
    """Deposit documents about these people; return those that are in a record."""
    story.phase = "The clinics deposit what they write"
    now = datetime.now(UTC)
    written = [each for person in patients for each in documents(person, story.seed, EACH, until=now)]
    again = written[: len(patients)]
    tally, repeated = Tally(), Tally()
    async with httpx.AsyncClient(verify=stage.trust(), trust_env=False, timeout=30) as client:
        clinics = Clinics(client, stage.front("ingest"), stage.addresses["issuer"])
        await clinics.deposit_all(written, tally)
        await clinics.deposit_all(again, repeated)
    await rest(story)
    kinds = ", ".join(f"{kind} {count}" for kind, count in tally.kinds.most_common())
    replaced = sum(each.replaces is not None for each in written)
    story.arcs.append(
        Arc(
            "Documents",
            (
                Check("documents deposited", len(written), tally.outcomes["stored"]),
                Check("of them correct an earlier one", replaced, tally.replacements),
                Check("deposited once more and kept once", len(again), repeated.outcomes["stored"]),
                Check("documents in records", len(written), story.count(RECORDS_DOCUMENTS.queue, "done")),
            ),
            (f"Documents: {kinds}; {tally.bytes / 1e6:.1f} MB, sealed",),
        )
    )
    return written
