"""The CDK context without the CDK command line: cdk.json in, what the command line would pass out."""

import json
import os
from pathlib import Path
from typing import Any

from cdk.settings.reading import SettingsError

ROOT = Path(__file__).resolve().parents[2]
#: set by the command line: where a synthesis finds its context
PASSED_CONTEXT = "CDK_CONTEXT_JSON"
#: likewise: where it leaves the cloud assembly
PASSED_OUTDIR = "CDK_OUTDIR"

#: where a resource's code and its construct are found: SAM builds and names functions by these
_METADATA = {"aws:cdk:enable-asset-metadata": True, "aws:cdk:enable-path-metadata": True}


def passed_by_the_cli() -> bool:
    return PASSED_CONTEXT in os.environ


def own_context() -> dict[str, Any]:
    path = ROOT / "cdk.json"
    try:
        return {**json.loads(path.read_text())["context"], **_METADATA}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f'cdk.json: should be JSON with a "context": {error}') from error
