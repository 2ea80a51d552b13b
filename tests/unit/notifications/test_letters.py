"""Letters: from the request to the printer's folder, once, whatever goes wrong on the way."""

import pytest

from services.notifications.domain.lot import LotState
from services.notifications.domain.notice import RETRIES, NoticeState
from services.notifications.handlers.letters import gather_lot
from shared.contracts.records import NoticeRequestedV1, NoticeRequestedV1Data
from shared.messaging.failures import RacedError
from shared.messaging.unit import DONE, Outcome, State, Unit
from shared.sealing import KeyClass
from tests.unit.notifications.office import NOON, Office

NUMBER = "20261120-00001"


def requested(notice: str) -> NoticeRequestedV1:
    """Return a request of a notice."""
    data = NoticeRequestedV1Data(notice_id=notice, sealed="A" * 80)
    return NoticeRequestedV1.new(source="/records", time=NOON, subject="a" * 32, data=data)


async def test_one_notice_per_request(seed: Office):
    """A notice asked for twice is one notice (F05)."""
    first, second = requested("b" * 32), requested("b" * 32)

    unit = await seed.take(first, second)
    again = await seed.take(third := requested("b" * 32))

    known = Outcome(State.IGNORED, "notice-known")
    assert [unit.outcome_of(first), unit.outcome_of(second), again.outcome_of(third)] == [DONE, known, known]
    assert list(seed.notices.rows) == ["b" * 32]


async def test_a_lot(seed: Office):
    """Due letters go into one lot, each with its place; the code and the address reach the press only (F05)."""
    notices = [await seed.person() for _ in range(3)]

    await seed.print()

    lot = seed.lots.rows[NUMBER]
    assert (lot.state, lot.letters, lot.manifest) == (LotState.HANDED_OVER, 3, f"manifest of {NUMBER}")
    rows = [seed.notices.rows[notice] for notice in notices]
    assert {(row.state, row.channel, row.lot) for row in rows} == {(NoticeState.IN_LOT, "post", NUMBER)}
    assert sorted(row.sequence or 0 for row in rows) == [1, 2, 3]
    assert seed.told() == []  # only the printer knows when it is posted


async def test_several_lots(seed: Office):
    """Lots have at most the letters allowed, and numbers that follow one another."""
    for _ in range(5):
        await seed.person()
    await seed.print(lot_size=2)
    assert [(number, lot.letters) for number, lot in seed.lots.rows.items()] == [
        (NUMBER, 2),
        ("20261120-00002", 2),
        ("20261120-00003", 1),
    ]


async def test_nothing_to_do(seed: Office):
    """Without a due notice no lot is made, however often the job runs."""
    await seed.person()
    await seed.print()
    await seed.print()
    assert seed.press.printed == [(NUMBER, 1)]


@pytest.mark.parametrize("there", [True, False])
async def test_killed_on_the_way(seed: Office, there: bool):
    """A lot that a killed process had begun is finished under its number; one that is there is not made again."""
    await seed.person()
    gathered = await seed.perform(lambda unit: gather_lot(unit, desk=seed.desk, limit=10))
    if there:
        assert gathered is not None
        assert gathered.lot is not None
        seed.pile.lots[gathered.lot.number] = b"whole"
    seed.later(days=1)

    await seed.print()

    assert list(seed.lots.rows) == [NUMBER]
    assert seed.lots.rows[NUMBER].state is LotState.HANDED_OVER
    assert len(seed.press.printed) == (0 if there else 1)


async def test_erased_before_it_was_written(seed: Office):
    """A notice of a person whose keys are gone ends, silently, and is never tried again."""
    kept, gone = await seed.person(), await seed.person()
    await seed.vault.destroy_keys(seed.notices.rows[gone].record, [KeyClass.IDENTITY])

    await seed.print()
    seed.later(days=30)
    await seed.print()

    assert seed.notices.rows[gone].state is NoticeState.ERASED
    assert seed.notices.rows[kept].state is NoticeState.IN_LOT
    assert seed.press.printed == [(NUMBER, 1)]
    assert seed.told() == []


async def test_erased_before_it_was_made(seed: Office):
    """Whoever is erased between the gathering and the making is left out; a lot with nobody left is void."""
    kept, gone = await seed.person(), await seed.person()
    await seed.perform(lambda unit: gather_lot(unit, desk=seed.desk, limit=10))
    await seed.vault.destroy_keys(seed.notices.rows[gone].record, [KeyClass.IDENTITY])
    await seed.print()
    assert seed.pile.lots == {NUMBER: kept.encode()}

    alone = await seed.person()
    await seed.perform(lambda unit: gather_lot(unit, desk=seed.desk, limit=10))
    await seed.vault.destroy_keys(seed.notices.rows[alone].record, [KeyClass.IDENTITY])
    await seed.print()
    assert seed.lots.rows["20261120-00002"].state is LotState.VOID


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (["1 RUE X", "NANTES"], "address-incomplete"),
        ([" "], "address-incomplete"),
        (["A\x1bB", "44000 NANTES"], "address-control-character"),
        (["A", "B", "C", "D", "E", "F", "44000 NANTES"], "address-too-many-lines"),
    ],
)
async def test_nowhere_to_write_to(seed: Office, address: list[str], reason: str):
    """A letter that nothing can be written on is undeliverable, and said so; the others go (F05)."""
    lost, other = await seed.person(address=address), await seed.person()

    await seed.print()

    assert seed.told() == [("notice.undeliverable.v1", lost, "post", "no-address")]
    assert (seed.notices.rows[lost].state, seed.notices.rows[lost].reason) == (NoticeState.UNDELIVERABLE, reason)
    assert seed.notices.rows[other].state is NoticeState.IN_LOT


@pytest.mark.parametrize("content", [{"code": ""}, {"code": "A B"}, {"kode": "ACDEFGHJ"}, ["x"], "x"])
async def test_without_a_code(seed: Office, content: object):
    """A notice without a code is not sent: it is held for a person to look at (F06)."""
    notice = await seed.request(await seed.register(), content)
    await seed.print()
    assert seed.notices.rows[notice].state is NoticeState.HELD
    assert seed.press.printed == []


async def test_a_broken_box(seed: Office):
    """A box that does not open holds its own notice only."""
    record, other = await seed.register(), await seed.person()
    broken = await seed.request(record)
    seed.contacts.rows[record] = seed.contacts.rows[seed.notices.rows[other].record].__class__(
        record, 1, "mgen", "x", "MGEN", "44", b"\x01" + b"x" * 60
    )
    await seed.print()
    assert (seed.notices.rows[broken].state, seed.notices.rows[broken].reason) == (NoticeState.HELD, "seal-broken")
    assert seed.notices.rows[other].state is NoticeState.IN_LOT


async def test_not_registered_yet(seed: Office):
    """A request that comes before the registration waits for it, a few times, then is undeliverable (F63)."""
    early = await seed.request("c" * 32)
    for delay in RETRIES:
        await seed.print()
        assert seed.told() == []
        seed.clock.time += delay
    await seed.print()
    assert seed.told() == [("notice.undeliverable.v1", early, "post", "no-address")]


async def test_a_race(seed: Office):
    """Two jobs that gather the same letters do not both commit."""
    await seed.person()
    first, second = Unit(), Unit()
    await gather_lot(first, desk=seed.desk, limit=10)
    await gather_lot(second, desk=seed.desk, limit=10)
    for effect in first.effects:
        await effect(None)
    with pytest.raises(RacedError):
        await second.effects[0](None)
