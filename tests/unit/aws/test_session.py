"""The session reads what botocore's own would read of the services that a function uses, and nothing of the others."""

import json
import os
from pathlib import Path

import pytest
from botocore.exceptions import DataNotFoundError
from botocore.loaders import Loader

from delivery.aws.session import aws_session

SERVICES = ("cloudformation", "kafka", "kms", "secretsmanager", "sqs")


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


def test_the_regions_are_those_that_botocore_reads() -> None:
    """They come from one large file for all services, which is not compressed."""
    ours = aws_session().get_component("data_loader")
    assert json.dumps(ours.load_data("endpoints")) == json.dumps(Loader().load_data("endpoints"))


def test_an_unknown_service_is_named() -> None:
    with pytest.raises(DataNotFoundError, match="sqss"):
        aws_session().create_client("sqss")
