"""What comes back: each report counts once, in whatever order and however often it comes."""

from itertools import permutations

import pytest

from services.notifications.domain.lot import LotState
from services.notifications.domain.notice import NoticeState
from services.notifications.domain.policy import Policy
from services.notifications.ports import Slip, SlipKind, Verdict
from tests.unit.notifications.office import Office, production, slip

LOT = "20261120-00001"
MOVED = "unknown-at-address"


def receipt(status: str, lot: str = LOT) -> Slip:
    """Return a receipt of the printer."""
    return slip(SlipKind.RECEIPT, f'{{"lot": "{lot}", "status": "{status}"}}')


def failure(notice: str, action: str = "failed") -> Slip:
    """Return what a mail server says of an e-mail that it could not deliver (RFC 3464)."""
    return slip(
        SlipKind.BOUNCE,
        f"""\
From: MAILER-DAEMON@example.org
To: ne-pas-repondre+{notice}@carnet.invalid
Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; zoe@example.org
Action: {action}
Status: 5.1.1
--b
Content-Type: text/rfc822-headers

Message-ID: <{notice}@carnet.invalid>
Subject: x
--b--
""",
    )


async def test_posted(seed: Office):
    """The day of posting that the printer reports is the one that counts (F08)."""
    notice = await seed.person()
    await seed.print()

    assert await seed.report(receipt("ACK"), production((notice, "posted", "2026-11-20"))) == [Verdict.DONE] * 2

    assert seed.told() == [("notice.sent.v1", notice, "post", "2026-11-20")]
    assert seed.lots.rows[LOT].state is LotState.ACCEPTED


async def test_twice(seed: Office):
    """The same report, or another that says the same or another day, has no second effect."""
    notice = await seed.person()
    await seed.print()
    report = production((notice, "posted", "2026-11-20"))
    more = production((notice, "posted", "2026-11-20"), (notice, "posted", "2026-11-19"))

    assert await seed.report(report, report, more, receipt("ACK"), receipt("ACK")) == [Verdict.DONE] * 5

    assert len(seed.told()) == 1


async def test_any_order():
    """Whatever order receipt, posting and return come in, the end and what was published are the same."""
    ends = set()
    for order in permutations(range(4)):
        office = Office(Policy.SEED)
        notice = await office.person()
        await office.print()
        slips = [
            receipt("ACK"),
            production((notice, "posted", "2026-11-20")),
            production((notice, "undeliverable", "2026-11-20", MOVED)),
            production((notice, "posted", "2026-11-20")),
        ]
        await office.report(*(slips[place] for place in order))
        row = office.notices.rows[notice]
        ends.add((row.state, row.sent_on, row.reason, tuple(sorted(told[0] for told in office.told()))))
    assert len(ends) == 1
    assert ends.pop()[0] is NoticeState.UNDELIVERABLE


@pytest.mark.parametrize("motive", ["unknown-at-address", "access", "refused", "unclaimed"])
async def test_returned(seed: Office, motive: str):
    """A letter that came back is undeliverable, with the post's motive."""
    notice = await seed.person()
    await seed.print()
    await seed.report(production((notice, "undeliverable", "2026-11-20", motive)))
    assert seed.told() == [("notice.undeliverable.v1", notice, "post", motive)]


async def test_rejected(seed: Office):
    """The letters of a rejected lot go into another, under another number; the rejection counts once."""
    notice = await seed.person()
    await seed.print()
    rejection = receipt("REJ")

    await seed.report(rejection)
    await seed.print()
    await seed.report(rejection, receipt("REJ"))

    assert seed.lots.rows[LOT].state is LotState.REJECTED
    assert seed.notices.rows[notice].lot == "20261120-00002"
    assert seed.lots.rows["20261120-00002"].state is LotState.HANDED_OVER


async def test_rejected_after_posting(seed: Office):
    """A rejection of a lot of which something was posted is for a person to look at."""
    notice = await seed.person()
    await seed.print()
    assert await seed.report(production((notice, "posted", "2026-11-20")), receipt("REJ")) == [
        Verdict.DONE,
        Verdict.QUARANTINE,
    ]


