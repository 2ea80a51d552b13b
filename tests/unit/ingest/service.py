"""Ingest in memory: its handlers with fakes, for the tests of this folder."""

from dataclasses import dataclass, field
from typing import Any

from services.ingest.handlers.beneficiaries import accept_beneficiaries
from services.ingest.handlers.reimbursements import accept_reimbursements
from shared.contracts.insurers import BeneficiaryRegisteredV1, ReimbursementSettledV1
from shared.messaging.unit import State, Unit
from tests.fakes.ingest import (
    INDEX_KEY,
    INSURERS,
    InMemoryIdentities,
    StoppedClock,
    applied,
    person,
    registered,
    settled,
)
from tests.fakes.vault import InMemoryVault


@dataclass
class Ingest:
    """Handlers on a vault and a store that keep what they are given."""

    vault: InMemoryVault = field(default_factory=InMemoryVault)
    identities: InMemoryIdentities = field(default_factory=InMemoryIdentities)
    production: bool = False

    async def people(self, *contents: dict[str, Any]) -> tuple[list[BeneficiaryRegisteredV1], Unit]:
        """Handle registrations, with ids REG/0, REG/1 …, and return them with the unit, nothing applied yet."""
        events = [
            BeneficiaryRegisteredV1.model_validate(registered(content, id=f"REG/{number}"))
            for number, content in enumerate(contents)
        ]
        unit = Unit()
        await accept_beneficiaries(events, unit, identities=self.identities, **self._common())
        return events, unit

    async def outcomes(self, *contents: dict[str, Any]) -> list[tuple[State, str | None]]:
        """Handle registrations and commit; return each one's state and reason."""
        events, unit = await self.people(*contents)
        await applied(unit)
        return [(unit.outcome_of(event).state, unit.outcome_of(event).reason) for event in events]

    async def register(self) -> str:
        """Register the sample person and return the record id."""
        _, unit = await self.people(person())
        await applied(unit)
        return str(unit.emitted[0].event.subject)

    async def lines(self, *contents: dict[str, Any], **envelope: Any) -> tuple[list[ReimbursementSettledV1], Unit]:
        """Handle settled lines and return them with the unit."""
        events = [ReimbursementSettledV1.model_validate(settled(content, **envelope)) for content in contents]
        unit = Unit()
        await accept_reimbursements(events, unit, **self._common())
        return events, unit

    def _common(self) -> dict[str, Any]:
        return {
            "vault": self.vault,
            "insurers": INSURERS,
            "index_key": INDEX_KEY,
            "clock": StoppedClock(),
            "production": self.production,
        }
