"""One line that an insurer settled, in the fields of the contract between insurers and Carnet."""

from dataclasses import dataclass, field
from datetime import date

from simulator.care import Act, Performer


@dataclass(frozen=True, slots=True)
class Identifier:
    """An INS as the wire carries it."""

    value: str = field(repr=False)
    oid: str


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """One settled line; amounts are euro cents, as in DCIR's ER_PRS_F.

    `dataclasses.asdict` of it is the payload of `reimbursement.settled.v1`.
    """

    flux: str
    line: int
    ins: Identifier
    holder_nir: str = field(repr=False)
    regime: str
    caisse: str
    care_start: date
    care_end: date
    prescribed_on: date | None
    settled_on: date
    act: Act
    quantity: int
    coefficient_hundredths: int
    performer: Performer
    prescriber: Performer | None
    paid: int
    base: int
    rate_percent: int
    reimbursed: int
    supplements: int = 0
    contributions: int = 0
    """The flat contribution, negative: it is taken off what is paid back."""
    extra: int = 0
    """What a second compulsory cover pays (Alsace-Moselle, C2S)."""
    excess: int = 0
    """What was paid above the base."""
    currency: str = "EUR"
    minor_secret: bool = False
    reverses: str | None = None
    """Id of the line that this one cancels."""

    @property
    def id(self) -> str:
        """The line's key among those of its insurer."""
        return f"{self.flux}/{self.line}"
