"""A backend installs the package as a wheel, with pydantic and nothing else."""

import os
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from importlib.metadata import distribution
from pathlib import Path

import pytest

from cdk.settings.context import ROOT

PACKAGE = ROOT / "producer"
#: pydantic and what it is made of
PYDANTIC = ("pydantic", "pydantic_core", "annotated-types", "typing_extensions", "typing-inspection")
#: checks an event, and prints where the package came from
USE = """
import sys
sys.path[:0] = sys.argv[1:]
import hongyan_producer
from hongyan_producer import checked_event
checked_event({"user_id": 7, "preview_id": "p", "dedupe_key": "k", "target_url": "/assistant/p",
               "requested_at": "2026-01-31T08:00:00Z"})
print(hongyan_producer.__file__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built without a network: what builds it is installed here."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-index"]
    command += ["--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(PACKAGE)]
    subprocess.run(command, env={**os.environ, "PIP_USER": "0"}, check=True)
    [built] = out.iterdir()
    return built


def test_the_wheel_is_the_package_alone(wheel: Path) -> None:
    """With its mark for type checkers, and without the tests' or tools' leavings."""
    assert wheel.name.startswith("hongyan_producer-")
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    sources = (file for file in (PACKAGE / "hongyan_producer").rglob("*") if file.is_file())
    assert inside == {str(file.relative_to(PACKAGE)) for file in sources if "__pycache__" not in file.parts}
    assert "hongyan_producer/py.typed" in inside


def test_the_wheel_asks_for_pydantic_alone(wheel: Path) -> None:
    """And shows its README where packages are listed."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(archive.read(name).decode())
    [required] = metadata.get_all("Requires-Dist") or []
    assert required.startswith("pydantic")
    assert metadata.get_payload() == (PACKAGE / "README.md").read_text()


def test_a_clean_python_with_pydantic_alone_checks_events(wheel: Path, tmp_path: Path) -> None:
    """Neither Kafka's nor a database's client is imported: what a backend has of them, it hands in."""
    for name in PYDANTIC:
        package = distribution(name)
        for top in {file.parts[0] for file in package.files or [] if file.parts[0] not in {"..", "__pycache__"}}:
            (tmp_path / top).symlink_to(Path(str(package.locate_file(top))))
    command = [sys.executable, "-I", "-S", "-B", "-c", USE, str(wheel), str(tmp_path)]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(wheel))


def test_the_package_has_the_service_s_version() -> None:
    """Both are released together."""
    service, package = (tomllib.loads((it / "pyproject.toml").read_text()) for it in (ROOT, PACKAGE))
    assert package["project"]["version"] == service["project"]["version"]
