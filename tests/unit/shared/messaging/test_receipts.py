"""Messages are acknowledged together only when nothing before them is unfinished (design §4, rules 2 and 9)."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.receipts import Progress, Receipts


@dataclass
class Channel:
    """Answers like a broker: an unknown number closes a channel, a number with all before it settles those too."""

    unsettled: set[int]
    frames: int = 0

    def acknowledge(self, number: int, *, multiple: bool) -> set[int]:
        """Settle a message, or all up to it; return which."""
        assert number in self.unsettled, "PRECONDITION_FAILED unknown delivery tag"
        settled = {each for each in self.unsettled if each <= number} if multiple else {number}
        self.unsettled -= settled
        self.frames += 1
        return settled


@dataclass(eq=False)
class Message:
    """A message that the broker delivered."""

    channel: "Open"
    delivery_tag: int

    async def ack(self, multiple: bool = False) -> None:
        """Acknowledge it."""
        self.channel.broker.acknowledge(self.delivery_tag, multiple=multiple)


@dataclass(eq=False)
class Open:
    """A channel as the library shows it."""

    broker: Channel = field(default_factory=lambda: Channel(set(range(1, 101))))


def message(channel: Open, number: int) -> Any:
    """Return a message in the place of the library's own."""
    return Message(channel, number)


@given(st.permutations(range(1, 31)), st.lists(st.integers(1, 6), min_size=30, max_size=30))
def test_any_order_of_finishing(order, sizes):
    """In whatever order and groups messages finish, each is settled once it is finished and never before."""
    progress, channel, finished = Progress(), Channel(set(range(1, 31))), set()
    for size in sizes:
        numbers, order = order[:size], order[size:]
        finished |= set(numbers)
        together, alone = progress.finish(numbers)
        if together is not None:
            assert channel.acknowledge(together, multiple=True) <= finished
        for number in alone:
            channel.acknowledge(number, multiple=False)
        assert channel.unsettled.isdisjoint(finished)
    assert not channel.unsettled


def test_a_batch_in_order_is_one_acknowledgement():
    """What finished in the order of its delivery costs one frame, however many messages it was."""
    assert Progress().finish(range(1, 101)) == (100, [])


def test_a_number_that_never_comes_holds_nobody_up():
    """A message that was lost on its way to the consumer is never acknowledged by those after it."""
    progress = Progress()
    assert progress.finish([2, 3]) == (None, [2, 3])
    assert progress.finish([4]) == (None, [4])
    assert progress.finish([1]) == (1, [])
    assert progress.finish([5, 6]) == (6, [])


async def test_messages_of_a_commit_share_a_frame():
    """The messages that a consumer finishes without waiting in between are acknowledged together."""
    receipts, channel = Receipts("records.all"), Open()
    for number in range(1, 51):
        await receipts.finish(message(channel, number))
    await asyncio.sleep(0)
    assert channel.broker.frames == 1
    assert channel.broker.unsettled == set(range(51, 101))


async def test_each_channel_has_its_own_numbers():
    """After a reconnection the numbers start again; what the old channel delivered is not confused with it."""
    receipts, before, after = Receipts("records.all"), Open(), Open()
    for each in (message(before, 1), message(before, 2), message(after, 1)):
        await receipts.finish(each)
    await asyncio.sleep(0)
    assert (before.broker.frames, after.broker.frames) == (1, 1)
    assert 2 not in before.broker.unsettled
    assert after.broker.unsettled == set(range(2, 101))
