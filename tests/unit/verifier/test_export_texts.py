"""What the texts of an export say: they open their entries, and nothing is missing between them."""

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.logs import NOON, Log, log_of
from tests.unit.verifier.runs import Verify
from verifier.leaves import Group


def openings(export: Path, index: int, change: Callable[[dict[str, Any]], object]) -> None:
    """Change one line of the openings."""
    place = export / "openings.jsonl"
    lines = [json.loads(line) for line in place.read_text().splitlines()]
    change(lines[index]["groups"])
    place.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def test_a_text_that_is_not_the_one(export: Path, verify: Verify) -> None:
    """A changed text, or the right text under another salt, does not open its entry (bad input I114)."""
    openings(export, 3, lambda groups: groups["detail"].update(text='{"id": "event-3"}'))
    openings(export, 4, lambda groups: groups["subject"].update(salt=b64encode(bytes(32)).decode()))
    told = ["tampered: entry 3, detail: commitment-mismatch", "tampered: entry 4, subject: commitment-mismatch"]
    code, lines = verify("export", export)
    assert (code, lines[:2]) == (1, told)


def test_a_text_that_is_gone(export: Path, verify: Verify) -> None:
    """A text that is missing without an erasure in the log is named as missing, not as tampering."""
    openings(export, 5, lambda groups: groups.pop("detail"))
    told = "1 entries are without text, the log accounts for 0: openings-missing"
    assert verify("export", export) == (2, [f"incomplete: {told}"])


def test_erased_texts(tmp_path: Path, verify: Verify) -> None:
    """Where the log says that so many entries were erased, they are: the tree stays valid (bad input I115)."""
    log = log_of(30)
    log.erase(0, 3, 6)
    code, lines = verify("export", log.export(tmp_path / "export"))
    assert code == 0
    assert "texts: 28 proved; included, content erased: 3" in lines


def subject(log: Log, **changed: object) -> dict[Group, object]:
    """Return the texts of a next entry about ada, changed."""
    number, previous = log._chains["ada"]
    own = {"record": "ada", "entry": number + 1, "previous": previous} | changed
    return {Group.SUBJECT: own, Group.ACTOR: {}, Group.DETAIL: {"source": "/records", "id": "x"}}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"entry": 12}, "tampered: entry 30: number 12 of its record follows 10: chain-gap"),
        ({"entry": 10}, "tampered: entry 30: number 10 of its record follows 10: chain-gap"),
        ({"previous": "AAAA"}, "tampered: entry 30: chain-broken"),
        ({"entry": "many"}, "tampered: entry 30: text-malformed"),
    ],
)
def test_a_record_that_lacks_an_entry(changed: dict[str, Any], told: str, tmp_path: Path, verify: Verify) -> None:
    """An entry left out of a record's chain shows at the next one of that record."""
    log = log_of(30)
    log.append(subject(log, **changed))
    assert verify("export", log.export(tmp_path / "export")) == (1, [told])


def counted(log: Log, number: int, minutes: int, **detail: Any) -> None:
    """Append what a process numbered, so many minutes after noon."""
    actor = {} if detail else {"producer": "records.0", "number": number}
    told = {"source": "/records", "id": f"n{len(log.leaves)}", **detail}
    log.append({Group.SUBJECT: {}, Group.ACTOR: actor, Group.DETAIL: told}, NOON + 1_000 + minutes * 60_000)


@pytest.mark.parametrize(
    ("numbers", "code", "told"),
    [
        ([(17, 0), (18, 1)], 2, "incomplete: records.0: number 16 is not in the log: producer-gap"),
        ([(20, 0), (22, 1)], 2, "incomplete: records.0: number 16, 17, 18, 19 is not in the log: producer-gap"),
        ([(15, 0)], 1, "tampered: entry 30: number 15 of records.0 once more: producer-repeated"),
        ([(17, 0), (17, 0), (16, 0)], 1, "tampered: entry 31: number 17 of records.0 once more: producer-repeated"),
        ([(0, 0)], 1, "tampered: entry 30: number 0 of records.0 once more: producer-repeated"),
    ],
)
def test_a_process_that_lacks_a_number(
    numbers: list[tuple[int, int]], code: int, told: str, tmp_path: Path, verify: Verify
) -> None:
    """What a process told and nobody logged leaves a hole in its numbers (bad input I113)."""
    log = log_of(30)
    for number, minutes in numbers:
        counted(log, number, minutes)
    assert verify("export", log.export(tmp_path / "export")) == (code, [told])


def test_numbers_out_of_order(tmp_path: Path, verify: Verify) -> None:
    """What came late and out of order lacks nothing; nor does, yet, what another was told a minute before."""
    log = log_of(30)
    for number in (20, 17, 16, 19, 18, 25):
        counted(log, number, 1)
    assert verify("export", log.export(tmp_path / "export"))[0] == 0


def test_a_last_number_that_was_stated(tmp_path: Path, verify: Verify) -> None:
    """A process states how far it has come: then a last event that nobody logged is missed too."""
    log = log_of(30)
    said = {"type": "access.counted.v1", "data": {"producers": [{"producer": "records.0", "last": 16}]}}
    counted(log, 0, 1, **said)
    assert verify("export", log.export(tmp_path / "soon"))[0] == 0
    counted(log, 0, 2, type="anything.else.v1")
    told = "incomplete: records.0: number 16 is not in the log: producer-gap"
    assert verify("export", log.export(tmp_path / "late")) == (2, [told])


def test_an_erased_number(tmp_path: Path, verify: Verify) -> None:
    """An entry that was erased altogether takes its number with it: that is no gap, but nothing else may be one."""
    log = log_of(30)
    counted(log, 17, 0)
    counted(log, 18, 1)
    log.texts[4].clear()
    counted(log, 0, 3, type="entries.erased.v1", data={"entries": 1})
    code, lines = verify("export", log.export(tmp_path / "export"))
    assert (code, [line for line in lines if "producer" in line]) == (
        2,
        ["incomplete: records.0: number 3, 16 is not in the log: producer-gap"],
    )


def test_a_clock_that_went_back(tmp_path: Path, verify: Verify) -> None:
    """An entry recorded before the one before it is named; the order is the index all the same (bad input I111)."""
    log = log_of(30)
    log.append({Group.SUBJECT: {}, Group.ACTOR: {}, Group.DETAIL: {}}, recorded_at=NOON)
    told = "tampered: entry 30: time-backwards"
    assert verify("export", log.export(tmp_path / "export")) == (1, [told])


def test_an_event_under_another_name(tmp_path: Path, verify: Verify) -> None:
    """A text whose event is not the one that its leaf names is named, though the leaf commits to it."""
    log = log_of(30)
    log.append({Group.SUBJECT: {}, Group.ACTOR: {}, Group.DETAIL: {"source": "/records"}})
    assert verify("export", log.export(tmp_path / "export")) == (1, ["tampered: entry 30: text-malformed"])
