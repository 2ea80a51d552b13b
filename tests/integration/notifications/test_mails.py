"""E-mails over a real socket to a mailbox: what arrives, what is refused, and that headers stay ours."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from services.notifications.adapters.smtp_mail import Relay, SmtpCarrier, compose
from services.notifications.domain.mail import Mail
from services.notifications.domain.reports import read_bounce
from services.notifications.ports import MailEnd
from shared.clock import SystemClock
from simulator.mailbox import Mailboxes, chance, receiving

pytestmark = pytest.mark.integration

SENDER = "ne-pas-repondre@carnet.invalid"
NOTICE = "a" * 32


def mail(**changes: str) -> Mail:
    """Return an e-mail."""
    told = {
        "notice": NOTICE,
        "to": "zoe@example.org",
        "sender": "CPAM de Loire-Atlantique",
        "subject": "Été",
        **changes,
    }
    return Mail(text="Madame, Monsieur,\n\n.\nVotre code : ACDE-FGHJ « é »\n", **told)


def carrier(port: int) -> SmtpCarrier:
    """Return a carrier to a local port."""
    return SmtpCarrier(Relay("127.0.0.1", port, SENDER, start_tls=False), SystemClock())


@pytest.fixture
async def mailboxes(tmp_path: Path) -> AsyncIterator[tuple[Mailboxes, int]]:
    """Give mailboxes of which a half exists, and their port."""
    boxes = Mailboxes(tmp_path / "mail", tmp_path / "returns", share=0.5)
    async with receiving(boxes, 0) as port:
        yield boxes, port


def address(low: float, high: float) -> str:
    """Return an address whose chance lies between two numbers."""
    return next(each for number in range(1000) if low <= chance(each := f"zoe{number}@example.org") < high)


async def test_an_email(mailboxes: tuple[Mailboxes, int]):
    """An e-mail arrives as it was written, named after its notice, marked as sent by a machine."""
    boxes, port = mailboxes
    to = address(0.5, 1)

    assert await carrier(port).carry([mail(to=to)]) == {NOTICE: MailEnd.ACCEPTED}

    arrived = message_from_bytes(boxes.messages()[0].as_bytes(), policy=default)
    assert arrived["Message-ID"] == f"<{NOTICE}@carnet.invalid>"
    assert (arrived["To"], arrived["Subject"], arrived["Auto-Submitted"]) == (to, "Été", "auto-generated")
    assert arrived["From"].addresses[0].display_name == "CPAM de Loire-Atlantique"
    assert arrived["List-Id"] == "<notices.carnet.invalid>"
    assert "\n.\r\n" not in arrived.get_content()
    assert arrived.get_content().replace("\r\n", "\n") == mail().text


async def test_no_such_mailbox(mailboxes: tuple[Mailboxes, int]):
    """An address that the server refuses is told apart; the others of the batch go."""
    boxes, port = mailboxes
    mails = [mail(to=address(0, 0.25)), mail(notice="b" * 32, to=address(0.5, 1))]
    assert await carrier(port).carry(mails) == {NOTICE: MailEnd.BOUNCED, "b" * 32: MailEnd.ACCEPTED}
    assert len(boxes.messages()) == 1


async def test_a_failure_that_comes_back(mailboxes: tuple[Mailboxes, int], tmp_path: Path):
    """A failure reported later names the notice by the Message-ID that we gave (RFC 3464)."""
    _, port = mailboxes
    assert await carrier(port).carry([mail(to=address(0.25, 0.5))]) == {NOTICE: MailEnd.ACCEPTED}
    (report,) = (tmp_path / "returns").glob("*.eml")
    assert read_bounce(report.read_bytes()) == NOTICE


async def test_nobody_answers(tmp_path: Path):
    """Without a server nothing was tried."""
    async with receiving(Mailboxes(tmp_path), 0) as port:
        pass
    assert await carrier(port).carry([mail()]) == {}


@pytest.mark.parametrize("field", ["to", "sender", "subject", "notice"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_header_injection(field: str, end: str):
    """No value can end a header and begin another: such a message is not made at all."""
    hostile = mail(**{field: f"x@example.org{end}Bcc: all@example.org"})
    try:
        message = compose(hostile, SENDER, SystemClock())
    except ValueError:
        return
    assert message["Bcc"] is None
    assert not any(line.startswith(b"Bcc") for line in message.as_bytes().splitlines())


def test_lines_of_the_text():
    """A text cannot end the message or begin a header either."""
    text = "x\r\n.\r\nQUIT\r\nFrom: eve@example.org\n\n"
    message = compose(Mail(NOTICE, "zoe@example.org", "x", "y", text), SENDER, SystemClock())
    parsed = message_from_bytes(message.as_bytes(), policy=default)
    assert parsed["From"].addresses[0].addr_spec == SENDER


def test_the_date():
    """The date is the clock's."""
    clock = SystemClock()
    clock.now = lambda: datetime(2026, 11, 20, 12, tzinfo=UTC)  # type: ignore[method-assign]
    assert compose(mail(), SENDER, clock)["Date"].datetime == clock.now()
