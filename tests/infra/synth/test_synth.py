"""A synthesis needs no network, no account and little time, and says how large the code is."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from aws_cdk import cx_api

from cdk.build import kept_wheels
from cdk.build.sizes import LIMIT_MB, MEGABYTE, table
from cdk.build.wheels import Target
from cdk.error import SettingsError
from cdk.settings.context import ROOT
from tests.infra.app_process import OneRun
from tests.infra.assets import Assets
from tests.infra.templates import DEPLOYED, FUNCTIONS

#: what this project may ship, layers and function together; Lambda's own limit is five times as much
LEAN_MB = 50
#: what Kafka's client may add
CLIENT_MB = 15
REQUIREMENTS = ROOT / "layers" / "dependencies" / "requirements.txt"


def test_a_synthesis_needs_neither_network_nor_account_and_takes_less_than_half_a_minute(
    alone: OneRun, deployed: Assets, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the layers, on a machine that has been set up."""
    assert (deployed.third_party() / "sqlalchemy").is_dir()
    with capsys.disabled():
        print(f" [synthesis: {alone.worked:.1f} s of the processor]", end="")  # noqa: T201 - for whoever watches the tests
    assert 1 < alone.worked < 30


def test_wheels_are_installed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation that failed half-way is not used."""
    target, done = Target(python="3.13", architecture="arm64"), list[Path]()

    def install(_: Path, __: Target, into: Path) -> None:
        done.append(into)
        into.mkdir()
        (into / "module.py").touch()
        if len(done) == 1:
            raise SettingsError("no network")

    monkeypatch.setattr(kept_wheels, "_KEPT", tmp_path / "kept")
    monkeypatch.setattr(kept_wheels, "install", install)
    with pytest.raises(SettingsError):
        kept_wheels.kept(REQUIREMENTS, target)
    for name in ("one", "another"):
        kept_wheels.copy(REQUIREMENTS, target, tmp_path / name)
        assert [it.name for it in (tmp_path / name).iterdir()] == ["module.py"]
    assert len(done) == 2
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_a_synthesis_says_how_large_the_code_is(deployed: Assets, sizes: Mapping[str, float]) -> None:
    """Each layer, and each function with its layers, as Lambda counts them."""
    third_party, ours = measured(deployed.third_party().parent), measured(deployed.ours().parent)
    assert sizes["Third-party packages"] == pytest.approx(third_party, abs=0.01)
    assert sizes["The delivery package"] == pytest.approx(ours, abs=0.01)
    for word in FUNCTIONS:
        client = measured(deployed.kafka_client().parent) if word == "relay" else 0
        total = third_party + ours + client + measured(deployed.function(word))
        assert sizes[word] == pytest.approx(total, abs=0.01)


@pytest.mark.parametrize("word", DEPLOYED)
def test_a_function_is_lean(word: str, sizes: Mapping[str, float]) -> None:
    """A cold start reads what it imports; a large new dependency is noticed here."""
    client = CLIENT_MB if word == "relay" else 0
    assert sizes[word] < LEAN_MB + client < LIMIT_MB


@pytest.fixture(scope="module")
def sizes(deployed: Assets) -> Mapping[str, float]:
    """In MB, as they are printed."""
    told = table(cx_api.CloudAssembly(str(deployed.out)))
    return {name: float(size) for name, size in re.findall(r"^  (.+?) +([0-9.]+) MB$", told, flags=re.MULTILINE)}


def measured(directory: Path) -> float:
    """In MB, measured with another tool."""
    done = subprocess.run(
        ["find", directory, "-type", "f", "-printf", "%s\n"], capture_output=True, text=True, check=True
    )
    return sum(map(int, done.stdout.split())) / MEGABYTE
