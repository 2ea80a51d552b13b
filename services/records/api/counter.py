"""Where a request becomes an act: who is meant, done in one transaction, refused with a problem."""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from services.records.handlers.desk import Desk, Refused
from shared.http.problems import Problem
from shared.identity import InsError, blind_index, parse_ins
from shared.messaging.acts import Perform, Work
from shared.messaging.failures import Failure, classify

_STATUS: Final = {
    "code-unknown": 404,
    "attestation-unknown": 404,
    "person-unknown": 404,
    "code-expired": 409,
    "code-already-used": 409,
    "opposition-too-late": 409,
    "account-transition": 409,
    "nothing-to-confirm": 409,
    "date-future": 422,
    "code-too-soon": 429,
    "too-many-tries": 429,
}

T = TypeVar("T")


class Strict(BaseModel):
    """A body that holds what its contract names, in the types that it names."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class InsIn(Strict):
    """A person's number and the OID that says its kind."""

    value: Annotated[str, Field(min_length=1, max_length=32)]
    oid: Annotated[str, Field(min_length=1, max_length=64)]


class PersonIn(Strict):
    """Who says to be whom: the number, and the serial number of the health insurance card."""

    ins: InsIn
    card_serial: Annotated[str, Field(pattern=r"^[0-9]{8,13}$")]
    """Only its form can be checked: the register of cards is the insurer's."""


@dataclass(frozen=True, slots=True)
class Counter:
    """Where a request becomes an act: who is meant, done in one transaction, refused with a problem."""

    perform: Perform
    desk: Desk
    index_key: bytes
    production: bool

    def index(self, ins: InsIn) -> str:
        """Return the blind index of a number; raise a 422 problem for what is none."""
        try:
            return blind_index(self.index_key, parse_ins(ins.value, ins.oid, production=self.production))
        except InsError as error:
            raise Problem(422, error.code, at="body/ins") from None

    async def do(self, work: Work[T | Refused]) -> T:
        """Return what an act answers; raise a problem for a refusal, and a 503 while it cannot be done."""
        try:
            answer = await self.perform(work)
        except Exception as error:
            if classify(error) is Failure.DATA:
                raise
            raise Problem(503, headers={"retry-after": "5"}) from None
        if isinstance(answer, Refused):
            raise refusal(answer.code, answer.wait)
        return answer


def refusal(code: str, wait: timedelta | None = None) -> Problem:
    """Return the problem of an act that is not done."""
    headers = {} if wait is None else {"retry-after": str(ceil(wait.total_seconds()))}
    return Problem(_STATUS[code], code, headers=headers)
