"""E-mails by SMTP: one connection per batch, each message named after its notice, nothing of it ever logged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import aiosmtplib
from pydantic import SecretStr

from services.notifications.domain.mail import Mail
from services.notifications.ports import MailEnd
from shared.clock import Clock

_PERMANENT = 500


@dataclass(frozen=True, slots=True)
class Relay:
    """The mail server that takes our e-mails, and the address that they come from."""

    host: str
    port: int
    sender: str
    start_tls: bool
    user: str | None = None
    password: SecretStr | None = None


class SmtpCarrier:
    """`Carrier` by a mail server."""

    def __init__(self, relay: Relay, clock: Clock) -> None:
        self._relay = relay
        self._clock = clock

    async def carry(self, mails: Sequence[Mail]) -> Mapping[str, MailEnd]:
        """See `Carrier.carry`. A server that goes away ends the batch: what was not tried is tried again later."""
        ends: dict[str, MailEnd] = {}
        if not mails:
            return ends
        relay = self._relay
        client = aiosmtplib.SMTP(
            hostname=relay.host,
            port=relay.port,
            start_tls=relay.start_tls,
            username=relay.user,
            password=relay.password.get_secret_value() if relay.password else None,
            timeout=20,
        )
        try:
            async with client:
                for mail in mails:
                    ends[mail.notice] = await self._send(client, mail)
        except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPConnectError, OSError):
            return ends
        return ends

    async def _send(self, client: aiosmtplib.SMTP, mail: Mail) -> MailEnd:
        message = compose(mail, self._relay.sender, self._clock)
        try:
            await client.send_message(message, sender=return_path(self._relay.sender, mail.notice), recipients=mail.to)
        except aiosmtplib.SMTPRecipientsRefused as refused:
            return _end(refused.recipients[0].code)
        except aiosmtplib.SMTPResponseException as refused:
            return _end(refused.code)
        return MailEnd.ACCEPTED


def compose(mail: Mail, sender: str, clock: Clock) -> EmailMessage:
    """Return the message. The library refuses a header with a line end in it; addresses were checked before."""
    local, _, domain = sender.partition("@")
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(mail.sender, local, domain)
    message["To"] = Address(addr_spec=mail.to)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{mail.notice}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["List-Id"] = f"<notices.{domain}>"
    message["Content-Language"] = "fr"
    message.set_content(mail.text, cte="quoted-printable")
    return message


def return_path(sender: str, notice: str) -> str:
    """Return the address that failures come back to: it names the notice (variable envelope return path)."""
    local, _, domain = sender.partition("@")
    return f"{local}+{notice}@{domain}"


def _end(code: int) -> MailEnd:
    return MailEnd.BOUNCED if code >= _PERMANENT else MailEnd.DEFERRED
