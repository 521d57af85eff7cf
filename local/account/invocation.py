"""Runs the deployed code of a Lambda function on this machine's Python."""

import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from moto.awslambda.models import lambda_backends

from local.account.resources.data import LOGIN
from local.account.resources.recorded import aws
from local.servers.aws import ACCOUNT

# Does what Lambda's runtime does with an event. Third-party packages are this machine's; our code is the deployed one.
# Only RDS has IAM logins: here functions log in as the master, and their own users have unused passwords.
_RUNTIME = """
import json, os, sys
from functools import partial
from types import SimpleNamespace
from handler import handler
from delivery.aws.wiring import foundation, migrate
from delivery.storage.mysql.database import Address
def by_login(settings, _, *, username, password, host, port):
    return Address(host=host, port=port, database=settings.database_name, user=username, password=password)
foundation.address_by_token = partial(by_login, **json.loads(os.environ["ACCOUNT_MYSQL_LOGIN"]))
migrate.FunctionUsers = partial(migrate.FunctionUsers, identified="IDENTIFIED BY RANDOM PASSWORD")
context = SimpleNamespace(
    function_name="function", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="1",
    get_remaining_time_in_millis=lambda: 60_000,
)
answer = handler(json.load(sys.stdin), context)
print(json.dumps(answer))
"""


def answer_of_deployed(deployed: Any, body: str | bytes, _: Any, response_headers: dict[str, str]) -> str:
    """Replaces moto's `LambdaFunction.invoke`. A failed function answers as on Lambda."""
    if partitions := deployed.environment_vars.get("TOPIC_PARTITIONS"):  # there are no brokers here
        return json.dumps({"from": int(partitions), "to": int(partitions)})
    try:
        answer, lines = _run(deployed, json.loads(body or "{}"))
    except RuntimeError as error:
        response_headers["x-amz-function-error"] = "Unhandled"
        return json.dumps({"errorMessage": str(error), "errorType": "RuntimeError"})
    _log(deployed.function_name, lines)
    return answer


def invoked(function: str, event: Mapping[str, Any]) -> None:
    _run(_backend().get_function(function), event)


def _backend() -> Any:
    return lambda_backends[os.environ.get("MOTO_ACCOUNT_ID", ACCOUNT)][os.environ["AWS_REGION"]]


def _log(function: str, lines: Sequence[str]) -> None:
    group, stream = {"logGroupName": f"/aws/lambda/{function}"}, {"logStreamName": uuid.uuid4().hex}
    logs, now = aws("logs"), int(time.time() * 1000)
    with suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(**group)
    logs.create_log_stream(**group, **stream)
    if lines:
        logs.put_log_events(**group, **stream, logEvents=[{"timestamp": now, "message": line} for line in lines])


def _run(deployed: Any, event: Mapping[str, Any]) -> tuple[str, Sequence[str]]:
    """Returns the function's answer and what it logged before."""
    backend = _backend()
    with tempfile.TemporaryDirectory() as place:
        layers: list[Any] = [backend.layers_versions_by_arn(layer["Arn"]) for layer in deployed.layers]
        path = [_unpacked(deployed.code_bytes, Path(place, "task"))]
        path += [_unpacked(it.code_bytes, Path(place, f"layer{n}")) / "python" for n, it in enumerate(layers)]
        environment = {**_of_the_runtime(), **deployed.environment_vars, **_where_mysql_is(deployed.environment_vars)}
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
    *lines, answer = done.stdout.strip().splitlines()
    return answer, lines


def _unpacked(code: bytes, directory: Path) -> Path:
    with ZipFile(BytesIO(code)) as file:
        file.extractall(directory)
    return directory


def _of_the_runtime() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


def _where_mysql_is(given: Mapping[str, str]) -> Mapping[str, str]:
    """Gives the local MySQL's address without TLS, because RDS's does not exist here. The secret has its login."""
    login = json.loads(os.environ[LOGIN])
    place = {"DATABASE_HOST": login["host"], "DATABASE_PORT": str(login["port"])}
    if not given.get("DATABASE_USER"):  # IAM logins require an authority, which `by_login` does not use
        place["DATABASE_CA_FILE"] = ""
    return {**place, LOGIN: os.environ[LOGIN]}
