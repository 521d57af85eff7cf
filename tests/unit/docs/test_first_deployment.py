"""docs/first-deployment.md names a stage that can be deployed, and commands that there are."""

import json
import re
from pathlib import Path

from cdk.settings.stage import stage_settings

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "first-deployment.md").read_text()


def test_the_example_stage_is_valid_and_makes_only_what_delivers() -> None:
    """Whoever copies it replaces ids and ARNs and nothing else."""
    stages = json.loads(PAGE.partition("```json\n")[2].partition("```")[0])
    ((name, _),) = stages.items()
    assert not stage_settings(stages, name).has_data_stack


def test_every_command_of_the_page_is_one_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", PAGE, flags=re.MULTILINE))
    assert {"rehearse", "doctor", "bootstrap", "deploy", "diff", "destroy"} <= named <= targets


def test_the_page_s_script_uses_the_driver_that_is_deployed() -> None:
    """At the same version."""
    requirements = (ROOT / "layers" / "dependencies" / "requirements.txt").read_text().lower()
    (named,) = re.findall(r"pymysql==\S+", PAGE)
    assert named in requirements
