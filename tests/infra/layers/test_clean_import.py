"""The functions import in a clean Python 3.13 from what is deployed and what Lambda has itself, and from nothing else.

A machine cannot load wheels of another processor, so the dev stage is bundled once more for this one, with the same
pins and in the same way. A test says that the deployed one differs from it by nothing but the processor.
"""

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from cdk.settings.context import ROOT
from tests.infra.assets import Assets
from tests.infra.layers.clean_python import VERSION, clean_python
from tests.infra.synthesis import bundled
from tests.infra.templates import WITH_TOPIC, Template

ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}
#: e_machine in the header of an ELF file
MACHINES = {"x86_64": 62, "arm64": 183}
#: what Lambda's Python image contains
PROVIDED = (
    "awslambdaric", "boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "simplejson", "six",
    "snapshot-restore-py", "urllib3",
)  # fmt: skip
#: looks for modules where Lambda does and in its order, imports the handler, and prints what was imported from where
IMPORT = """
import json, sys
sys.path[:0] = sys.argv[1:]
import handler
assert callable(handler.handler)
found = {name: module.__file__ for name, module in sys.modules.items() if getattr(module, "__file__", None)}
print(json.dumps({"imported": found, "standard": sys.path[len(sys.argv) - 1:], "version": sys.version}))
"""

#: starts what calls Feishu, and prints what its TLS has parsed by then and from where it will read the rest
TRUST = """
import json, sys
sys.path[:0] = sys.argv[1:]
import certifi
from delivery.feishu.connections import BoundedAdapter
from delivery.sockets import authorities_of
print(json.dumps([len(BoundedAdapter(concurrency=1)._context.get_ca_certs()), authorities_of(certifi.where())]))
"""


@pytest.fixture(scope="module")
def mine() -> Assets:
    """The dev stage for this machine's processor, as the command line would deploy it."""
    out = bundled("dev", {"architecture": ARCHITECTURES[platform.machine()]})
    template = json.loads((out / "hongyan-dev-delivery.template.json").read_text())
    return Assets(template=Template(body=template), out=out)


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stand-in for the directory in which Lambda keeps what it provides."""
    directory = tmp_path_factory.mktemp("runtime")
    for name in PROVIDED:
        package = distribution(name)
        for top in {file.parts[0] for file in package.files or [] if file.parts[0] not in {"..", "__pycache__"}}:
            (directory / top).symlink_to(Path(str(package.locate_file(top))))
    return directory


@pytest.fixture(scope="module")
def imports(mine: Assets, runtime: Path) -> Mapping[str, Mapping[str, Path]]:
    """The modules of each function, and their files."""
    python = clean_python(ROOT / ".local" / "cache")
    return {word: imported(python, [mine.function(word), *mine.layers_of(word), runtime]) for word in WITH_TOPIC}


def imported(python: tuple[str, ...], path: list[Path]) -> Mapping[str, Path]:
    """The modules outside the standard library."""
    answer = told_by(python, IMPORT, path)
    assert answer["version"].startswith(f"{VERSION}.")
    standard = tuple(f"{directory}{os.sep}" for directory in answer["standard"])
    return {name: Path(file) for name, file in answer["imported"].items() if not file.startswith(standard)}


def told_by(python: tuple[str, ...], code: str, path: list[Path]) -> Any:
    """What it prints in an isolated Python without site-packages and environment."""
    command = [*python, "-I", "-S", "-B", "-c", code, *map(str, path)]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.mark.parametrize("word", WITH_TOPIC)
def test_a_function_imports_from_what_is_deployed_and_what_lambda_has(
    word: str, mine: Assets, runtime: Path, imports: Mapping[str, Mapping[str, Path]]
) -> None:
    """Nothing comes from this checkout or its .venv."""
    roots = [mine.function(word), *mine.layers_of(word), runtime]
    files = imports[word].values()
    assert [file for file in files if not any(file.is_relative_to(root) for root in roots)] == []
    assert mine.ours() / "delivery" / "__init__.py" in files
    assert any(file.is_relative_to(mine.third_party()) for file in files)


@pytest.mark.parametrize("word", WITH_TOPIC)
def test_of_what_lambda_has_only_botocore_is_used(
    word: str, runtime: Path, imports: Mapping[str, Mapping[str, Path]]
) -> None:
    """Lambda chooses its version; everything else is pinned and comes from the layer, even if Lambda has it too.

    boto3 would lengthen each cold start. AWS's signer of Kafka logins imports it, in the functions that speak to Kafka.
    """
    used = {name.partition(".")[0] for name, file in imports[word].items() if file.is_relative_to(runtime)}
    # requests imports simplejson where there is one, for the JSON methods that we do not use
    of_the_signer = {"boto3", "s3transfer"} if "aws_msk_iam_sasl_signer" in imports[word] else set[str]()
    assert used - {"simplejson"} <= {"botocore", "dateutil", "six"} | of_the_signer


def test_the_start_of_a_function_parses_no_authority(mine: Assets, runtime: Path) -> None:
    """Its layer has them where a handshake finds the one that it needs."""
    told = told_by(clean_python(ROOT / ".local" / "cache"), TRUST, [*mine.layers_of("send"), runtime])
    assert told == [0, {"capath": str(mine.third_party() / "certifi" / "cacert.pem.d")}]


def test_the_deployed_layers_are_these_but_for_the_processor(mine: Assets, deployed: Assets) -> None:
    """They have the same files, and what is compiled is for the processor of the template."""
    for assets in (mine, deployed):
        architecture = assets.template.all("AWS::Lambda::Function")[0]["Architectures"][0]
        compiled = [file for file in assets.third_party().rglob("*.so*") if file.read_bytes()[:4] == b"\x7fELF"]
        assert {int.from_bytes(file.read_bytes()[18:20], "little") for file in compiled} == {MACHINES[architecture]}
    for layer in (Assets.third_party, Assets.ours):
        assert neutral(layer(mine)) == neutral(layer(deployed))


def neutral(directory: Path) -> set[str]:
    names = (str(file.relative_to(directory)) for file in directory.rglob("*") if file.is_file())
    return {re.sub(r"x86_64|aarch64", "machine", name) for name in names}
