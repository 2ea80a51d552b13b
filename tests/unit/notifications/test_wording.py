"""What every notice says (F06)."""

from dataclasses import fields, replace
from datetime import date

import pytest

from services.notifications.domain.mail import mail_text
from services.notifications.domain.notice import Aim
from services.notifications.domain.policy import Policy, first_channel, last_day
from services.notifications.domain.wording import Wording, check_letter, complete, wording
from services.records.domain.delay import Policy as RecordsPolicy
from services.records.domain.delay import deadline
from shared.errors import RefusedError


@pytest.mark.parametrize("part", [part.name for part in fields(Wording)])
@pytest.mark.parametrize("nothing", ["", "  \u00a0"])
def test_a_part_is_missing(part: str, nothing: str):
    """A notice that lacks any part of what the law wants said is not sent (F06)."""
    with pytest.raises(RefusedError) as refused:
        complete(replace(wording(Policy.SEED), **{part: nothing}))
    assert (refused.value.code, refused.value.field) == ("notice-incomplete", part)


@pytest.mark.parametrize(("code", "lines", "field"), [(" ", ("A",), "code"), ("ACDE", (), "address")])
def test_what_is_the_persons_own(code: str, lines: tuple[str, ...], field: str):
    """A letter without code or address is not sent (F06)."""
    with pytest.raises(RefusedError) as refused:
        check_letter(code, lines)
    assert refused.value.field == field


@pytest.mark.parametrize(("policy", "delay"), [(Policy.SEED, "un mois et dix jours"), (Policy.DECREE, "six semaines")])
def test_the_text(policy: Policy, delay: str):
    """The e-mail names the service, the DMP, the delay, all three ways to oppose, closing and the doctor (F06)."""
    text = mail_text(wording(policy), sender="MGEN", code="ACDE-FGHJ", child=None, address=("TSA 1",))
    said = text.replace("\u00a0", " ")
    for words in (
        "Mon espace santé", "dossier médical partagé (DMP)", delay, "à compter de la date d\u2019envoi",
        "monespacesante.fr",
               "34 22", "par courrier", "ACDE-FGHJ", "six semaines, une seule fois", "médecin traitant", "archivées",
        "sans conséquence sur vos remboursements", "TSA 1",
    ):  # fmt: skip
        assert words in said
    assert "'" not in text


def test_a_childs_text():
    """A notice about a child says so."""
    words = wording(Policy.SEED)
    assert "Ce courrier concerne LEA MARTIN" in mail_text(words, sender="x", code="y", child="LEA MARTIN", address=())


@pytest.mark.parametrize(
    ("policy", "has_email", "channel"),
    [
        (Policy.SEED, True, "post"),
        (Policy.SEED, False, "post"),
        (Policy.DECREE, True, "email"),
        (Policy.DECREE, False, "post"),
    ],
)
def test_the_channel(policy: Policy, has_email: bool, channel: str):
    """The announcement writes a letter to everyone, the decree an e-mail to whom has one (F05)."""
    assert first_channel(policy, has_email=has_email) == channel


@pytest.mark.parametrize(
    "sent_on", [date(2022, 1, day) for day in (1, 15, 31)] + [date(2023, 12, 31), date(2024, 2, 29)]
)
@pytest.mark.parametrize("policy", list(Policy))
def test_the_last_day_is_the_one_that_counts(policy: Policy, sent_on: date):
    """The day that a person is shown is the day that records fixes (F08)."""
    assert last_day(policy, sent_on) == deadline(sent_on, RecordsPolicy(policy.value))


@pytest.mark.parametrize("aim", list(Aim))
def test_every_notice_says_what_the_law_wants(aim: Aim):
    """Whatever it is sent for, a notice says all that it must, and each kind in its own words (F06, F18)."""
    words = wording(Policy.SEED, aim)
    others = {wording(Policy.SEED, other).opening for other in Aim if other is not aim}
    assert words.opening not in others
    assert all((words.subject, words.closing, words.activate, words.physician))
