"""The demonstration's result: the same numbers as a table for people and as JSON for programs."""

from dataclasses import asdict, dataclass
from typing import Any, Final

from cli.books import Count, FlowBooks, all_books, answers_sent, ends, in_motion
from cli.demonstration.story import Arc, Story
from shared.contracts.ingest import BeneficiaryAcceptedV1, ReimbursementReceivedV1
from shared.messaging.topology import FLOWS, UNKNOWN, UPSTREAM

_COMPARED: Final = [
    flow.queue
    for flow in FLOWS
    if flow.exchange in (UPSTREAM, UNKNOWN) or flow.key in (BeneficiaryAcceptedV1.TYPE, ReimbursementReceivedV1.TYPE)
]
"""Where what insurers publish comes to its ends; the rest of the system's life is compared arc by arc."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many events the insurers expect at an end, and how many the doors counted there."""

    queue: str
    state: str
    reason: str | None
    expected: int
    counted: int

    @property
    def agrees(self) -> bool:
        """Both counted the same."""
        return self.expected == self.counted


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `./carnet audit verify` says of the log."""

    valid: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything that the demonstration has to say at its end."""

    people: int
    lines: int
    seed: int
    books: list[FlowBooks]
    comparison: list[Comparison]
    refusals_sent: int
    refusals_read: int
    """By the insurers, from their feedback queues."""
    arcs: list[Arc]
    moving: dict[str, int]
    log: Verdict
    tampered: Verdict
    """The same of a copy in which one bit was changed; good if it names the entry."""
    rates: dict[str, float]
    """Lines per second, by stage: published, checked, decided, logged."""
    seconds: float
    addresses: dict[str, str]

    @property
    def balanced(self) -> bool:
        """Every flow's books balance."""
        return all(flow.balanced for flow in self.books)

    @property
    def agreed(self) -> bool:
        """Everything ended as people and insurers expect, and every refusal reached its sender."""
        ends_agree = all(each.agrees for each in self.comparison)
        checks_agree = all(check.agrees for arc in self.arcs for check in arc.checks)
        return ends_agree and checks_agree and self.refusals_sent == self.refusals_read

    @property
    def good(self) -> bool:
        """Nothing is wrong."""
        return self.balanced and self.agreed and self.log.valid and self.tampered.valid and not self.moving

    def as_json(self) -> dict[str, Any]:
        """Return the summary as JSON values."""
        whole = asdict(self)
        whole["flows"] = [
            {**row, "balanced": flow.balanced} for row, flow in zip(whole.pop("books"), self.books, strict=True)
        ]
        return {"good": self.good, "balanced": self.balanced, "agreed": self.agreed, **whole}


def summarise(story: Story, verdicts: tuple[Verdict, Verdict], addresses: dict[str, str], seconds: float) -> Summary:
    """Return the summary of a story that was told."""
    return Summary(
        people=story.people,
        lines=story.lines,
        seed=story.seed,
        books=all_books(story.summaries, story.tally.published),
        comparison=compare(story),
        refusals_sent=answers_sent(story.summaries),
        refusals_read=story.tally.told.total(),
        arcs=story.arcs,
        moving=in_motion(story.summaries),
        log=verdicts[0],
        tampered=verdicts[1],
        rates=story.rates,
        seconds=round(seconds, 1),
        addresses=addresses,
    )


def compare(story: Story) -> list[Comparison]:
    """Return every end that the insurers expect or that the doors counted, in the order of the flows."""
    counted = ends(story.summaries, _COMPARED)
    expected = {Count(*end): count for end, count in story.tally.expected.items()}
    order = {queue: place for place, queue in enumerate(_COMPARED)}
    found = sorted(counted.keys() | expected.keys(), key=lambda end: (order[end.queue], end.state, end.reason or ""))
    return [Comparison(*end, expected=expected.get(end, 0), counted=counted[end]) for end in found]
