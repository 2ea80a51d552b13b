"""An exported log as it was, and damaged in every way: the verifier names exactly the damage."""

import json
import shutil
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.logs import NOON, Log, log_of
from tests.fakes.signing import POLICY
from verifier.command import main
from verifier.leaves import Group
from verifier.tiles import join_entries, split_entries

SIZE = 700
FIRST = "tile/entries/000"
LAST = f"tile/entries/002.p/{SIZE - 512}"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that nobody has touched."""
    return log_of(SIZE).export(tmp_path_factory.mktemp("log"))


@pytest.fixture
def export(sound: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return shutil.copytree(sound, tmp_path / "export")


@pytest.fixture
def verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, list[str]]]:
    """Run the command as its user does; return its exit code and the lines that it wrote."""
    policy = tmp_path / "policy"
    policy.write_text(POLICY)

    def run(*words: str | Path) -> tuple[int, list[str]]:
        with pytest.raises(SystemExit) as ended:
            main(["--policy", str(policy), *map(str, words)])
        written = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, (written.out + written.err).splitlines()

    return run


Verify = Callable[..., tuple[int, list[str]]]


def entries(export: Path, place: str, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Change the entries of a bundle."""
    bundle = export / place
    bundle.write_bytes(join_entries(change(split_entries(bundle.read_bytes()))))


