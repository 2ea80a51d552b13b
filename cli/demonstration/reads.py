"""Fourth chapter: professionals and patients read, strangers are denied, and everybody sees who did what."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import groupby
from time import monotonic
from typing import Any, Final

import httpx

from cli.demonstration.insurance import rest
from cli.demonstration.proofs import PATIENCE_S, proved
from cli.demonstration.stage import Stage
from cli.demonstration.story import Arc, Check, Story
from shared.clock import PARIS
from simulator.callers import Caller, Register, consulted
from simulator.clinic_documents import ClinicalDocument
from simulator.population import Person
from simulator.tokens import doctor, insurer_software, patient
from verifier.policies import Policy, parse_policy

_LOG_SECONDS: Final = 20.0
_SHOWN: Final = 8

HIDDEN: Final = 404
"""What may not be seen does not exist for who asks."""


@dataclass(slots=True)
class Visit:
    """What happened around one record: how each request should end, and how it ended."""

    wrong: list[str] = field(default_factory=list)
    permitted: int = 0
    denied: int = 0

    async def expect(self, status: int, caller: Caller, method: str, path: str, **request: Any) -> httpx.Response:
        """Ask, and note whether the answer has the status that the rules give it."""
        answer = await caller.ask(method, path, **request)
        if answer.status_code != status:
            self.wrong.append(f"{method} {path.partition('?')[0]}: {answer.status_code}, {status} expected")
        self.denied += status == HIDDEN
        self.permitted += status != HIDDEN
        return answer


async def read(story: Story, stage: Stage, written: Sequence[ClinicalDocument]) -> None:
    """Let each person's doctor ask, be let in, read, lose sight of what is masked, and be blocked."""
    story.phase = "Professionals and patients read; strangers are denied"
    register, visit = Register(), Visit()
    policy = parse_policy((stage.home / "keys" / "policy").read_text("utf-8"))
    doors = {each: stage.front("audit") for each in ("/v1/accesses", "/v1/proofs", "/tile")}
    doors["/v1/records"] = stage.front("records")
    async with httpx.AsyncClient(verify=stage.trust(), trust_env=False, timeout=30) as client:

        def calls(wanted: dict[str, Any]) -> Caller:
            return Caller(client, stage.addresses["issuer"], doors, wanted, register)

        of_people = [(person, list(each)) for person, each in groupby(written, key=lambda document: document.person)]
        for person, documents in of_people:
            await _around_one_record(visit, calls, person, documents)
        owner = calls(patient(of_people[0][0]))
        shown, proofs = await _accesses(owner, visit, policy)
    await rest(story)
    story.arcs.append(
        Arc(
            "Reads",
            (
                Check(
                    "requests answered as the rules want",
                    visit.permitted + visit.denied,
                    visit.permitted + visit.denied - len(visit.wrong),
                ),
                Check(
                    "requests of strangers denied",
                    visit.denied,
                    register.count("professional", HIDDEN) + register.count("machine", HIDDEN),
                ),
                Check("lines of a person's access list proved", len(shown), proofs),
            ),
            (*visit.wrong[:_SHOWN], "The first of these patients reads who did what, newest first:", *shown),
        )
    )


async def _around_one_record(visit: Visit, calls: Any, person: Person, documents: Sequence[ClinicalDocument]) -> None:
    """Everything that may happen between a person, the own doctor and a stranger."""
    owner = calls(patient(person))
    writer = documents[0].author
    own = calls(doctor(writer))
    reader = consulted(person, wrote=[each.author for each in documents])
    other = calls(doctor(reader))
    found = await visit.expect(
        200, other, "POST", "/v1/records/search", json={"ins": {"value": person.ins, "oid": person.oid}}
    )
    base = f"/v1/records/{found.json().get('record', 'unknown')}"
    await visit.expect(HIDDEN, other, "GET", f"{base}/documents")
    await visit.expect(HIDDEN, calls(insurer_software()), "GET", f"{base}/documents")
    right = f"{base}/professionals/{reader.number}"
    await visit.expect(201, owner, "PUT", right, json={"status": "authorised"})
    listed = (await visit.expect(200, other, "GET", f"{base}/documents?limit=100")).json().get("documents", [])
    for each in listed[:2]:
        await visit.expect(200, other, "GET", f"{base}/documents/{each['id']}/content")
    await visit.expect(200, other, "GET", f"{base}/reimbursements")
    mine = (await visit.expect(200, owner, "GET", "/v1/records/me/documents?limit=100")).json()["documents"]
    masked = next(each["id"] for each in mine)
    await visit.expect(200, owner, "PUT", f"/v1/records/me/documents/{masked}/mask", json={"masked": True})
    await visit.expect(200, owner, "GET", f"/v1/records/me/documents/{masked}/content")
    await visit.expect(HIDDEN, other, "GET", f"{base}/documents/{masked}/content")
    await visit.expect(200, owner, "PUT", right, json={"status": "blocked"})
    await visit.expect(HIDDEN, other, "GET", f"{base}/documents")
    await visit.expect(HIDDEN, own, "GET", f"{base}/documents")


async def _accesses(owner: Caller, visit: Visit, policy: Policy) -> tuple[list[str], int]:
    """Return the newest lines of somebody's access list with their proofs, and how many are proved.

    It waits until what was done last is in the log, and a checkpoint covers it.
    """
    until = monotonic() + _LOG_SECONDS
    while True:
        page = (await owner.ask("GET", "/v1/accesses")).json()["accesses"]
        if any(line["action"] == "professional-blocked" for line in page) or monotonic() > until:
            break
        await asyncio.sleep(0.3)
    if not any(line["action"] == "professional-blocked" for line in page):
        visit.wrong.append("the access list does not show what was done")
    proofs = [await _proof(owner, line["index"], policy) for line in page[:_SHOWN]]
    lines = [
        f"  {_moment(line['at'])} · {_who(line['actor'])} {line['description']} · {proof or 'not proved'}"
        for line, proof in zip(page, proofs, strict=False)
    ]
    return lines, len(proofs) - proofs.count(None)


async def _proof(owner: Caller, index: int, policy: Policy) -> str | None:
    until = monotonic() + PATIENCE_S
    while True:
        found = await proved(partial(owner.ask, "GET"), index, policy)
        if found is not None or monotonic() > until:
            return found
        await asyncio.sleep(0.5)


def _moment(written: str) -> str:
    return f"{datetime.fromisoformat(written).astimezone(PARIS):%d/%m/%Y %H:%M}"


def _who(actor: dict[str, Any] | None) -> str:
    if actor is None:
        return "Carnet"
    return actor["name"] or {"PATIENT": "Le titulaire"}.get(actor["type"], "Un logiciel")
