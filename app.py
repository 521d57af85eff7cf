"""The CDK app: one stage of cdk.json in, its CloudFormation templates out; no account, no AWS call.

`cdk deploy -c stage=prod` runs it; so does `python app.py prod` alone, into cdk.out.
"""

import sys

from cdk.assembly import stage_app
from cdk.context import ROOT, own_context, passed_by_the_cli
from cdk.reading import SettingsError


def main(arguments: list[str]) -> None:
    if passed_by_the_cli():
        stage_app().synth()
        return
    chosen = {"stage": arguments[0]} if arguments else {}
    stage_app({**own_context(), **chosen}, out=ROOT / "cdk.out").synth()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SettingsError as error:
        sys.exit(f"hongyan: {error}")
