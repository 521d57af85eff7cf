"""The invoke API is Lambda's: an SDK's client works with it, and what Lambda refuses is refused."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_lambda import LambdaClient

from local.lambda_.invoke_api import invoke_path, serve_invoke_api
from local.machine.ports import free_port
from tests.e2e.emulated_aws.toy_deployment import Toys
from tests.e2e.emulated_aws.toy_template import function


@pytest.fixture
def url(deploy: Callable[..., Toys]) -> Iterator[str]:
    """An invoke API with one function, `probe`."""
    toys = deploy({"Probe": function("probe")})
    with serve_invoke_api({"probe": toys.pool("Probe").invoke}, port=free_port()) as url:
        yield url


@pytest.fixture
def client(url: str, deploy: Callable[..., Toys]) -> LambdaClient:
    session = deploy({}).aws.session
    return session.client("lambda", endpoint_url=url)


@pytest.mark.parametrize("name", ["probe", "arn:aws:lambda:us-east-1:123456789012:function:probe", "probe:live"])
def test_an_sdk_can_invoke_a_function(client: LambdaClient, name: str) -> None:
    """By name, ARN or alias."""
    answer = client.invoke(FunctionName=name, Payload=b"{}")
    assert answer["StatusCode"] == 200
    assert "FunctionError" not in dict(answer)
    assert json.loads(answer["Payload"].read())["pid"]


def test_an_error_of_the_function_is_told_from_an_answer(client: LambdaClient) -> None:
    """In the header that SDKs look at."""
    answer = client.invoke(FunctionName="probe", Payload=json.dumps({"raise": "no"}))
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorMessage"] == "no"


def test_requests_at_once_are_all_answered(url: str) -> None:
    """Thirty on three workers."""
    with ThreadPoolExecutor(30) as threads:
        answers = list(threads.map(lambda _: _post(f"{url}{invoke_path('probe')}", {}), range(30)))
    assert len({answer["pid"] for answer in answers}) <= 3


def test_a_function_that_is_not_there_is_not_found(client: LambdaClient) -> None:
    """With Lambda's own name of the error."""
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="other", Payload=b"{}")


def test_an_event_over_six_megabytes_is_refused(client: LambdaClient) -> None:
    """It would take the emulator down."""
    with pytest.raises(ClientError, match="RequestTooLargeException"):
        client.invoke(FunctionName="probe", Payload=json.dumps("x" * 6_300_000))


def test_an_asynchronous_event_is_accepted_at_once(client: LambdaClient) -> None:
    """Nobody waits for it."""
    assert client.invoke(FunctionName="probe", InvocationType="Event", Payload=b'{"sleep": 1}')["StatusCode"] == 202
    assert client.invoke(FunctionName="probe", InvocationType="DryRun")["StatusCode"] == 204


def _post(url: str, event: object) -> Any:
    with urllib.request.urlopen(url, data=json.dumps(event).encode(), timeout=60) as response:  # noqa: S310
        return json.load(response)
