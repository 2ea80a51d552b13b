"""What simulated people do about a notice, and how they find their code."""

from collections import Counter
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest

from simulator.letterbox import codes_by_mail, name_on
from simulator.patients import OPPOSITIONS, Intention, card_serial, only, plans
from simulator.population import people

CROWD = list(people(3, 400))


@pytest.mark.parametrize("count", [40, 400])
def test_the_shares(count: int):
    """One and a half in a hundred oppose, by every way in turn; nobody does two things; a seed says it all."""
    planned = plans(CROWD[:count], seed=1)
    found = Counter(plan.intention for plan in planned)

    opposed = sum(found[way] for way in OPPOSITIONS)
    assert opposed == -(-count * 15 // 1000)
    assert max(found[way] for way in OPPOSITIONS) - min(found[way] for way in OPPOSITIONS) <= 1
    assert found[Intention.ACTIVATE] > 0
    assert len({plan.person.ins for plan in planned}) == len(planned)
    assert planned == plans(CROWD[:count], seed=1)
    assert len(only(planned, *OPPOSITIONS)) == opposed


def test_a_card():
    """A card's serial number has ten digits, and is the person's own."""
    serials = {card_serial(person) for person in CROWD}
    assert len(serials) == len(CROWD)
    assert all(len(serial) == 10 and serial.isdecimal() for serial in serials)


def test_a_name_on_an_envelope():
    """A person knows the own name and address in capitals, without accents, with or without a guardian's line."""
    mine = name_on(["Zoé Martin-Dubois", "4, rue du Port", "44000 Nantes"])
    assert name_on(["MME ZOE MARTIN-DUBOIS", "4 RUE DU PORT", "44000 NANTES"]) == mine
    assert name_on(["AU REPRESENTANT LEGAL DE", "ZOE MARTIN DUBOIS", "4 RUE DU PORT", "44000 NANTES"]) == mine
    assert name_on(["M MARTIN", "4 RUE DU PORT", "44000 NANTES"]) != mine


def test_a_code_by_mail(tmp_path: Path):
    """The code is read in the e-mail to the own address; one that several people share tells nobody whose it is."""
    zoe, leo, lea = (
        replace(person, email=email)
        for person, email in zip(CROWD, ("zoe@example.org", "famille@example.org", "famille@example.org"), strict=False)
    )
    for place, address in enumerate(("zoe@example.org", "famille@example.org", "nobody@example.org")):
        message = EmailMessage()
        message["To"] = address
        message.set_content(f"Madame, Monsieur,\n\nVOTRE CODE PROVISOIRE : ACDE-FGH{place + 3}\n")
        (tmp_path / f"{place}.eml").write_bytes(message.as_bytes())

    assert codes_by_mail(tmp_path, [zoe, leo, lea]) == {zoe.ins: "ACDE-FGH3"}
