"""A mail server that keeps what it is given: everybody's mailbox, in a folder.

`python -m simulator.mailbox --folder DIR --returns DIR` listens on the loopback interface only. A share of the
addresses does not exist: half of these are refused at once, to the others a delivery failure (RFC 3464) comes back.
"""

import argparse
import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import Message
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from aiosmtpd.smtp import SMTP, Envelope, Session

LOOPBACK: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8025

_UNKNOWN: Final = "550 5.1.1 no such mailbox"


class Mailboxes:
    """Keeps messages by their recipient; the hooks' names are aiosmtpd's."""

    def __init__(self, folder: Path, returns: Path | None = None, *, share: float = 0.0) -> None:
        self._folder = folder
        self._returns = returns
        self._share = share
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Refuse half of the addresses that do not exist."""
        if chance(address) < self._share / 2:
            return _UNKNOWN
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the message, or let its failure come back."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        for address in envelope.rcpt_tos:
            if self._returns is not None and chance(address) < self._share:
                _drop(self._returns, failure(content, address, envelope.mail_from or ""), content)
            else:
                (self._folder / f"{sha256(address.encode() + content).hexdigest()[:32]}.eml").write_bytes(content)
        return "250 OK"

    def messages(self) -> list[Message]:
        """Return what was delivered."""
        return [message_from_bytes(path.read_bytes()) for path in sorted(self._folder.glob("*.eml"))]


def chance(address: str) -> float:
    """Return a number from 0 to 1 that depends on an address alone."""
    return int.from_bytes(sha256(address.encode()).digest()[:8]) / 2**64


def failure(content: bytes, address: str, sender: str) -> MIMEMultipart:
    """Return the report that a message could not be delivered (RFC 3464), with the message's own headers."""
    report = MIMEMultipart("report", report_type="delivery-status")
    report["From"], report["To"] = "MAILER-DAEMON@carnet.invalid", sender
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report.attach(MIMEText("The message could not be delivered."))
    status = Message()
    status["Reporting-MTA"] = "dns; mailbox.carnet.invalid"
    per_recipient = Message()
    per_recipient["Final-Recipient"] = f"rfc822; {address}"
    per_recipient["Action"] = "failed"
    per_recipient["Status"] = "5.1.1"
    told = Message()
    told["Content-Type"] = "message/delivery-status"
    told.set_payload([status, per_recipient])
    report.attach(told)
    original = Message()
    original["Message-ID"] = str(message_from_bytes(content).get("Message-ID", ""))
    report.attach(MIMEMessage(original))
    return report


def _drop(returns: Path, report: MIMEMultipart, content: bytes) -> None:
    """Let a file appear whole."""
    returns.mkdir(parents=True, exist_ok=True)
    part = returns / f"{sha256(content).hexdigest()[:32]}.eml.part"
    part.write_bytes(report.as_bytes())
    part.rename(part.with_suffix(""))


@asynccontextmanager
async def receiving(mailboxes: Mailboxes, port: int = 0) -> AsyncIterator[int]:
    """Receive e-mails as long as this lasts; give the port."""
    loop = asyncio.get_running_loop()

    def session() -> Any:
        return SMTP(mailboxes, hostname="mailbox.carnet.invalid", loop=loop)

    server = await loop.create_server(session, LOOPBACK, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def _serve(mailboxes: Mailboxes, port: int) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with receiving(mailboxes, port):
        await stop.wait()


def main() -> None:
    """Receive until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where messages are kept")
    parser.add_argument("--returns", type=Path, default=None, help="where delivery failures go")
    parser.add_argument("--share", type=float, default=0.02, help="share of the addresses that do not exist")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    chosen = parser.parse_args()
    asyncio.run(_serve(Mailboxes(chosen.folder, chosen.returns, share=chosen.share), chosen.port))


if __name__ == "__main__":
    main()
