"""A layer describes the operations that functions call, as botocore does, and no others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.session import Session

from cdk.build import layers
from cdk.build.descriptions import cut
from delivery.aws.session import CALLS, DESCRIPTIONS, aws_session
from tests.infra.assets import Assets

OPERATIONS = [(service, operation) for service, operations in CALLS.items() for operation in operations]


@pytest.fixture(scope="module")
def shipped(deployed: Assets) -> Path:
    return deployed.ours() / "delivery" / "aws" / DESCRIPTIONS.name


@pytest.fixture
def session(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A function's, which finds the layer's descriptions."""
    monkeypatch.setattr("delivery.aws.session.DESCRIPTIONS", shipped)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    aws_session.cache_clear()
    yield aws_session()
    aws_session.cache_clear()


@pytest.mark.parametrize("service", CALLS)
def test_a_client_has_the_operations_that_are_called_and_no_others(service: str, session: Session) -> None:
    assert sorted(session.create_client(service).meta.service_model.operation_names) == sorted(CALLS[service])


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_an_operation_is_as_botocore_describes_it(service: str, operation: str, session: Session) -> None:
    """Its request, its answer, and every error that it names."""
    ours, theirs = (described(made.get_service_model(service), operation) for made in (session, Session()))
    assert ours == theirs


def described(model: ServiceModel, name: str) -> Any:
    """All of an operation but the documentation."""
    it = model.operation_model(name)
    shapes = [shape for shape in (it.input_shape, it.output_shape, *it.error_shapes) if shape]
    return model.metadata, it.http, it.auth, it.endpoint, [tree(shape, ()) for shape in shapes]


def tree(shape: Any, above: tuple[str, ...]) -> Any:
    if shape.name in above:
        return shape.name
    inside = (*above, shape.name)
    parts: dict[str, Callable[[], Any]] = {
        "structure": lambda: {name: tree(part, inside) for name, part in shape.members.items()},
        "list": lambda: tree(shape.member, inside),
        "map": lambda: [tree(shape.key, inside), tree(shape.value, inside)],
    }
    return shape.name, shape.type_name, shape.metadata, shape.serialization, parts.get(shape.type_name, lambda: None)()


def test_descriptions_are_a_few_kilobytes(shipped: Path) -> None:
    """KMS's alone has some 600 with its documentation."""
    sizes = {it.parent.parent.name: it.stat().st_size for it in shipped.rglob("*.json")}
    assert sizes.keys() == CALLS.keys()
    assert max(sizes.values()) < 20_000


def test_a_member_called_documentation_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is cut is text under that name. A service may use the word itself."""
    shapes = {
        "In": {"type": "structure", "documentation": "words", "members": {"documentation": {"shape": "Text"}}},
        "Text": {"type": "string", "documentation": "words"},
        "Other": {"type": "string"},
    }
    operations = {"Say": {"name": "Say", "input": {"shape": "In"}, "documentation": "words"}, "Hide": {"name": "Hide"}}
    whole = {"metadata": {}, "documentation": "words", "operations": operations, "shapes": shapes}
    monkeypatch.setattr("cdk.build.descriptions.CALLS", {"sqs": ("Say",)})
    monkeypatch.setattr(Loader, "load_service_model", lambda *_: whole)
    cut(tmp_path)
    (file,) = tmp_path.rglob("service-2.json")
    assert json.loads(file.read_text()) == {
        "metadata": {},
        "operations": {"Say": {"name": "Say", "input": {"shape": "In"}}},
        "shapes": {
            "In": {"type": "structure", "members": {"documentation": {"shape": "Text"}}},
            "Text": {"type": "string"},
        },
    }


def test_a_layer_changes_with_what_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sources alone do not say which botocore was cut."""
    packages = layers._Packages(sources=layers.OURS, python="3.13")
    before = packages._hash()
    monkeypatch.setattr(layers, "EDITION", "another")
    assert packages._hash() != before
