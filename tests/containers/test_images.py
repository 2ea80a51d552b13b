"""What every service's image is, before it runs."""

import json
import subprocess

import pytest

from tests.containers.podman import IMAGES, Podman

pytestmark = pytest.mark.timeout(900)


def config(podman: Podman, image: str) -> dict[str, object]:
    """Give an image's configuration."""
    found: dict[str, object] = json.loads(podman.run("image", "inspect", image))[0]["Config"]
    return found


@pytest.mark.parametrize("service", IMAGES)
def test_an_image_has_no_rights_and_is_stopped_gently(podman: Podman, images: dict[str, str], service: str):
    """An image names a user that is nobody's, stops on SIGTERM, and starts Python without a shell in between."""
    made = config(podman, images[service])
    assert (made["User"], made["StopSignal"]) == ("10001:10001", "SIGTERM")
    assert made["Entrypoint"] == ["python", "-m", "service"]
    assert "Cmd" not in made


@pytest.mark.parametrize("service", IMAGES)
def test_an_unknown_role_ends_with_its_usage(podman: Podman, images: dict[str, str], service: str):
    """A container whose command names no role ends with 1 and says which roles there are."""
    with pytest.raises(subprocess.CalledProcessError) as ended:
        podman.run("run", "--rm", "--network", "host", images[service], "nonsense")
    assert ended.value.returncode == 1
    assert f"usage: python -m services.{service} " in ended.value.stderr


def test_an_image_holds_its_own_service_only(podman: Podman, images: dict[str, str]):
    """An image holds one service, no tests, no tool to install anything with, and nothing of the clone's own data."""
    seen = podman.run(
        "run", "--rm", "--network", "host", "--entrypoint", "find", images["audit"], "/carnet", "/opt/venv"
    )
    paths = seen.splitlines()
    assert "/carnet/services/audit/app.py" in paths
    assert not [path for path in paths if path.startswith(("/carnet/services/records", "/carnet/tests", "/carnet/."))]
    assert "/opt/venv/bin/pip" not in paths


def test_an_image_without_a_service_is_not_built(podman: Podman, images: dict[str, str]):
    """A build that names no service ends with a sentence instead of an image of everything."""
    with pytest.raises(subprocess.CalledProcessError) as ended:
        podman.build("")
    assert "name one with --build-arg SERVICE=records" in ended.value.stderr
