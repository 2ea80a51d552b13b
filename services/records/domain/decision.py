"""Who may do what with a record: the one decision, pure, in the order of the rules, denied unless a rule permits.

The order is that in which the law ranks what it says (CSP L1110-4, L1111-15 to L1111-19, R1111-46 to R1111-49). The
rule that decided is kept with the trace. Break glass and the call of a regulating centre are not built: who asks by
them is denied for that (F52, F53); who reads for a child is not told apart yet.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.records.domain.account import FEEDABLE, AccountState
from services.records.domain.documents import Hiding
from services.records.domain.matrix import is_reader, may_consult
from services.records.domain.rights import Standing


class Actor(StrEnum):
    """As what somebody asks."""

    PATIENT = "patient"
    PROFESSIONAL = "professional"
    OTHER = "other"
    """Insurers, machines, operators: nobody of them reads a record, even with the person's consent (F54)."""


class Act(StrEnum):
    """What somebody asks for."""

    FIND = "find"
    """Whether a person has a record, and how one stands with it."""
    READ = "read"
    CONSENT = "consent"
    """To record that the person authorises a professional."""
    GOVERN = "govern"
    """To mask, to block, to withdraw, to see who is authorised."""


class Mode(StrEnum):
    """By which claim a professional asks."""

    NORMAL = "normal"
    BREAK_GLASS = "bris_de_glace"
    CENTRE_15 = "centre_15"


@dataclass(frozen=True, slots=True)
class Item:
    """What of a document counts for who may see it."""

    type_code: str
    hidings: frozenset[Hiding] = frozenset()
    """From patients and from representatives, as deposited."""
    masked: bool = False
    authored: bool = False
    """The one who asks wrote or deposited it."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """A document was asked for that the record does not hold."""


NOTHING: Final = Nothing()


@dataclass(frozen=True, slots=True)
class Question:
    """Somebody asks for something; ``item`` is None where the record as a whole is meant."""

    act: Act
    account: AccountState | None
    """None: there is no such record."""
    actor: Actor
    owner: bool = False
    """A patient whose record it is."""
    profession: str | None = None
    standing: Standing = Standing.ABSENT
    """Of the professional who asks."""
    oversees: bool = False
    """The person lets this professional see masked documents too (F51)."""
    colleague: Standing | None = None
    """Of the professional for whom a consent is recorded."""
    mode: Mode = Mode.NORMAL
    item: Item | Nothing | None = None


class Rule(StrEnum):
    """What decided; the value stands in the trace."""

    PERMIT_HOLDER = "holder"
    PERMIT_AUTHORISED = "authorised"
    PERMIT_AUTHOR = "author"
    """Authorised, and what is asked for is the professional's own though it is masked or out of the matrix."""
    PERMIT_OVERSEER = "overseer"
    """Authorised, and masked for others: the attending physician and administrators see it."""
    PERMIT_PROFESSION = "profession"
    """Health professionals may know that a record exists, and record a consent."""
    DENY_HOLDER_ONLY = "holder-only"
    DENY_RECORD_UNKNOWN = "record-unknown"
    DENY_RECORD_NOT_OPEN = "record-not-open"
    DENY_NOT_HOLDER = "not-holder"
    DENY_FORBIDDEN_ACTOR = "forbidden-actor"
    DENY_UNKNOWN_PROFESSION = "unknown-profession"
    DENY_BLOCKED = "blocked"
    DENY_COLLEAGUE_BLOCKED = "colleague-blocked"
    DENY_EMERGENCY_NOT_BUILT = "emergency-not-built"
    DENY_NO_CONSENT = "no-consent"
    DENY_EXPIRED = "consent-expired"
    DENY_DOCUMENT_UNKNOWN = "document-unknown"
    DENY_INVISIBLE_PATIENT = "invisible-patient"
    DENY_INVISIBLE_REPRESENTATIVES = "invisible-representatives"
    DENY_MATRIX = "matrix"
    DENY_MASKED = "masked"
    DENY_UNNAMED = "no-rule"
    """Nothing permits it."""

    @property
    def permits(self) -> bool:
        """Whether it lets through."""
        return self.name.startswith("PERMIT_")


