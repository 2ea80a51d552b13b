"""`./carnet audit verify`: what it says and the code it ends with."""

import json
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from cli import audit
from tests.unit.audit.damage import Row, delete, exported, truncate, whole_log

LOG = exported(*whole_log())


def run(*arguments: object) -> Result:
    """Run the command."""
    return CliRunner().invoke(audit.app, ["verify", *map(str, arguments)])


def written(path: Path, log: tuple[list[Row], Row] = LOG) -> Path:
    """Write an export by hand."""
    rows, head = log
    path.write_text("".join(json.dumps(line) + "\n" for line in [{"head": head}, *rows]))
    return path


def serve(monkeypatch: pytest.MonkeyPatch, log: tuple[list[Row], Row], *, fails_at: int | None = None) -> None:
    """Stand in for the door of a log."""
    rows, head = log
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if len(asked) == fails_at:
            return httpx.Response(503)
        if request.url.path.endswith("head"):
            return httpx.Response(200, json=head)
        start, limit = (int(request.url.params[name]) for name in ("from", "limit"))
        page = [row for row in rows if row["index"] >= start][:limit]
        return httpx.Response(200, json={"entries": page})

    real = httpx.Client
    monkeypatch.setenv("CARNET_OPERATOR_TOKEN", "t")
    monkeypatch.setattr(audit, "PAGE", 4)
    transport = httpx.MockTransport(answer)
    monkeypatch.setattr(httpx, "Client", lambda **options: real(transport=transport, **options))


class TestDoor:
    """Through the door of a running audit."""

    def test_valid(self, monkeypatch: pytest.MonkeyPatch):
        """A whole log is valid: exit 0, its size and the hash of its head."""
        serve(monkeypatch, LOG)

        result = run("--url", "http://audit")

        assert (result.exit_code, result.stdout) == (0, f"valid: 10 entries, head {LOG[1]['hash']}\n")

    def test_empty(self, monkeypatch: pytest.MonkeyPatch):
        """A log in which nothing happened yet is valid."""
        serve(monkeypatch, exported(*whole_log(0)))

        assert run("--url", "http://audit").exit_code == 0

    @pytest.mark.parametrize(("tamper", "index"), [(delete, 4), (truncate, 6)])
    def test_tampered(self, monkeypatch: pytest.MonkeyPatch, tamper, index: int):
        """Tampering ends with 1 and names the first bad index."""
        serve(monkeypatch, exported(*tamper(whole_log())))

        result = run("--url", "http://audit")

        assert result.exit_code == 1
        assert result.stdout.startswith(f"tampered: entry {index}: ")

    @pytest.mark.parametrize("fails_at", [1, 3])
    def test_unreachable(self, monkeypatch: pytest.MonkeyPatch, fails_at: int):
        """A door that fails, at once or half-way, leaves the log unjudged: exit 2."""
        serve(monkeypatch, LOG, fails_at=fails_at)

        result = run("--url", "http://audit")

        assert result.exit_code == 2
        assert result.stderr.startswith("incomplete: ")

    def test_nothing_runs(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        """Where nothing runs, the command says how to start it: exit 2."""
        monkeypatch.setenv("CARNET_HOME", str(tmp_path))
        monkeypatch.delenv("CARNET_AUDIT_URL", raising=False)

        result = run()

        assert result.exit_code == 2
        assert "./carnet up" in result.stderr


class TestExport:
    """To a file and from it."""

    def test_round_trip(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        """What --export wrote is verified offline with the same verdict."""
        serve(monkeypatch, LOG)
        file = tmp_path / "log.jsonl"

        online = run("--url", "http://audit", "--export", file)
        offline = run("--from-export", file)

        assert (online.exit_code, online.stdout) == (offline.exit_code, offline.stdout)
        assert online.exit_code == 0
        assert [json.loads(line) for line in file.read_text().splitlines()][1:] == LOG[0]

    def test_whole_or_absent(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        """An export that broke off leaves no file that could pass for a log."""
        serve(monkeypatch, LOG, fails_at=3)
        file = tmp_path / "log.jsonl"

        assert run("--url", "http://audit", "--export", file).exit_code == 2
        assert not file.exists()

    def test_tampered(self, tmp_path: Path):
        """A line taken out of an export is found."""
        file = written(tmp_path / "log.jsonl", exported(*delete(whole_log())))

        result = run("--from-export", file)

        assert result.exit_code == 1
        assert result.stdout.startswith("tampered: entry 4: ")

    @pytest.mark.parametrize("text", ["", "{}\n", "[1]\n", "not json", '{"head":{"size":1,"hash":"00"}}\n{"index":0,'])
    def test_no_export(self, tmp_path: Path, text: str):
        """A file that is no export, or was cut off within a line, leaves the log unjudged: exit 2."""
        file = tmp_path / "log.jsonl"
        file.write_text(text)

        assert run("--from-export", file).exit_code == 2

    def test_absent(self, tmp_path: Path):
        """A file that is not there leaves the log unjudged: exit 2."""
        assert run("--from-export", tmp_path / "none").exit_code == 2


class TestUsage:
    """What nobody can have meant."""

    @pytest.mark.parametrize(
        "arguments", [["--from-export", "a", "--url", "http://b"], ["--no-such-option"], ["too", "many"]]
    )
    def test_usage(self, arguments: list[str]):
        """A command line that makes no sense ends with 3."""
        assert run(*arguments).exit_code == 3
