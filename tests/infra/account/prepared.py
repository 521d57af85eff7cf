"""Stands in for the CDK app: lays a prepared assembly where the command line looks for it.

`python -m tests.infra.account.prepared FIRST LATER` takes the one for a first deployment if the command line says so.
"""

import json
import os
import shutil
import sys

from cdk.settings.context import FIRST_DEPLOYMENT, PASSED_CONTEXT, PASSED_OUTDIR, is_first_deployment


def main(first: str, later: str) -> None:
    said = json.loads(os.environ[PASSED_CONTEXT]).get(FIRST_DEPLOYMENT)
    shutil.copytree(first if is_first_deployment(said) else later, os.environ[PASSED_OUTDIR], dirs_exist_ok=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
