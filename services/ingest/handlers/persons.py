"""Whom an event is about."""

from dataclasses import dataclass, field

from shared.contracts.insurers import InsIdentifier
from shared.errors import RefusedError
from shared.identity import Ins, InsError, blind_index, parse_ins


def identify(given: InsIdentifier, *, production: bool) -> Ins:
    """Return the checked INS of an event; a refusal keeps the code of `shared.identity` and names the field (F19)."""
    try:
        return parse_ins(given.value, given.oid, production=production)
    except InsError as error:
        raise RefusedError(error.code, "data.ins") from None


@dataclass(frozen=True, slots=True)
class Indexing:
    """Blind indexes of one batch's people, each computed once: a person's lines come together."""

    key: bytes
    production: bool
    _known: dict[tuple[str, str], str] = field(default_factory=dict, repr=False)

    def index_of(self, given: InsIdentifier) -> str:
        """Return the blind index of a checked INS; raise as `identify` does."""
        number = (given.value, given.oid)
        if number not in self._known:
            self._known[number] = blind_index(self.key, identify(given, production=self.production))
        return self._known[number]
