"""The CDK context as `cdk` would pass it, for programs that run without the CDK's command line."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cdk.error import SettingsError

ROOT = Path(__file__).resolve().parents[2]
#: The CDK's command line sets this variable: it holds the synthesis's context.
PASSED_CONTEXT = "CDK_CONTEXT_JSON"
#: The same for the directory of the cloud assembly.
PASSED_OUTDIR = "CDK_OUTDIR"

#: This key says that the data stack has never worked, so it is not protected yet.
FIRST_DEPLOYMENT = "first_deployment"

#: Adds metadata with each resource's code and construct, by which SAM builds and names functions.
_METADATA = {"aws:cdk:enable-asset-metadata": True, "aws:cdk:enable-path-metadata": True}


def passed_by_the_cli() -> bool:
    return PASSED_CONTEXT in os.environ


def own_context() -> dict[str, Any]:
    path = ROOT / "cdk.json"
    try:
        return {**json.loads(path.read_text())["context"], **_METADATA}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f'cdk.json: should be JSON with a "context": {error}') from error


def is_first_deployment(given: object) -> bool:
    """The default is no, so that nothing is left unprotected: most deployments are of running stages."""
    if given not in (None, True, False, "true", "false"):
        raise SettingsError(f"{FIRST_DEPLOYMENT}: should be true or false, is {given}")
    return given in (True, "true")


def merged(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """Merges `over` into `base` as a JSON merge patch (RFC 7396): null removes a key, and only objects merge."""
    laid = {key: _laid_over(base.get(key), value) for key, value in over.items()}
    return {key: value for key, value in {**base, **laid}.items() if value is not None}


def _laid_over(below: object, above: object) -> object:
    return merged(below if isinstance(below, Mapping) else {}, above) if isinstance(above, Mapping) else above
