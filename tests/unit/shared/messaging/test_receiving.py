"""What the library hands over becomes a delivery that knows whether it can still be acknowledged."""

from types import SimpleNamespace
from typing import Any, cast

from aio_pika.message import IncomingMessage
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from shared.messaging.receiving import is_gone


def test_a_message_is_gone_with_its_channel():
    """Asked for the channel of a message, the library raises once it is closed: that is an answer, not a failure."""
    channel = SimpleNamespace(is_closed=False)
    header = ContentHeader(properties=Basic.Properties())
    delivered = DeliveredMessage(delivery=Basic.Deliver(), header=header, body=b"", channel=cast("Any", channel))
    message = IncomingMessage(delivered)

    assert not is_gone(message)
    channel.is_closed = True
    assert is_gone(message)
