"""The one decision: every question of a small world, against the law written down a second time."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from services.records.domain.account import FEEDABLE, AccountState
from services.records.domain.decision import NOTHING, Act, Actor, Item, Mode, Nothing, Question, Rule, decide
from services.records.domain.documents import Hiding
from services.records.domain.matrix import READERS, may_consult
from services.records.domain.rights import Standing

LETTER, PSYCHIATRY = "11490-0", "68599-0"
HIDINGS = (
    frozenset[Hiding](),
    frozenset({Hiding.FROM_PATIENT}),
    frozenset({Hiding.FROM_REPRESENTATIVES}),
    frozenset({Hiding.FROM_PATIENT, Hiding.FROM_REPRESENTATIVES}),
)
ITEMS: tuple[Item | Nothing | None, ...] = (
    None,
    NOTHING,
    *(Item(*one) for one in product((LETTER, PSYCHIATRY), HIDINGS, (True, False), (True, False))),
)
ACCOUNTS = (None, AccountState.NOTIFIED, AccountState.CLOSED, AccountState.OPEN, AccountState.ACTIVATED)
CALLERS = (
    (Actor.PATIENT, True, None),
    (Actor.PATIENT, False, None),
    (Actor.PROFESSIONAL, False, "10"),
    (Actor.PROFESSIONAL, False, "40"),
    (Actor.PROFESSIONAL, False, "26"),
    (Actor.PROFESSIONAL, False, None),
    (Actor.OTHER, False, None),
)
DOCTOR = Question(Act.READ, AccountState.OPEN, Actor.PROFESSIONAL, profession="10", standing=Standing.VALID)


def _world() -> Iterator[Question]:
    for act, account, (actor, owner, profession) in product(Act, ACCOUNTS, CALLERS):
        colleagues = (None, *Standing) if act is Act.CONSENT else (None,)
        for standing, colleague, mode, item in product(Standing, colleagues, Mode, ITEMS):
            for oversees in (False, True) if actor is Actor.PROFESSIONAL else (False,):
                yield Question(act, account, actor, owner, profession, standing, oversees, colleague, mode, item)


def _may(question: Question) -> bool:
    """Say the law again, by who asks rather than by what forbids."""
    if question.account not in (AccountState.OPEN, AccountState.ACTIVATED):
        return False
    if question.actor is Actor.PATIENT:
        return question.owner and _patient_sees(question)
    if question.actor is not Actor.PROFESSIONAL or question.profession not in ("10", "40"):
        return False
    if question.standing is Standing.BLOCKED or question.mode is not Mode.NORMAL:
        return False
    if question.act is Act.READ:
        return question.standing is Standing.VALID and _professional_sees(question)
    return question.act is Act.FIND or (question.act is Act.CONSENT and question.colleague is not Standing.BLOCKED)


def _patient_sees(question: Question) -> bool:
    if question.item == NOTHING:
        return question.act in (Act.FIND, Act.CONSENT)
    return not (isinstance(question.item, Item) and question.item.hidings)


def _professional_sees(question: Question) -> bool:
    item = question.item
    if item is None:
        return True
    if not isinstance(item, Item):
        return False
    dentist_on_psychiatry = question.profession == "40" and item.type_code == PSYCHIATRY
    return item.authored or not ((item.masked and not question.oversees) or dentist_on_psychiatry)


def test_the_whole_small_world():
    """F33, F39, F48, F49, F50, F51, F54: the small world is permitted exactly where the law says so."""
    wrong = [question for question in _world() if decide(question).permits is not _may(question)]

    assert not wrong


def test_every_rule_decides_something():
    """No rule is dead but the last, which would speak only if a rule were forgotten."""
    assert {decide(question) for question in _world()} == set(Rule) - {Rule.DENY_UNNAMED}


@pytest.mark.parametrize("account", AccountState)
@pytest.mark.parametrize("actor", [Actor.PATIENT, Actor.PROFESSIONAL])
def test_only_open_records(account: AccountState, actor: Actor):
    """C38: a record that is not open is closed to everyone, the person included."""
    question = replace(DOCTOR, actor=actor, account=account, owner=True)
    assert decide(question).permits is (account in FEEDABLE)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"account": None, "standing": Standing.BLOCKED}, Rule.DENY_RECORD_UNKNOWN),
        ({"account": AccountState.CLOSED, "actor": Actor.OTHER}, Rule.DENY_RECORD_NOT_OPEN),
        ({"profession": "26", "standing": Standing.BLOCKED}, Rule.DENY_UNKNOWN_PROFESSION),
        ({"standing": Standing.BLOCKED, "mode": Mode.BREAK_GLASS}, Rule.DENY_BLOCKED),
        ({"mode": Mode.CENTRE_15, "standing": Standing.ABSENT}, Rule.DENY_EMERGENCY_NOT_BUILT),
        ({"standing": Standing.ABSENT, "item": NOTHING}, Rule.DENY_NO_CONSENT),
        ({"standing": Standing.EXPIRED, "item": NOTHING}, Rule.DENY_EXPIRED),
        ({"profession": "40", "item": Item(PSYCHIATRY, masked=True)}, Rule.DENY_MATRIX),
        ({"item": Item(LETTER, masked=True)}, Rule.DENY_MASKED),
        ({"item": Item(LETTER, masked=True, authored=True)}, Rule.PERMIT_AUTHOR),
        ({"item": Item(LETTER, masked=True), "oversees": True}, Rule.PERMIT_OVERSEER),
        ({"item": Item(LETTER, masked=True), "oversees": True, "standing": Standing.BLOCKED}, Rule.DENY_BLOCKED),
        ({"item": Item(LETTER, masked=True), "oversees": True, "standing": Standing.EXPIRED}, Rule.DENY_EXPIRED),
        ({"profession": "40", "item": Item(PSYCHIATRY, masked=True), "oversees": True}, Rule.DENY_MATRIX),
        ({"item": Item(LETTER)}, Rule.PERMIT_AUTHORISED),
        ({"act": Act.GOVERN, "account": None}, Rule.DENY_HOLDER_ONLY),
        ({"actor": Actor.OTHER}, Rule.DENY_FORBIDDEN_ACTOR),
    ],
)
def test_the_first_rule_decides(change: dict[str, object], rule: Rule):
    """Where several rules speak, the trace names the first in the order of the law (domain 4.3)."""
    assert decide(replace(DOCTOR, **change)) is rule  # type: ignore[arg-type]


@pytest.mark.parametrize("profession", [None, "", "26", "ALIM_AM", "SECRETARIAT_MEDICAL", "insurer"])
def test_who_is_not_in_the_matrix(profession: str | None):
    """F50, F54: a profession that the matrix does not name reads nothing, whatever the person allowed."""
    assert not may_consult(profession, LETTER)
    assert decide(replace(DOCTOR, profession=profession)) is Rule.DENY_UNKNOWN_PROFESSION


@pytest.mark.parametrize(
    ("profession", "type_code", "may"),
    [
        ("10", "ATTEST-RESID", False),
        ("10", PSYCHIATRY, True),
        ("21", PSYCHIATRY, False),
        ("60", "83901-9", False),
        ("40", "80788-3", False),
        ("40", LETTER, True),
        ("41", "74207-2", True),
        ("41", "60591-5", False),
        ("99", LETTER, True),
    ],
)
def test_known_cells(profession: str, type_code: str, may: bool):
    """F50: the cells of the matrix that are published are obeyed."""
    assert profession in READERS
    assert may_consult(profession, type_code) is may


def test_rules_fit_the_trace():
    """What a trace says of a rule is a word of the contract."""
    assert all(rule.value.replace("-", "").isalpha() and rule.value.islower() for rule in Rule)
