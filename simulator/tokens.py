"""Tokens of the development issuer: what it is asked for whom, and one that is used until it is old."""

from collections.abc import Mapping
from time import monotonic
from typing import Any, Final

import httpx

from simulator.clinic_header import Author
from simulator.population import Person

_SECONDS: Final = 480
"""A token is used for so long; it lives longer."""


class Token:
    """The token of one caller: ``wanted`` is what the issuer is asked."""

    def __init__(self, client: httpx.AsyncClient, issuer: str, wanted: Mapping[str, Any]) -> None:
        self._client = client
        self._address = f"{issuer.rstrip('/')}/token"
        self._wanted = wanted
        self._token = ""
        self._until = float("-inf")

    async def header(self) -> dict[str, str]:
        """Return the token in its header, a new one when it is due."""
        if monotonic() >= self._until:
            answer = await self._client.post(self._address, json=self._wanted)
            self._token = str(answer.raise_for_status().json()["access_token"])
            self._until = monotonic() + _SECONDS
        return {"authorization": f"Bearer {self._token}"}


def doctor(author: Author) -> dict[str, Any]:
    """Return what the issuer is asked for an author, a physician."""
    professional = {
        "national_id": author.number,
        "profession": "10",
        "speciality": author.speciality,
        "given_name": author.given,
        "family_name": author.family,
        "organisation_id": author.structure_number,
        "organisation": author.structure,
    }
    return {"kind": "professional", "sub": f"f:carnet:{author.number}", "professional": professional}


def patient(person: Person) -> dict[str, Any]:
    """Return what the issuer is asked for a patient."""
    return {"kind": "patient", "sub": f"patient-{person.ins[-8:]}", "ins": {"value": person.ins, "oid": person.oid}}


def insurer_software(structure: str = "1999999991") -> dict[str, Any]:
    """Return what the issuer is asked for a machine that has no business in a record."""
    return {"kind": "machine", "sub": "insurer-software", "structure": {"id": structure}}
