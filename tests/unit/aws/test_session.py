"""The session reads what botocore's own would read of the services that a function uses, and nothing of the others."""

import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import DataNotFoundError, NoCredentialsError
from botocore.handlers import BUILTIN_HANDLERS
from botocore.loaders import Loader
from botocore.session import Session

import delivery
from delivery.aws.session import CALLS as KNOWN_CALLS
from delivery.aws.session import SERVICES as KNOWN
from delivery.aws.session import aws_session

#: a call of each service
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "cloudformation": ("describe_stacks", {"StackName": "stack"}),
    "kafka": ("get_bootstrap_brokers", {"ClusterArn": "arn"}),
    "kms": ("decrypt", {"CiphertextBlob": b"wrapped"}),
    "secretsmanager": ("get_secret_value", {"SecretId": "secret"}),
    "sqs": ("get_queue_attributes", {"QueueUrl": "https://sqs.example/1/queue"}),
}
SERVICES = tuple(CALLS)
#: what can happen to a call
STEPS = sorted({str(handler[0]).partition(".")[0] for handler in BUILTIN_HANDLERS} - {"docs"})


@pytest.fixture(autouse=True)
def role(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function's environment, and no session yet."""
    for name, value in {"ACCESS_KEY_ID": "id", "SECRET_ACCESS_KEY": "key", "DEFAULT_REGION": "eu-central-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    aws_session.cache_clear()


def test_making_a_client_looks_into_its_own_service_s_directory_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are hundreds of them, and a function's first call would wait for all."""
    looked, listdir = list[Path](), os.listdir

    def remembered(path: str) -> list[str]:
        looked.append(Path(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", remembered)
    aws_session().create_client("sqs")
    assert {path.name for path in looked if path.parent == Path(Loader.BUILTIN_DATA_PATH)} == {"sqs"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_s_description_is_the_one_that_botocore_reads(service: str) -> None:
    """To the order of its parts, and with what botocore adds to it."""
    ours, theirs = aws_session().get_component("data_loader"), Loader()
    for kind in ("service-2", "endpoint-rule-set-1"):
        found, expected = (loader.load_service_model(service, kind) for loader in (ours, theirs))
        assert json.dumps(found) == json.dumps(expected)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "ap-southeast-5", "cn-north-1", "us-gov-west-1"])
@pytest.mark.parametrize("fips", ["false", "true"])
def test_a_request_goes_where_botocore_would_send_it(
    service: str, region: str, fips: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """We do not read the file that has all regions of all services; a service's own rules are enough."""
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", fips)
    ours, theirs = (request(session.create_client(service, region)) for session in (aws_session(), Session()))
    assert ours.url == theirs.url
    assert signed_for(ours) == signed_for(theirs)


def request(client: Any) -> Any:
    """What the client would have sent of a harmless call."""
    sent: list[Any] = []

    def kept(request: Any, **_: Any) -> AWSResponse:
        sent.append(request)
        return AWSResponse(request.url, 400, HTTPHeaders(), None)  # so that nothing goes out

    client.meta.events.register("before-send", kept)
    operation, arguments = CALLS[client.meta.service_model.service_name]
    with suppress(Exception):  # the answer is empty
        getattr(client, operation)(**arguments)
    return sent[0]


def signed_for(request: Any) -> str:
    """Region, service and kind of the signature."""
    authorization = request.headers["Authorization"].decode()
    algorithm, _, rest = authorization.partition(" Credential=")
    return f"{algorithm} {rest.split(',')[0].split('/', 2)[2]}"


@pytest.mark.parametrize("service", SERVICES)
def test_a_client_has_every_handler_that_botocore_gives_it(service: str) -> None:
    """Those of other services are left out: registering them would take longer than reading what this one is."""
    ours, theirs = (session.create_client(service) for session in (aws_session(), Session()))
    of = theirs.meta.service_model.service_id.hyphenize()
    operations = theirs.meta.service_model.operation_names
    names = [f"{step}.{of}.{operation}" for step in STEPS for operation in operations]
    assert [handlers(ours, name) for name in names] == [handlers(theirs, name) for name in names]


def handlers(client: Any, event: str) -> list[str]:
    """The names of what is called at this event. A method of the client itself has the same name in both."""
    aliased = client.meta.events
    found = aliased._emitter._handlers.prefix_search(aliased._alias_event_name(event))
    return [getattr(one, "__qualname__", type(one).__qualname__) for one in found]


def test_every_service_that_a_function_calls_is_known() -> None:
    """A client of another one would lack the handlers that botocore has for it."""
    sources = "".join(path.read_text() for path in Path(delivery.__file__).parent.rglob("*.py"))
    called = set(re.findall(r'\bclient\("([a-z-]+)"\)', sources))
    assert called == set(SERVICES)
    assert {Session().get_service_model(name).service_id.hyphenize() for name in called} == KNOWN


def test_every_operation_that_a_function_calls_is_known() -> None:
    """The layer describes no other, so a client would lack it."""
    sources = "".join(path.read_text() for path in Path(delivery.__file__).parent.rglob("*.py"))
    called = re.findall(r'\b(?:client\("([a-z]+)"\)|(kms|sqs|secrets_manager))\.([a-z_]+)\(', sources)
    by_service: dict[str, set[str]] = {}
    for made, kept, method in called:
        by_service.setdefault((made or kept).replace("_", ""), set()).add(method)
    assert by_service == {service: {xform_name(name) for name in names} for service, names in KNOWN_CALLS.items()}


def test_an_unknown_service_is_named() -> None:
    with pytest.raises(DataNotFoundError, match="sqss"):
        aws_session().create_client("sqss")


def test_credentials_are_the_role_s_from_the_environment() -> None:
    found = aws_session().get_credentials()
    assert found is not None
    assert (found.access_key, found.secret_key) == ("id", "key")


def test_a_function_that_starts_from_a_snapshot_asks_for_its_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda gives it no keys in the environment, which would be stored with the snapshot."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token of the function")
    with role_server() as (url, asked):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
        found = aws_session().get_credentials()
    assert found is not None
    assert (found.access_key, found.secret_key, found.token) == ("id of the role", "its key", "its token")
    assert asked == ["token of the function"]


def test_nobody_else_is_asked_for_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a profile nor the metadata service of an EC2 instance, which would be waited for."""
    profile = tmp_path / "credentials"
    profile.write_text("[default]\naws_access_key_id = other\naws_secret_access_key = other\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profile))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    sqs: Any = aws_session().create_client("sqs")
    with pytest.raises(NoCredentialsError):
        sqs.list_queues()


@contextmanager
def role_server() -> Iterator[tuple[str, list[str]]]:
    """Where Lambda serves a role's credentials, and with which tokens it was asked."""
    asked = list[str]()
    in_an_hour = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    keys = {"AccessKeyId": "id of the role", "SecretAccessKey": "its key", "Token": "its token"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Authorization"])
            self.send_response(HTTPStatus.OK)
            self.end_headers()
            self.wfile.write(json.dumps({**keys, "Expiration": in_an_hour}).encode())

        def log_message(self, *_words: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/credentials", asked
        finally:
            server.shutdown()
            thread.join()