async def test_a_receipt_too_early(seed: Office):
    """A receipt that comes before the handing over was noted waits for it."""
    await seed.person()
    seed.pile.cut = True
    with pytest.raises(ConnectionError):
        await seed.print()
    assert await seed.report(receipt("ACK")) == [Verdict.LATER]


async def test_unknown_or_unusable_rows(seed: Office):
    """An unknown letter, a day to come or a motive that is none is set aside; the other rows count."""
    notice, other = await seed.person(), await seed.person()
    await seed.print()
    report = production(
        ("f" * 32, "posted", "2026-11-20"),
        (other, "posted", "2026-11-22"),
        (other, "undeliverable", "2026-11-20", "because"),
        (other, "posted", "20 novembre"),
        (notice, "posted", "2026-11-20"),
    )
    assert await seed.report(report) == [Verdict.QUARANTINE]
    assert seed.told() == [("notice.sent.v1", notice, "post", "2026-11-20")]


@pytest.mark.parametrize(
    "bad",
    [
        slip(SlipKind.RECEIPT, ""),
        slip(SlipKind.RECEIPT, "[" * 100_000),
        slip(SlipKind.RECEIPT, '{"lot": 7, "status": "ACK"}'),
        slip(SlipKind.RECEIPT, '{"lot": "../../etc", "status": "ACK"}'),
        slip(SlipKind.RECEIPT, '{"lot": "20261120-00001", "status": []}'),
        receipt("ACK", "20261120-00009"),
        receipt("MAYBE"),
        slip(SlipKind.PRODUCTION, "letter,status\nx,y\n"),
        slip(SlipKind.PRODUCTION, "\udcff"),
        slip(SlipKind.PRODUCTION, "letter,status,date,motive\n" + "x,,,\n" * 2_001),
        slip(SlipKind.BOUNCE, "Subject: hello\n\nI am on holiday"),
        slip(SlipKind.BOUNCE, "Content-Type: multipart/report; boundary=b\n\n--b\n"),
        slip(
            SlipKind.BOUNCE, "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(3000))
        ),
        slip(SlipKind.UNKNOWN, "x", "x.exe"),
        Slip("huge.eml", SlipKind.BOUNCE, "d", None),
    ],
)
async def test_what_cannot_be_read(seed: Office, bad: Slip):
    """What is no report is set aside for a person, and nothing else happens."""
    assert await seed.report(bad) == [Verdict.QUARANTINE]
    assert seed.told() == []


async def test_a_bounce(decree: Office):
    """An e-mail that comes back stops the delay, and a letter begins it again (F05)."""
    notice = await decree.person(email="zoe@example.org")
    await decree.mail()
    back = failure(notice)

    assert await decree.report(back, back, failure(notice, "Failed")) == [Verdict.DONE] * 3
    await decree.print()
    await decree.report(production((notice, "posted", "2026-11-20")))

    assert decree.told() == [
        ("notice.sent.v1", notice, "email", "2026-11-20"),
        ("notice.undeliverable.v1", notice, "email", "bounced"),
        ("notice.sent.v1", notice, "post", "2026-11-20"),
    ]
    assert await decree.report(failure(notice, " FAILED ")) == [Verdict.DONE]
    assert len(decree.told()) == 3


async def test_a_delay_is_no_bounce(decree: Office):
    """A mail server that is still trying has not failed."""
    notice = await decree.person(email="zoe@example.org")
    await decree.mail()
    assert await decree.report(failure(notice, "delayed")) == [Verdict.DONE]
    assert decree.notices.rows[notice].state is NoticeState.SENT


async def test_a_bounce_too_early(decree: Office):
    """A bounce that comes before the sending was noted waits for it."""
    notice = await decree.person(email="zoe@example.org")
    assert await decree.report(failure(notice)) == [Verdict.LATER]


async def test_a_bounce_of_nobody(decree: Office):
    """A bounce that names no notice of ours is set aside."""
    assert await decree.report(failure("f" * 32)) == [Verdict.QUARANTINE]
