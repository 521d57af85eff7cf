"""The benchmark's AWS says again at once what moto has said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from benchmarks.deployed.replayed_aws import replayed
from local.servers.aws import Aws, aws_server


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Aws]:
    with aws_server(tmp_path) as running:
        yield running


def secrets(aws: Aws) -> Any:
    return aws.session.client("secretsmanager", endpoint_url=aws.endpoint_url)


def test_an_operation_s_first_success_is_its_answer(aws: Aws) -> None:
    """Also after what it was about has changed: it does not ask again."""
    named = {"SecretId": secrets(aws).create_secret(Name="one", SecretString="first")["ARN"]}
    with replayed(aws) as quick:
        asked = [secrets(quick).get_secret_value(**named)["SecretString"]]
        secrets(aws).put_secret_value(**named, SecretString="second")
        asked.append(secrets(quick).get_secret_value(**named)["SecretString"])
    assert asked == ["first", "first"]
    assert secrets(aws).get_secret_value(**named)["SecretString"] == "second"


def test_operations_have_answers_of_their_own(aws: Aws) -> None:
    named = {"SecretId": secrets(aws).create_secret(Name="one", SecretString="first")["ARN"]}
    with replayed(aws) as quick:
        assert secrets(quick).get_secret_value(**named)["SecretString"] == "first"
        assert secrets(quick).describe_secret(**named)["Name"] == "one"


def test_a_failure_is_passed_on_and_not_kept(aws: Aws) -> None:
    with replayed(aws) as quick:
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            secrets(quick).get_secret_value(SecretId="one")
        secrets(aws).create_secret(Name="one", SecretString="first")
        assert secrets(quick).get_secret_value(SecretId="one")["SecretString"] == "first"
