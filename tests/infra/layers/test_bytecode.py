"""Layers carry bytecode where this machine has the function's Python, the same each time it is made."""

import hashlib
import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdk.build import bytecode, kept_wheels
from cdk.build.bytecode import compile_layer, compiler, mark, told
from cdk.build.wheels import Target
from cdk.settings.context import ROOT
from tests.infra.assets import Assets

MINE = f"{sys.version_info.major}.{sys.version_info.minor}"
REQUIREMENTS = ROOT / "layers" / "dependencies" / "requirements.txt"
#: a set is written in an order that may follow from the hashes of its members
SOURCE = """def known(word: str) -> bool:
    return word in {"flow", "bot", "app", "card", "hook", "text"}


def fail() -> None:
    raise ValueError
"""


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    """Which Pythons there are is remembered."""
    compiler.cache_clear()
    yield
    compiler.cache_clear()


def layer(directory: Path) -> Path:
    (directory / "python").mkdir(parents=True)
    (directory / "python" / "module.py").write_text(SOURCE)
    (directory / "python" / "template.py").write_text("${this is no Python}")
    return directory


def contents(directory: Path) -> dict[str, str]:
    files = (file for file in sorted(directory.rglob("*")) if file.is_file())
    return {str(it.relative_to(directory)): hashlib.sha256(it.read_bytes()).hexdigest() for it in files}


def test_every_module_of_ours_has_bytecode_that_no_time_makes_stale(here: Assets) -> None:
    """A zip's files have no times worth the name. By flag 1 the source is not looked at (PEP 552)."""
    compiled = [Path(importlib.util.cache_from_source(str(it))) for it in here.ours().rglob("*.py")]
    assert len(compiled) > 50
    assert {it.read_bytes()[:8] for it in compiled} == {importlib.util.MAGIC_NUMBER + b"\x01\x00\x00\x00"}


@pytest.mark.parametrize("package", ["sqlalchemy", "pymysql", "requests", "pydantic", "aws_lambda_powertools"])
def test_third_party_packages_have_bytecode(here: Assets, package: str) -> None:
    """They are most of what a cold start imports."""
    assert Path(importlib.util.cache_from_source(str(here.third_party() / package / "__init__.py"))).exists()


def test_it_is_the_same_each_time_and_wherever_it_is_made(tmp_path: Path) -> None:
    """Or unchanged code would be deployed again."""
    one, another = (layer(tmp_path / name / "layer") for name in ("one", "another"))
    for directory in (one, another):
        compile_layer(directory, MINE)
    assert contents(one) == contents(another)
    assert any(name.endswith(".pyc") for name in contents(one))


def test_a_module_that_is_no_python_is_left_and_the_others_are_compiled(tmp_path: Path) -> None:
    """Packages ship templates of modules."""
    compile_layer(layer(tmp_path / "layer"), MINE)
    assert {file.name.partition(".")[0] for file in tmp_path.rglob("*.pyc")} == {"module"}


def test_bytecode_names_the_place_on_lambda(tmp_path: Path) -> None:
    """Not that of the machine that made it, which the next one does not have."""
    compile_layer(layer(tmp_path / "layer"), MINE)
    [compiled] = tmp_path.rglob("*.pyc")
    assert b"/opt/python/module.py" in compiled.read_bytes()
    assert str(tmp_path).encode() not in compiled.read_bytes()


def test_without_the_function_s_python_nothing_is_compiled_and_it_is_said(tmp_path: Path) -> None:
    """Bytecode of another version would be passed over."""
    compile_layer(layer(tmp_path / "layer"), "3.99")
    assert list(tmp_path.rglob("*.pyc")) == []
    assert told("3.99").startswith("bytecode: none, because there is no python3.99 on the PATH")
    assert mark("3.99") != mark(MINE)


def test_a_python_that_does_not_run_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version manager puts a name on the PATH for each version that it could install."""
    pretender = tmp_path / "python3.99"
    pretender.write_text("#!/bin/sh\nexit 127\n")
    pretender.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert shutil.which("python3.99")
    assert compiler("3.99") is None


def test_a_layer_with_bytecode_is_another_than_one_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two machines that deploy one stage must not take the one for the other."""
    target = Target(python=MINE, architecture="arm64")
    with_bytecode = kept_wheels.identity(REQUIREMENTS, target)
    assert kept_wheels.identity(REQUIREMENTS, target) == with_bytecode
    monkeypatch.setattr(bytecode, "compiler", lambda _version: None)
    assert kept_wheels.identity(REQUIREMENTS, target) != with_bytecode
