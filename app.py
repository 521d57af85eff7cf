"""The CDK app: one stage of cdk.json in, its CloudFormation templates out; no account, no AWS call.

`cdk deploy -c stage=prod` runs it; so does `python app.py prod` alone, into cdk.out, and says how large the code is.
"""

import sys

from cdk.assembly import stage_app
from cdk.build.sizes import table
from cdk.settings.complaints import SettingsError
from cdk.settings.context import ROOT, own_context, passed_by_the_cli


def main(arguments: list[str]) -> None:
    if passed_by_the_cli():
        stage_app().synth()
        return
    chosen = {"stage": arguments[0]} if arguments else {}
    made = stage_app({**own_context(), **chosen}, out=ROOT / "cdk.out").synth()
    print(table(made))  # noqa: T201 - a program's own words


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SettingsError as error:
        sys.exit(f"hongyan: {error}")
