"""A link between a process and a server, under every weather."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import pytest

from chaos.proxy import GARBAGE, Link
from deploy.local.ports import free_port

pytestmark = pytest.mark.integration

Way = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def link() -> AsyncIterator[Link]:
    """Give a link to a server that says everything back."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    made = Link("a>b", free_port(()), (("127.0.0.1", server.sockets[0].getsockname()[1]),))
    await made.open()
    yield made
    await made.close()
    server.close()


async def connected(link: Link) -> Way:
    """Connect, and see that the way is open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    assert await said(reader, writer, b"hello") == b"hello"
    return reader, writer


async def said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, words: bytes) -> bytes:
    """Say something and return what comes back."""
    writer.write(words)
    return await asyncio.wait_for(reader.read(65536), 2)


async def test_everything_comes_through_in_fair_weather(link: Link):
    """A healthy link changes nothing, however much goes through."""
    reader, writer = await connected(link)
    much = bytes(range(256)) * 8_000
    writer.write(much)
    assert await reader.readexactly(len(much)) == much


async def test_a_cut_resets_whoever_is_connected(link: Link):
    """After a cut the client is told by a reset, and may connect again."""
    reader, writer = await connected(link)
    assert link.cut() == 1
    with pytest.raises(ConnectionResetError):
        await said(reader, writer, b"x")
    await connected(link)


async def test_a_refusing_link_lets_nobody_in(link: Link):
    """Whoever connects meanwhile is reset, until it is healed."""
    link.refuse()
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    with pytest.raises(ConnectionResetError):
        assert await said(reader, writer, b"x") == b"never"
    link.heal()
    await connected(link)


async def test_a_frozen_link_loses_nothing(link: Link):
    """What was said meanwhile comes through once it is healed."""
    reader, writer = await connected(link)
    link.freeze()
    writer.write(b"patience")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(64), 0.2)
    link.heal()
    assert await asyncio.wait_for(reader.read(64), 2) == b"patience"
    assert link.counted["held"]


async def test_a_slow_link_delays(link: Link):
    """Every chunk waits, on its way there and back."""
    reader, writer = await connected(link)
    link.delay(0.1)
    began = monotonic()
    assert await said(reader, writer, b"slowly") == b"slowly"
    assert monotonic() - began >= 0.2


async def test_a_half_open_link_answers_nobody(link: Link):
    """The client believes that it is connected and hears nothing more, until healing resets it."""
    reader, writer = await connected(link)
    link.half_open()
    for silent_reader, silent_writer in ((reader, writer), await asyncio.open_connection("127.0.0.1", link.port)):
        silent_writer.write(b"is anybody there?")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(silent_reader.read(64), 0.2)
    link.heal()
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.readexactly(64), 2)
    await connected(link)


async def test_a_garbling_link_adds_what_breaks_the_framing(link: Link):
    """So many chunks get garbage where none belongs, and no more."""
    reader, writer = await connected(link)
    link.corrupt(1)
    answer = await said(reader, writer, b"plain words")
    assert len(answer) == len(b"plain words") + GARBAGE
    assert await said(reader, writer, b"plain words") == b"plain words"
    assert link.counted["garbled"] == 1
