"""Stages synthesized for the tests and checked by cdk-nag.

A result is kept until something that it is made from changes, so that an unchanged project is not synthesized again.
"""

import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from aws_cdk import App, Validations
from aws_cdk.cx_api import CloudAssembly, CloudFormationStackArtifact
from cdk_nag import AwsSolutionsChecks

from cdk.assembly import stage_app
from cdk.settings.context import FIRST_DEPLOYMENT, ROOT, merged, own_context
from tests.infra.templates import Template

Stacks = Mapping[str, Template]

_INPUTS = ("app.py", "cdk.json", "requirements.txt", "requirements-dev.txt", "cdk", "functions", "layers", "producer")
_KEPT = ROOT / ".local" / "cache" / "templates"


def checked(app: App) -> CloudAssembly:
    """Raises when cdk-nag's AwsSolutions rules find something that nobody has acknowledged with a reason."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app.synth()


def synthesized(stage: str, over: Mapping[str, Any] | None = None, *, first: bool = False) -> Stacks:
    """The stacks of a stage, by the last part of their names, with other settings laid over its own.

    The layers of third-party packages stay empty.
    """
    changes = {"stage": stage, "stages": {stage: over or {}}, "aws:cdk:bundling-stacks": [], FIRST_DEPLOYMENT: first}
    context = merged(own_context(), changes)
    file = _current() / f"{hashlib.sha256(json.dumps(context, sort_keys=True).encode()).hexdigest()}.json"
    if not file.exists():
        _keep(context, file)
    return {name: Template(**told) for name, told in json.loads(file.read_text()).items()}


def bundled(stage: str, over: Mapping[str, Any], *, out: Path) -> Stacks:
    """With the layers and functions as they are deployed, in `out`."""
    context = merged(own_context(), {"stage": stage, "stages": {stage: over}})
    return {name: Template(**told) for name, told in _told(stage_app(context, out=out).synth()).items()}


def _keep(context: Mapping[str, Any], file: Path) -> None:
    """Under another name first: two test processes may be at it at once."""
    with tempfile.TemporaryDirectory() as out:
        told = _told(checked(stage_app(context, out=Path(out))))
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as half_written:
        json.dump(told, half_written)
    Path(half_written.name).rename(file)


def _told(assembly: CloudAssembly) -> Mapping[str, Mapping[str, Any]]:
    return {stack.stack_name.rpartition("-")[2]: _of_stack(stack) for stack in assembly.stacks}


def _of_stack(stack: CloudFormationStackArtifact) -> Mapping[str, Any]:
    return {
        "body": json.loads(Path(stack.template_full_path).read_text()),
        "protected": bool(stack.termination_protection),
        "tags": dict(stack.tags),
        "deployed_after": [it.id for it in stack.dependencies],
    }


@cache
def _current() -> Path:
    """The directory for what is here now; what was kept of other sources goes."""
    current = _KEPT / _fingerprint()
    current.mkdir(parents=True, exist_ok=True)
    for other in _KEPT.iterdir():
        if other != current:
            shutil.rmtree(other, ignore_errors=True)
    return current


def _fingerprint() -> str:
    digest = hashlib.sha256(sys.version.encode())
    for file in (Path(__file__), *_input_files()):
        digest.update(f"\n{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def _input_files() -> Iterator[Path]:
    for name in _INPUTS:
        path = ROOT / name
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in found if file.is_file() and "__pycache__" not in file.parts)
