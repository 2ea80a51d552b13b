"""Letters by Typst, in processes of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from services.notifications.adapters.typesetting import Batch, typeset
from services.notifications.domain.lot import Letter, Lot, reference
from services.notifications.domain.notice import Aim
from services.notifications.domain.wording import Wording
from shared.clock import paris_date
from shared.typesetting.french import french
from shared.typesetting.workshop import Workshop


class TypstPress:
    """`Press` in a workshop; an async context manager."""

    def __init__(
        self,
        wordings: Mapping[Aim, Wording],
        *,
        sender: str,
        address: tuple[str, ...],
        demonstration: bool,
        processes: int = 1,
    ) -> None:
        self._workshop = Workshop(processes)
        self._common = {
            "wordings": {aim.value: asdict(words) for aim, words in wordings.items()},
            "sender": {"name": sender, "address": address},
            "demonstration": demonstration,
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._workshop.__aexit__(kind, error, trace)

    async def render(self, lot: Lot, letters: Sequence[Letter]) -> bytes:
        """See `Press.render`. A killed process fails its batch, which is typeset again at the next run."""
        return await self._workshop.make(typeset, self.batch(lot, letters))

    def batch(self, lot: Lot, letters: Sequence[Letter]) -> Batch:
        """Return what the typesetter gets."""
        common = {**self._common, "made_on": french(paris_date(lot.made_at))}
        return Batch(common, [_plain(lot.number, letter) for letter in letters], int(lot.made_at.timestamp()))


def _plain(number: str, letter: Letter) -> dict[str, Any]:
    named = reference(number, letter.sequence)
    return {
        "lines": letter.lines,
        "aim": letter.aim,
        "child": letter.child,
        "code": letter.code,
        "sender": letter.sender,
        "reference": named,
        "mark": f"{named}/1/1",  # page 1 of 1, for the inserter
    }
