"""A copy of what is deployed, which a test changes and synthesizes again."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic.script import ScriptDirectory

from cdk.delivery.migrate import MIGRATIONS
from cdk.settings.context import FIRST_DEPLOYMENT, PASSED_CONTEXT, PASSED_OUTDIR, ROOT, merged, own_context
from tests.infra.templates import Resource, Template

_PARTS = ("app.py", "cdk", "functions", "layers", "producer")
_MIGRATIONS = MIGRATIONS.relative_to(ROOT)
_HEAD = ScriptDirectory(str(MIGRATIONS)).get_current_head()
_MIGRATION = """from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    op.execute({statement!r})
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    out: Path

    def stack(self, word: str) -> Template:
        (template,) = self.out.glob(f"*-{word}.template.json")
        return Template(body=json.loads(template.read_text()))

    def resources(self) -> list[Resource]:
        """Of both stacks."""
        return [it for word in ("data", "delivery") for it in self.stack(word).body["Resources"].values()]

    def all(self, kind: str) -> list[Resource]:
        return [it for it in self.resources() if it["Type"] == kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    root: Path

    def assembly(self, stage: str, over: Mapping[str, Any], *, first: bool = False) -> Assembly:
        """As the command line makes it, except that the layers of third-party packages stay empty."""
        out = self.root / f"cdk.out-{len([*self.root.glob('cdk.out-*')])}"
        changes = {"stage": stage, "stages": {stage: over}, "aws:cdk:bundling-stacks": [], FIRST_DEPLOYMENT: first}
        passed = {PASSED_CONTEXT: json.dumps(merged(own_context(), changes)), PASSED_OUTDIR: str(out)}
        subprocess.run([sys.executable, "app.py"], cwd=self.root, env={**os.environ, **passed}, check=True)
        return Assembly(out=out)

    def settle(self, stage: str, over: Mapping[str, Any]) -> None:
        """Writes a cdk.json of its own, for the command line that runs here."""
        context = merged(own_context(), {"stages": {stage: over}})
        (self.root / "cdk.json").write_text(json.dumps({"app": f"{sys.executable} app.py", "context": context}))

    def without_third_party_packages(self) -> None:
        """Nothing runs those of a layer here, and they would be most of what is uploaded."""
        for requirements in self.root.glob("layers/*/requirements.txt"):
            requirements.write_text("")

    def next_version(self, statement: str) -> None:
        """Adds a migration that runs this statement, and changes the code of every function."""
        migration = _MIGRATION.format(revision="next", before=_HEAD, statement=statement)
        (self.root / _MIGRATIONS / "versions" / "next.py").write_text(migration)
        for handler in self.root.glob("functions/*/handler.py"):
            handler.write_text(f"{handler.read_text()}\n# {statement}\n")


def checkout(root: Path) -> Checkout:
    root.mkdir()
    for part in _PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, root / part)
    return Checkout(root=root)