Holds = Callable[[Question], bool]

_MEANT: Final = (Act.READ, Act.GOVERN)
"""Acts that may mean one document."""


def _hides(question: Question, hiding: Hiding) -> bool:
    return isinstance(question.item, Item) and hiding in question.item.hidings


def _authored(question: Question) -> bool:
    return isinstance(question.item, Item) and question.item.authored


def _masked(question: Question) -> bool:
    return isinstance(question.item, Item) and question.item.masked


def _out_of_matrix(question: Question) -> bool:
    return isinstance(question.item, Item) and not may_consult(question.profession, question.item.type_code)


def _missing(question: Question) -> bool:
    return question.act in _MEANT and question.item == NOTHING


def _is_authorised(question: Question) -> bool:
    return question.act is Act.READ and question.standing is Standing.VALID


_EVERYBODY: Final[tuple[tuple[Rule, Holds], ...]] = (
    (Rule.DENY_HOLDER_ONLY, lambda q: q.act is Act.GOVERN and q.actor is not Actor.PATIENT),
    (Rule.DENY_RECORD_UNKNOWN, lambda q: q.account is None),
    (Rule.DENY_RECORD_NOT_OPEN, lambda q: q.account not in FEEDABLE),
)

_BY_ACTOR: Final[Mapping[Actor, tuple[tuple[Rule, Holds], ...]]] = {
    # Who logs in for a child is not told apart from the child: what either may not see is hidden here.
    Actor.PATIENT: (
        (Rule.DENY_NOT_HOLDER, lambda q: not q.owner),
        (Rule.DENY_DOCUMENT_UNKNOWN, _missing),
        (Rule.DENY_INVISIBLE_PATIENT, lambda q: _hides(q, Hiding.FROM_PATIENT)),
        (Rule.DENY_INVISIBLE_REPRESENTATIVES, lambda q: _hides(q, Hiding.FROM_REPRESENTATIVES)),
        (Rule.PERMIT_HOLDER, lambda _: True),
    ),
    Actor.PROFESSIONAL: (
        (Rule.DENY_UNKNOWN_PROFESSION, lambda q: not is_reader(q.profession)),
        (Rule.DENY_BLOCKED, lambda q: q.standing is Standing.BLOCKED),
        (Rule.DENY_EMERGENCY_NOT_BUILT, lambda q: q.mode is not Mode.NORMAL),
        (Rule.DENY_COLLEAGUE_BLOCKED, lambda q: q.act is Act.CONSENT and q.colleague is Standing.BLOCKED),
        (Rule.PERMIT_PROFESSION, lambda q: q.act in (Act.FIND, Act.CONSENT)),
        (Rule.DENY_NO_CONSENT, lambda q: q.standing is Standing.ABSENT),
        (Rule.DENY_EXPIRED, lambda q: q.standing is Standing.EXPIRED),
        (Rule.DENY_DOCUMENT_UNKNOWN, _missing),
        (Rule.DENY_MATRIX, lambda q: _out_of_matrix(q) and not _authored(q)),
        (Rule.DENY_MASKED, lambda q: _masked(q) and not (_authored(q) or q.oversees)),
        (Rule.PERMIT_AUTHOR, lambda q: _is_authorised(q) and _authored(q) and (_masked(q) or _out_of_matrix(q))),
        (Rule.PERMIT_OVERSEER, lambda q: _is_authorised(q) and _masked(q)),
        (Rule.PERMIT_AUTHORISED, _is_authorised),
    ),
    Actor.OTHER: ((Rule.DENY_FORBIDDEN_ACTOR, lambda _: True),),
}


_ORDER: Final = {actor: (*_EVERYBODY, *rules) for actor, rules in _BY_ACTOR.items()}


def decide(question: Question) -> Rule:
    """Return the first rule that speaks; what none permits is denied."""
    for rule, holds in _ORDER[question.actor]:
        if holds(question):
            return rule
    return Rule.DENY_UNNAMED
