"""Everybody at once, for as long as the run lasts; at the end each operation that was begun has come to its end."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Final

import httpx

from chaos.history import History
from chaos.scene import Scene
from chaos.workload.clinics import Clinics
from chaos.workload.crowd import Patient, cohorts, patients
from chaos.workload.insurers import publish_all, publisher
from chaos.workload.ledger import Message, messages, registrations
from chaos.workload.people import CLIENT, Visitor
from chaos.workload.pressure import Pressure
from chaos.workload.readers import Shelf, read_on
from cli.doors import MessagingDoors
from cli.tokens import OperatorAuth
from simulator.publications import Season, season_at
from simulator.tokens import Token, doctor, insurer_software, patient

SERVICES: Final = ("ingest", "records", "notifications", "audit")

_STRANGER: Final = "1999999991"


async def play(scene: Scene, history: History, stop: asyncio.Event) -> None:
    """Publish, deposit and read until ``stop`` is set; return once what was under way has been answered.

    The system must be healthy by then: a publisher goes on until the broker confirms.
    """
    season = season_at(datetime.now(UTC))
    crowd = patients(scene.seed)
    shelves = [Shelf(each) for each in crowd]
    auth = OperatorAuth(issuer=scene.doors["issuer"])
    doors = {name: scene.doors[name] for name in SERVICES}
    async with (
        MessagingDoors.open(doors, auth) as messaging,
        publisher(dict(scene.brokers), history, pressure := Pressure(messaging)) as sender,
        httpx.AsyncClient(**CLIENT) as client,
    ):
        async with asyncio.TaskGroup() as watch:
            watching = watch.create_task(pressure.watch())
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(publish_all(sender, _all_messages(crowd, season, scene.seed), stop))
                clinics = Clinics(client, scene.doors, history)
                dice = Random(f"clinics:{scene.seed}")
                tasks.create_task(clinics.deposit_on(shelves, scene.seed, datetime.now(UTC), dice, stop))
                for visitor, of in _readers(shelves, client, scene, history):
                    tasks.create_task(read_on(visitor, of, Random(f"{visitor.name}:{scene.seed}"), stop))
            watching.cancel()
        history.record("workload", "end", "info", confirmed=sender.confirmed, most_waiting=pressure.most)


def _all_messages(crowd: list[Patient], season: Season, seed: int) -> Iterator[Message]:
    yield from registrations((each.person for each in crowd), season)
    for cohort in cohorts(seed):
        yield from messages(cohort, season, seed)


def _readers(
    shelves: list[Shelf], client: httpx.AsyncClient, scene: Scene, history: History
) -> Iterator[tuple[Visitor, list[Shelf]]]:
    """Yield every patient and every patient's doctor, and software that has no business in any record."""
    issuer = scene.doors["issuer"]
    for shelf in shelves:
        who = shelf.patient
        own, theirs = Token(client, issuer, patient(who.person)), Token(client, issuer, doctor(who.doctor))
        yield Visitor(f"patient.{who.number}", "patient", None, client, scene.doors, history, own), [shelf]
        name = f"doctor.{who.number}"
        yield Visitor(name, "professional", who.doctor.number, client, scene.doors, history, theirs), [shelf]
    token = Token(client, issuer, insurer_software(_STRANGER))
    yield Visitor("stranger", "machine", _STRANGER, client, scene.doors, history, token), shelves
