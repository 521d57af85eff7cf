"""A whole synthesis on a machine that has been set up: no network, no account, no time to speak of, and its sizes."""

import json
import re
import resource
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from aws_cdk import cx_api

from cdk.build import kept_wheels
from cdk.build.sizes import LIMIT_MB, MEGABYTE, table
from cdk.build.wheels import Target
from cdk.settings.complaints import SettingsError
from cdk.settings.context import PASSED_CONTEXT, PASSED_OUTDIR, ROOT, own_context
from tests.infra.assets import Assets
from tests.infra.running import run_app
from tests.infra.templates import DEPLOYED, FUNCTIONS, Template

#: what pip and AWS's libraries would go through, where a network cannot be taken away
NOWHERE = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
#: where an account's names and keys would be read from
NOBODY = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), "/nonexistent")
#: what this project may ship, layers and function together; Lambda's own limit is five times as much
LEAN_MB = 50
REQUIREMENTS = ROOT / "layers" / "dependencies" / "requirements.txt"


def without_network() -> list[str]:
    """A command that runs another one where there is not even a loopback; or none, where the kernel does not let us."""
    unshare = ["unshare", "--net", "--map-root-user"]
    try:
        tried = subprocess.run([*unshare, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return []
    return unshare if tried.returncode == 0 else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesis:
    assets: Assets
    #: seconds on the clock, which other work on the machine makes more, and of the processor
    took: float
    worked: float


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """The dev stage by itself: no network, no account, no earlier synthesis; only what setting up left."""
    directory = tmp_path_factory.mktemp("apart")
    out = directory / "cdk.out"
    passed = {PASSED_CONTEXT: json.dumps(own_context()), PASSED_OUTDIR: str(out), **NOWHERE, **NOBODY}
    began, worked = time.monotonic(), processor_seconds()
    done = run_app(cwd=directory, passed=passed, under=without_network())
    took, worked = time.monotonic() - began, processor_seconds() - worked
    assert done.returncode == 0, done.stderr
    template = json.loads((out / "hongyan-dev-delivery.template.json").read_text())
    return Synthesis(assets=Assets(template=Template(body=template), out=out), took=took, worked=worked)


def processor_seconds() -> float:
    """Of all programs that were run and have ended, with those that they ran."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_a_synthesis_needs_neither_network_nor_account_and_takes_less_than_half_a_minute(
    apart: Synthesis, capsys: pytest.CaptureFixture[str]
) -> None:
    """Layers and all."""
    assert (apart.assets.third_party() / "sqlalchemy").is_dir()
    with capsys.disabled():
        print(f" [synthesis: {apart.took:.1f} s, {apart.worked:.1f} s of them work]", end="")  # noqa: T201 - for whoever watches the tests
    assert 1 < apart.worked < 30


def test_wheels_are_installed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what was not installed to its end is not taken for it."""
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


def test_a_synthesis_says_how_large_the_code_is(apart: Synthesis, sizes: Mapping[str, float]) -> None:
    """Each layer, and each function with its layers: what Lambda counts, as it lies on the disk."""
    third_party, ours = measured(apart.assets.third_party().parent), measured(apart.assets.ours().parent)
    assert sizes["Third-party packages"] == pytest.approx(third_party, abs=0.01)
    assert sizes["The delivery package"] == pytest.approx(ours, abs=0.01)
    for word in FUNCTIONS:
        total = third_party + ours + measured(apart.assets.function(word))
        assert sizes[word] == pytest.approx(total, abs=0.01)


@pytest.mark.parametrize("word", DEPLOYED)
def test_a_function_is_lean(word: str, sizes: Mapping[str, float]) -> None:
    """A cold start reads what it imports; and a library that brings half of AWS along is noticed here."""
    assert sizes[word] < LEAN_MB < LIMIT_MB


@pytest.fixture(scope="module")
def sizes(apart: Synthesis) -> Mapping[str, float]:
    """In MB, as a person is told them."""
    told = table(cx_api.CloudAssembly(str(apart.assets.out)))
    return {name: float(size) for name, size in re.findall(r"^  (.+?) +([0-9.]+) MB$", told, flags=re.MULTILINE)}


def measured(directory: Path) -> float:
    """In MB, by another tool than ours."""
    done = subprocess.run(
        ["find", directory, "-type", "f", "-printf", "%s\n"], capture_output=True, text=True, check=True
    )
    return sum(map(int, done.stdout.split())) / MEGABYTE
