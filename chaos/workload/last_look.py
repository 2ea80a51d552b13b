"""When all is quiet every patient looks once more: what the records show now is what they will show."""

import httpx

from chaos.history import History
from chaos.scene import Scene
from chaos.workload.crowd import patients
from chaos.workload.people import CLIENT, Visitor
from chaos.workload.readers import Shelf, find, read
from simulator.tokens import Token, patient


async def last_look(scene: Scene, history: History) -> None:
    """Let every patient list the own documents."""
    async with httpx.AsyncClient(**CLIENT) as client:
        for who in patients(scene.seed):
            token = Token(client, scene.doors["issuer"], patient(who.person))
            visitor = Visitor(f"patient.{who.number}", "patient", None, client, scene.doors, history, token)
            shelf = Shelf(who)
            await find(visitor, shelf)
            if shelf.record is not None:
                await read(visitor, shelf.record, "documents-listed", final=True)
