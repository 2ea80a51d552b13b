"""E-mails: who gets one, what the mail server's answers mean, and that none is lost."""

from services.notifications.domain.notice import RETRIES, NoticeState
from services.notifications.ports import MailEnd
from shared.sealing import KeyClass
from tests.unit.notifications.office import Office

ZOE = "zoe@example.org"


async def test_an_email(decree: Office):
    """Whoever has an e-mail address gets an e-mail; the day of its acceptance in Paris counts (F05, F08)."""
    notice = await decree.person(email=ZOE)
    decree.later(hours=11, minutes=30)  # 00:30 in Paris

    await decree.mail()
    await decree.mail()

    assert decree.told() == [("notice.sent.v1", notice, "email", "2026-11-21")]
    assert [(mail.to, mail.notice, mail.sender) for mail in decree.postman.mails] == [(ZOE, notice, "MGEN")]
    assert "ACDE-FGHJ" in decree.postman.mails[0].text
    assert decree.notices.rows[notice].state is NoticeState.SENT


async def test_no_health_fact_in_an_email(decree: Office):
    """An e-mail holds neither name, number, address nor anything of one's health."""
    await decree.person(email=ZOE, ins={"value": "280022904411111"}, holder_nir="280022904411111")
    await decree.mail()
    mail = decree.postman.mails[0]
    assert not any(word in mail.text + mail.subject for word in ("MARTIN", "ZOE", "28002", "NANTES"))


async def test_a_letter_instead(decree: Office):
    """Whoever has no usable e-mail address gets a letter (F05)."""
    without = await decree.person()
    hostile = await decree.person(email="zoe@example.org\r\nBcc: all@example.org")

    await decree.mail()
    await decree.print()

    assert decree.postman.mails == []
    assert {decree.notices.rows[notice].lot for notice in (without, hostile)} == {"20261120-00001"}


async def test_letters_wait_for_the_choice(decree: Office):
    """Where e-mails come first no letter is made before the choice."""
    await decree.person(email=ZOE)
    await decree.print()
    assert decree.press.printed == []


async def test_refused_for_good(decree: Office):
    """An e-mail that the server refuses for good was not sent: a letter goes (F05)."""
    notice = await decree.person(email=ZOE)
    decree.postman.ends = {ZOE: MailEnd.BOUNCED}
    await decree.mail()
    await decree.print()
    assert decree.told() == []
    assert decree.notices.rows[notice].state is NoticeState.IN_LOT


async def test_refused_for_now(decree: Office):
    """An e-mail that the server cannot take now is tried again, later and later; then a letter goes (F63)."""
    notice = await decree.person(email=ZOE)
    decree.postman.ends = {ZOE: MailEnd.DEFERRED}
    for delay in RETRIES:
        await decree.mail()
        await decree.mail()
        decree.clock.time += delay
    assert len(decree.postman.mails) == len(RETRIES)
    await decree.mail()
    row = decree.notices.rows[notice]
    assert (row.state, row.channel, row.reason) == (NoticeState.TO_SEND, "post", "mail-given-up")


async def test_the_server_goes_away(decree: Office):
    """What was not tried because the server went away stays due and costs no attempt (F63)."""
    notices = [await decree.person(email=f"zoe{number}@example.org") for number in range(3)]
    decree.postman.away_after = 1
    await decree.mail()
    assert len(decree.told()) == 1
    assert all(decree.notices.rows[notice].attempts == 0 for notice in notices)

    decree.postman.away_after = None
    await decree.mail()
    assert sorted(told[1] for told in decree.told()) == sorted(notices)


async def test_many(decree: Office):
    """All due e-mails go in one run, batch by batch."""
    for number in range(45):
        await decree.person(email=f"zoe{number}@example.org")
    await decree.mail()
    assert len(decree.told()) == 45


async def test_erased(decree: Office):
    """No e-mail goes to a person whose keys are gone."""
    notice = await decree.person(email=ZOE)
    await decree.vault.destroy_keys(decree.notices.rows[notice].record, [KeyClass.IDENTITY])
    await decree.mail()
    assert decree.postman.mails == []
    assert decree.notices.rows[notice].state is NoticeState.ERASED
