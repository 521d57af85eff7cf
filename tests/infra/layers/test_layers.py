"""The layers are built without Docker for the right processor, and hold what is pinned and nothing else."""

from importlib.metadata import distributions
from pathlib import Path

import pytest

from cdk.build.wheels import Target, fingerprint, install
from cdk.error import SettingsError
from cdk.settings.context import ROOT
from delivery.aws.session import DESCRIPTIONS
from tests.infra.assets import Assets
from tests.infra.templates import FUNCTIONS

REQUIREMENTS = ROOT / "layers" / "dependencies" / "requirements.txt"
KAFKA_CLIENT = ROOT / "layers" / "kafka" / "requirements.txt"
AARCH64 = 183  # e_machine in the header of an ELF file


@pytest.mark.parametrize("word", FUNCTIONS)
def test_a_function_s_own_code_is_its_folder_alone(word: str, here: Assets) -> None:
    """What functions share is in the layers."""
    assert {file.name for file in here.function(word).iterdir()} == {"__init__.py", "handler.py"}


def test_the_delivery_layer_is_our_packages_without_what_tools_left(here: Assets) -> None:
    """Beside their bytecode and AWS's descriptions, which are made, the sources and nothing else.

    The contract is the producers' own.
    """
    ours = sources(ROOT / "layers" / "delivery" / "python") | sources(ROOT / "producer", below="hongyan_producer")
    made = {it for it in sources(here.ours()) if it.parts[:3] == ("delivery", "aws", DESCRIPTIONS.name)}
    assert sources(here.ours()) - made == ours


def test_every_package_of_a_layer_is_pinned(here: Assets, deployed: Assets) -> None:
    """What is not pinned would change under an unchanged requirements file."""
    for requirements, layer in ((REQUIREMENTS, here.third_party()), (KAFKA_CLIENT, deployed.kafka_client())):
        lines = (line.split("#")[0].strip().lower().replace("_", "-") for line in requirements.read_text().splitlines())
        installed = distributions(path=[str(layer)])
        found = {f"{package.name.lower().replace('_', '-')}=={package.version}" for package in installed}
        assert found == set(filter(None, lines))


def test_the_layers_are_lean(here: Assets) -> None:
    """No boto3, which Lambda has; nothing to guess encodings with, which requests would import; no scripts."""
    names = {file.name for file in here.third_party().iterdir()}
    assert not names & {"boto3", "botocore", "chardet", "charset_normalizer", "bin", "pip"}


def test_no_layer_can_write_into_a_trace(here: Assets, deployed: Assets) -> None:
    """X-Ray's traces have Lambda's own segments alone, so no user's words or credentials can be in one."""
    names = {file.name for layer in (here.third_party(), deployed.kafka_client()) for file in layer.iterdir()}
    assert not names & {"aws_xray_sdk", "opentelemetry", "ddtrace"}


def test_the_kafka_client_is_lean(deployed: Assets) -> None:
    """No second boto3, which its packages ask for and Lambda has."""
    layer = deployed.kafka_client()
    assert not {file.name for file in layer.iterdir()} & {"boto3", "botocore", "click", "bin"}
    assert sum(file.stat().st_size for file in layer.rglob("*")) < 25_000_000


def test_by_default_everything_compiled_is_for_arm64(deployed: Assets) -> None:
    """Whatever processor builds it; for a wrong one, the first import on Lambda would fail."""
    layers = (deployed.third_party(), deployed.kafka_client())
    compiled = [file for layer in layers for file in layer.rglob("*.so*")]
    assert {int.from_bytes(file.read_bytes()[18:20], "little") for file in compiled} == {AARCH64}


@pytest.mark.parametrize(("python", "newest"), [("3.11", 26), ("3.12", 34), ("3.13", 34), ("3.14", 34)])
def test_pip_is_asked_for_wheels_that_the_runtime_s_system_can_load(python: str, newest: int) -> None:
    """Amazon Linux 2 has glibc 2.26, Amazon Linux 2023 has 2.34; a newer wheel would not load."""
    options = Target(python=python, architecture="x86_64").pip_options()
    tags = [option.removeprefix("--platform=") for option in options if option.startswith("--platform=")]
    numbered = [int(tag.split("_")[2]) for tag in tags if tag.startswith("manylinux_2_")]
    assert (max(numbered), min(numbered)) == (newest, 17)
    assert all(tag.endswith("_x86_64") for tag in tags)


def test_the_layer_changes_with_its_pins_and_its_target_only(tmp_path: Path) -> None:
    """An unchanged requirements file gives an unchanged asset, so nothing is installed or deployed again."""
    target = Target(python="3.13", architecture="arm64")
    other = tmp_path / "requirements.txt"
    other.write_text("six==1.17.0\n")
    assert fingerprint(REQUIREMENTS, target) == fingerprint(REQUIREMENTS, Target(python="3.13", architecture="arm64"))
    others = [fingerprint(REQUIREMENTS, Target(python="3.13", architecture="x86_64")), fingerprint(other, target)]
    others += [fingerprint(REQUIREMENTS, Target(python="3.12", architecture="arm64"))]
    others += [fingerprint(REQUIREMENTS, Target(python="3.13", architecture="arm64", here=True))]
    assert len({fingerprint(REQUIREMENTS, target), *others}) == 5


def test_what_pip_cannot_install_is_one_line_with_pip_s_own_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty index has no package, as when there is no network. A user's wish for a user site is not pip's reason."""
    monkeypatch.setenv("PIP_USER", "1")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("--no-index\nno-such-package==1.0\n")
    with pytest.raises(SettingsError, match=r"^pip could not install .* No matching distribution found for no-such"):
        install(requirements, Target(python="3.13", architecture="arm64"), tmp_path / "layer")


def test_another_python_than_this_one_is_not_installed_for_this_machine(tmp_path: Path) -> None:
    """Its compiled modules would not import here."""
    with pytest.raises(SettingsError, match=r"^python: should be 3\.\d+ with wheels this-machine, is 2\.7"):
        install(REQUIREMENTS, Target(python="2.7", architecture="arm64", here=True), tmp_path)


def sources(directory: Path, *, below: str = ".") -> set[Path]:
    files = (file.relative_to(directory) for file in (directory / below).rglob("*") if file.is_file())
    return {file for file in files if "__pycache__" not in file.parts}
