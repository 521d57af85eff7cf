"""Synthesizes the dev stage for this machine's processor, and finds the directories that a function imports from."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from benchmarks.deployed.python import FunctionPython
from cdk.build.kept_wheels import copy
from cdk.settings.context import PASSED_CONTEXT, PASSED_OUTDIR, ROOT, merged, own_context
from local.machine.processes import CannotStartError

_STAGE = "dev"
#: Whose tokens they are, and whether it starts from a snapshot, changes nothing of its code.
_API = {"tokens": {"issuer": "https://login.example.com", "audience": ["bench"]}, "snap_start": False}
_RUNTIME = Path(__file__).with_name("runtime.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """A cloud assembly, beside what Lambda's runtime has itself."""

    out: Path
    runtime: Path

    def without_bytecode(self, out: Path) -> Self:
        """A copy of the layers and functions as their sources alone."""
        shutil.copytree(self.out, out, ignore=shutil.ignore_patterns("__pycache__"))
        return replace(self, out=out)

    def path_of(self, word: str) -> list[str]:
        """Where a function looks for modules. A later layer is unpacked over the earlier ones, so it comes first."""
        resources = self._resources()
        function = next(it for it in resources.values() if _word(it) == word)["Properties"]
        layers = [resources[layer["Ref"]]["Properties"]["Content"] for layer in reversed(function["Layers"])]
        found = [self._directory(function["Code"]), *(self._directory(layer) / "python" for layer in layers)]
        return [*map(str, found), str(self.runtime)]

    def _directory(self, location: Mapping[str, Any]) -> Path:
        """An asset's key in the bucket is the hash that its directory is named by."""
        return self.out / f"asset.{Path(location['S3Key']).stem}"

    def _resources(self) -> Mapping[str, Any]:
        template = json.loads((self.out / f"hongyan-{_STAGE}-delivery.template.json").read_text())
        resources: Mapping[str, Any] = template["Resources"]
        return resources


def synthesized(python: FunctionPython, into: Path) -> Assets:
    settings = {**python.settings, "api": _API}
    context = merged(own_context(), {"stage": _STAGE, "stages": {_STAGE: settings}})
    passed = {PASSED_CONTEXT: json.dumps(context), PASSED_OUTDIR: str(into / "shipped")}
    path = os.pathsep.join([str(python.named_in(into / "bin")), os.environ.get("PATH", os.defpath)])
    command, environment = [sys.executable, str(ROOT / "app.py")], {**os.environ, **passed, "PATH": path}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotStartError(f"the {_STAGE} stage could not be synthesized:\n{done.stderr}")
    copy(_RUNTIME, python.target, into / "runtime")
    return Assets(out=into / "shipped", runtime=into / "runtime")


def _word(resource: Mapping[str, Any]) -> str | None:
    """The stage that a function is, or None for a resource that is none."""
    variables = resource["Properties"].get("Environment", {}).get("Variables", {})
    return variables.get("POWERTOOLS_SERVICE_NAME") if resource["Type"] == "AWS::Lambda::Function" else None
