"""The table of broker users, as rules."""

import base64
import hashlib
import re

from deploy.local.definitions import definitions, password_hash
from deploy.local.users import broker_users, insurer_user, insurers, service_user
from shared.messaging.topology import STRAIGHT


def test_every_insurer_has_a_user_and_a_source() -> None:
    """An insurer's broker user and its CloudEvents source both follow from its code."""
    for insurer in insurers():
        assert insurer["user"] == f"insurer.{insurer['code']}"
        assert insurer["source"] == f"/insurers/{insurer['code']}"


def test_an_insurer_reads_its_own_feedback_only() -> None:
    """The rights of an insurer match its own feedback queue, no other, and no configuration."""
    user = insurer_user("cpam-44")
    assert re.search(user.read, "feedback.cpam-44")
    assert not any(
        re.search(user.read, name) for name in ("feedback.cpam-445", "feedbackxcpam-44", "x.feedback.cpam-44", "events")
    )
    assert not any(re.search(user.write, name) for name in ("upstream.unknown", "events", ""))
    assert not any(re.search(user.configure, name) for name in ("upstream", "feedback.cpam-44"))


def test_passwords_are_hashed_with_salt() -> None:
    """The definitions hold a salted SHA-256 of each password, never the password."""
    raw = base64.b64decode(password_hash("secret"))
    assert raw[4:] == hashlib.sha256(raw[:4] + b"secret").digest()
    assert password_hash("secret") != password_hash("secret")


def test_nobody_is_left_without_rights() -> None:
    """Every user has its rights in every virtual host, and there is no factory user."""
    names = [user.name for user in broker_users()]
    table = definitions(dict.fromkeys(names, "secret"), vhosts=("/", "other"))
    given = {(right["user"], right["vhost"]) for right in table["permissions"]}
    assert given == {(name, vhost) for name in names for vhost in ("/", "other")}
    assert "guest" not in names


def test_a_service_sends_straight_only_to_queues_it_feeds() -> None:
    """What is sent again goes to a queue that the sender publishes to anyway, and in nobody else's name (rule 8)."""
    straight = service_user("ingest").topics[STRAIGHT]
    assert re.search(straight, "ingest.records.reimbursement.received.v1")
    assert re.search(straight, "ingest.audit.all")
    others = ("records.audit.all", "ingest.notifications.notice.requested.v1", "ingest.records.ledger.stated.v1")
    assert not any(re.search(straight, key) for key in others)
