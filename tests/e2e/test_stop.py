"""The end of a demonstration: the last file of this folder, because nothing runs after it."""

import pytest

from deploy.local import gateway
from deploy.local.processes import running_processes
from deploy.local.roles import ALL
from deploy.local.system import STACK_PROCESSES
from tests.e2e.conftest import Demo, Result

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def test_ctrl_c_stops_everything(demo: Demo, summary: Result):
    """Ctrl-C stops every process that was started, removes the data, and ends with the summary's own code."""
    home = demo.home / "demo"
    names = {each.name for each in running_processes(home)}
    assert names == {*STACK_PROCESSES, gateway.NAME, *(role.name for role in ALL)}
    assert demo.interrupt() == 0
    assert demo.output.endswith("Stopping ...\nStopped.\n")
    assert running_processes(home) == []
    assert not home.exists()
