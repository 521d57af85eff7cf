"""The CDK app. It writes the CloudFormation templates of a stage of cdk.json without an account or a call to AWS.

The CDK's command line runs it. `python app.py prod` runs it alone, writes into an empty cdk.out, and says which
templates there are and how large the code is.
"""

import os
import shutil
import sys

from cdk.assembly import stage_app
from cdk.build.bytecode import told
from cdk.build.sizes import table
from cdk.error import SettingsError
from cdk.settings.context import ROOT, own_context, passed_by_the_cli
from cdk.settings.stage import DEFAULT_STAGE, stage_settings


def main(arguments: list[str]) -> None:
    if passed_by_the_cli():
        stage_app().synth()
        return
    stage, context = (arguments or [DEFAULT_STAGE])[0], own_context()
    python = stage_settings(context.get("stages"), stage).python  # before anything is removed
    out = ROOT / "cdk.out"
    shutil.rmtree(out, ignore_errors=True)
    made = stage_app({**context, "stage": stage}, out=out).synth()
    templates = [os.path.relpath(stack.template_full_path) for stack in made.stacks]
    print(table(made), told(python), "templates:", *(f"  {template}" for template in templates), sep="\n")  # noqa: T201 - a program's own words


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SettingsError as error:
        sys.exit(f"hongyan: {error}")
