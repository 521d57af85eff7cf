"""Runs the deployed code of a Lambda function on this machine's Python."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from moto.awslambda.models import lambda_backends

from local.account.data import LOGIN
from local.servers.aws import ACCOUNT, REGION

# What Lambda's runtime does with an event; third-party packages are those of this machine, ours are the deployed ones.
# A MySQL that is not RDS has no IAM: the functions' users prove who they are by a password, which nobody uses.
_RUNTIME = """
import json, sys
from functools import partial
from types import SimpleNamespace
from handler import handler
from delivery.aws.wiring import migrate
migrate.FunctionUsers = partial(migrate.FunctionUsers, identified="IDENTIFIED BY RANDOM PASSWORD")
context = SimpleNamespace(
    function_name="function", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="1",
    get_remaining_time_in_millis=lambda: 60_000,
)
handler(json.load(sys.stdin), context)
"""


def invoked(function: str, event: Mapping[str, Any]) -> None:
    backend = lambda_backends[ACCOUNT][REGION]
    deployed = backend.get_function(function)
    with tempfile.TemporaryDirectory() as place:
        layers: list[Any] = [backend.layers_versions_by_arn(layer["Arn"]) for layer in deployed.layers]
        path = [_unpacked(deployed.code_bytes, Path(place, "task"))]
        path += [_unpacked(it.code_bytes, Path(place, f"layer{n}")) / "python" for n, it in enumerate(layers)]
        environment = {**_of_the_runtime(), **deployed.environment_vars, **_where_mysql_is()}
        done = subprocess.run(
            [sys.executable, "-P", "-c", _RUNTIME],
            input=json.dumps(event),
            env={**environment, "PYTHONPATH": os.pathsep.join(map(str, path))},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"the function failed: {done.stderr.strip().splitlines()[-1]}")


def _unpacked(code: bytes, directory: Path) -> Path:
    with ZipFile(BytesIO(code)) as file:
        file.extractall(directory)
    return directory


def _of_the_runtime() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


def _where_mysql_is() -> Mapping[str, str]:
    """RDS's address does not exist here; the secret has its login, as on AWS."""
    login = json.loads(os.environ[LOGIN])
    return {"DATABASE_HOST": login["host"], "DATABASE_PORT": str(login["port"]), "DATABASE_CA_FILE": ""}