def flipped(raw: bytes, at: int) -> bytes:
    """Return bytes with one bit changed."""
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def test_a_sound_log(export: Path, verify: Verify) -> None:
    """A log that nobody touched is valid, whole and counted."""
    code, lines = verify("export", export)
    assert code == 0
    assert lines[0].startswith(f"valid: {SIZE} entries of audit.carnet.example/2026")
    assert f"texts: {SIZE} proved; included, content erased: 0" in lines
    assert "records: 2, none lacks an entry" in lines


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512])
def test_logs_of_every_width(size: int, tmp_path: Path, verify: Verify) -> None:
    """Empty, one entry, one tile, one more: every width is read, and grows from what it was."""
    log = log_of(size)
    since = tmp_path / "since"
    for old in {0, size // 2, size}:
        since.write_bytes(log.signed(old))
        code, lines = verify("export", log.export(tmp_path / "export"), "--since", since)
        assert (code, lines[0].partition(" of ")[0]) == (0, f"valid: {size} entries")


def _edit(entry: int) -> Callable[[list[bytes]], list[bytes]]:
    return lambda found: [*found[:entry], flipped(found[entry], 40), *found[entry + 1 :]]


def _swap(found: list[bytes]) -> list[bytes]:
    return [found[1], found[0], *found[2:]]


TREE = {
    "100 leaf edited": (FIRST, _edit(7), ["tampered: entry 7: leaf-altered"]),
    "100 last leaf edited": (LAST, _edit(SIZE - 513), [f"tampered: entry {SIZE - 1}: leaf-altered"]),
    "102 leaf deleted": (FIRST, lambda found: found[:9] + found[10:], ["tampered: entry 9: leaf-deleted"]),
    "103 two leaves swapped": (
        FIRST,
        _swap,
        [
            "tampered: entry 0, which belongs to 1: leaf-moved",
            "tampered: entry 1, which belongs to 0: leaf-moved",
        ],
    ),
    "leaf added": (LAST, lambda found: [*found, found[0]], [f"tampered: after entry {SIZE - 1}: leaf-added"]),
}


@pytest.mark.parametrize(("place", "change", "told"), TREE.values(), ids=TREE)
def test_a_damaged_entry(
    place: str, change: Callable[[list[bytes]], list[bytes]], told: list[str], export: Path, verify: Verify
) -> None:
    """An entry that was edited, deleted, moved or added is named by its place (bad input I100, I102, I103)."""
    entries(export, place, change)
    assert verify("export", export) == (1, told)


@pytest.mark.parametrize(
    ("place", "at", "told"),
    [
        ("tile/0/001", 32 * 3, "tampered: entry 259: tile-altered"),
        ("tile/0/002.p/188", 0, "tampered: entry 512: tile-altered"),
        ("tile/1/000.p/2", 33, "tampered: tile/1/000.p/2: tile-altered"),
    ],
)
def test_a_flipped_bit_in_a_tile(place: str, at: int, told: str, export: Path, verify: Verify) -> None:
    """A tile that does not have its entries' hashes is named, and the entries are not blamed (bad input I101)."""
    tile = export / place
    tile.write_bytes(flipped(tile.read_bytes(), at))
    assert verify("export", export) == (1, [told])


def test_a_cut_tail(export: Path, tmp_path: Path, verify: Verify) -> None:
    """A log cut short under its checkpoint is incomplete; signed anew, it is less than was seen (bad input I104)."""
    (export / LAST).unlink()
    assert verify("export", export) == (2, [f"incomplete: {LAST}: file-missing"])
    log = log_of(SIZE)
    since = tmp_path / "since"
    since.write_bytes(log.signed())
    shorter = log_of(SIZE - 1).export(tmp_path / "shorter")
    told = f"tampered: {SIZE} entries were signed, {SIZE - 1} are: log-shrunk"
    assert verify("export", shorter, "--since", since) == (1, [told])


def test_a_rewritten_log(tmp_path: Path, verify: Verify) -> None:
    """A log rewritten and signed anew is sound in itself; a checkpoint that was kept tells (bad input I105)."""
    since = tmp_path / "since"
    since.write_bytes(log_of(600).signed())
    forged = log_of(300)
    forged.tell("ada", type="document.stored.v1")
    for index in range(301, SIZE):
        forged.tell(("ada", "bob", None)[index % 3])
    export = forged.export(tmp_path / "forged")
    assert verify("export", export)[0] == 0
    told = "tampered: among the first 600 entries: log-rewritten"
    assert verify("export", export, "--since", since) == (1, [told])


def test_entries_that_were_never_signed(export: Path, verify: Verify) -> None:
    """Entries and tiles that agree with each other and not with the signed root are not the log."""
    other = log_of(SIZE - 1)
    other.tell("eve")
    checkpoint = (export / "checkpoint").read_bytes()
    other.export(export)
    (export / "checkpoint").write_bytes(checkpoint)
    told = "tampered: the entries are not those that were signed: root-mismatch"
    assert verify("export", export) == (1, [told])


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


def test_a_receipt(tmp_path: Path, verify: Verify) -> None:
    """One entry with its proof and the signed checkpoint is enough to know what was logged."""
    log = log_of(300)
    place = tmp_path / "receipt.json"
    place.write_text(json.dumps(log.receipt(7)))
    code, lines = verify("receipt", place)
    assert (code, lines[0]) == (0, "valid: entry 7 of 300 of audit.carnet.example/2026")
    assert any(line.startswith("detail: ") and "event-7" in line for line in lines)


def test_a_receipt_without_its_text(tmp_path: Path, verify: Verify) -> None:
    """The receipt of an entry that was erased since still proves that it is there (bad input I115)."""
    receipt = log_of(300).receipt(7)
    place = tmp_path / "receipt.json"
    place.write_text(json.dumps({**receipt, "groups": {}}))
    code, lines = verify("receipt", place)
    assert (code, lines[-1]) == (0, "included, content erased")


RECEIPTS = {
    "another leaf": (lambda one, other: {**one, "leaf": other["leaf"]}, "root-mismatch"),
    "another text": (lambda one, other: {**one, "groups": other["groups"]}, "subject: commitment-mismatch"),
    "another proof": (lambda one, other: {**one, "proof": other["proof"]}, "root-mismatch"),
    "no proof": (lambda one, _: {**one, "proof": ""}, "proof-malformed"),
    "no leaf": (lambda one, _: {"proof": one["proof"], "groups": {}}, "receipt-malformed"),
    "a list": (lambda one, _: [one], "receipt-malformed"),
    "a leaf of another kind": (lambda one, _: {**one, "leaf": "AAAA"}, "leaf-malformed"),
}


@pytest.mark.parametrize(("forge", "told"), RECEIPTS.values(), ids=RECEIPTS)
def test_a_receipt_that_proves_nothing(forge: Callable[..., Any], told: str, tmp_path: Path, verify: Verify) -> None:
    """A receipt put together from two is refused."""
    log = log_of(300)
    place = tmp_path / "receipt.json"
    place.write_text(json.dumps(forge(log.receipt(7), log.receipt(8))))
    assert verify("receipt", place) == (1, [f"tampered: {told}"])


@pytest.mark.parametrize("words", [[], ["export"], ["unlog", "."], ["receipt", "nowhere.json"]])
def test_wrong_usage(words: list[str], verify: Verify) -> None:
    """A call that cannot be meant ends with 3."""
    assert verify(*words)[0] == 3


def test_a_policy_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A policy file with a mistake ends with 3, and the line is named."""
    policy = tmp_path / "wrong"
    policy.write_text("log nobody\n")
    with pytest.raises(SystemExit) as ended:
        main(["--policy", str(policy), "export", str(tmp_path)])
    assert (ended.value.code, capsys.readouterr().err) == (3, "policy: line 1: key-malformed\n")
