"""What somebody who watched the demonstration tries next: a file of addresses and tokens for a shell, kept fresh."""

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx

from simulator.callers import consulted
from simulator.clinic_documents import documents
from simulator.population import Person
from simulator.tokens import doctor, patient

FILE: Final = "try.env"
_FRESH_SECONDS: Final = 300
_SEED: Final = 999

_LET_IN: Final = """--json '{"status":"authorised"}'"""

COMMANDS: Final = (
    ("the documents of one's own record", 'carnet "$PATIENT" "$GATEWAY/v1/records/me/documents"'),
    (
        "a doctor deposits one more",
        'carnet "$DOCTOR" "$GATEWAY/v1/documents" -H "Content-Type: text/xml" --data-binary "@$DOCUMENT"',
    ),
    (
        "the patient lets the doctor in",
        f'carnet "$PATIENT" -X PUT "$GATEWAY/v1/records/me/professionals/$DOCTOR_ID" {_LET_IN}',
    ),
    ("the doctor reads (before that: 404)", 'carnet "$DOCTOR" "$GATEWAY/v1/records/$RECORD/documents"'),
    ("the patient sees who did what", 'carnet "$PATIENT" "$GATEWAY/v1/accesses?limit=5"'),
)
"""The five calls of the README; each line is for a shell that has read the file."""


@dataclass(slots=True)
class HandsOn:
    """One patient with documents, and a doctor whom the patient has not let in yet."""

    home: Path
    gateway: str
    authority: Path
    issuer: str
    person: Person
    _written: float = field(default=float("-inf"))

    @property
    def file(self) -> Path:
        """The file to read into a shell."""
        return self.home / FILE

    def keep_fresh(self) -> None:
        """Write the file again before its tokens expire."""
        if time.monotonic() - self._written < _FRESH_SECONDS:
            return
        self._written = time.monotonic()
        who = consulted(self.person)
        paper = self.home / "consultation.xml"
        (written, *_) = documents(self.person, _SEED, 1, until=datetime.now(UTC))
        paper.write_bytes(written.body)
        values = {
            "GATEWAY": self.gateway,
            "AUTHORITY": str(self.authority),
            "PATIENT": self._header(patient(self.person)),
            "DOCTOR": self._header(doctor(who)),
            "DOCTOR_ID": who.number,
            "RECORD": self._record(doctor(who)),
            "DOCUMENT": str(paper),
        }
        part = self.file.with_suffix(".part")
        part.write_text(_shell(values), encoding="utf-8")
        part.chmod(0o600)
        part.replace(self.file)

    def _record(self, wanted: Mapping[str, Any]) -> str:
        """Return the record's id, found as a doctor finds it."""
        answer = httpx.post(
            f"{self.gateway}/v1/records/search",
            json={"ins": {"value": self.person.ins, "oid": self.person.oid}},
            headers=dict([self._header(wanted).split(": ", 1)]),
            verify=ssl.create_default_context(cafile=self.authority),
            trust_env=False,
        )
        return str(answer.raise_for_status().json()["record"])

    def _header(self, wanted: Mapping[str, Any]) -> str:
        answer = httpx.post(f"{self.issuer}/token", json=wanted, trust_env=False, timeout=10)
        return f"Authorization: Bearer {answer.raise_for_status().json()['access_token']}"


def _shell(values: Mapping[str, str]) -> str:
    lines = ["# Written by ./carnet demo; nobody here exists. Read it into a shell: . ./try.env"]
    lines += [f"{name}='{value}'" for name, value in values.items()]
    lines += ['carnet() { curl --silent --show-error --cacert "$AUTHORITY" -H "$@"; echo; }']
    return "\n".join(lines) + "\n"
