"""What the local stack runs is what the template says; what it would not run the same way, it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.machine.processes import CannotStartError
from local.template.assets import assets_of
from local.template.deployment import Deployment
from local.template.moto_stack import EVENT_SOURCE, FUNCTION, SCHEDULE, Resource
from local.template.parse_deployment import parse_deployment

_QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:queue"


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    """A cloud assembly with code in one directory and a layer in another; the template's path."""
    for name in ("asset.code", "asset.layer"):
        (tmp_path / name).mkdir()
    manifest = {
        "files": {
            name: {
                "source": {"path": f"asset.{name}", "packaging": "zip"},
                "destinations": {"current": {"bucketName": "assets", "objectKey": f"{name}.zip"}},
            }
            for name in ("code", "layer")
        }
    }
    (tmp_path / "stack.assets.json").write_text(json.dumps(manifest))
    return tmp_path / "stack.template.json"


def test_a_function_is_read_with_its_code_layers_and_limits(assembly: Path) -> None:
    """The asset manifest says which directory would have been uploaded."""
    layer = _resource("Layer", "AWS::Lambda::LayerVersion", Content={"S3Bucket": "assets", "S3Key": "layer.zip"})
    (function,) = _read(assembly, _function(Layers=[{"Ref": "Layer"}], Timeout=9, MemorySize=256), layer).functions
    assert function.name == "physical-name"
    assert function.code == assembly.parent / "asset.code"
    assert function.layers == (assembly.parent / "asset.layer",)
    assert (function.timeout_seconds, function.memory_mb) == (9, 256)
    assert function.environment == {"NUMBER": "1"}
    assert function.word == "ingest"


def test_metadata_names_the_asset_before_the_manifest_does(assembly: Path, tmp_path: Path) -> None:
    """The CDK command line adds it, and SAM reads it."""
    (tmp_path / "elsewhere").mkdir()
    (function,) = _read(assembly, _function(metadata={"aws:asset:path": "elsewhere"})).functions
    assert function.code == tmp_path / "elsewhere"


def test_lambda_s_defaults_hold_where_the_template_is_silent(assembly: Path) -> None:
    """Three seconds and 128 MB; ten messages; a hundred records or half a second."""
    found = _read(
        assembly,
        _function(),
        _mapping(EventSourceArn=_QUEUE_ARN),
        _mapping(Topics=["topic"], StartingPosition="LATEST", SelfManagedEventSource=_brokers("a:1", "b:2")),
    )
    assert (found.functions[0].timeout_seconds, found.functions[0].memory_mb) == (3, 128)
    (queue,), (kafka,) = found.queue_mappings, found.kafka_mappings
    assert (queue.batch_size, queue.window_seconds, queue.max_concurrency) == (10, 0, None)
    assert not queue.reports_item_failures
    assert (kafka.batch_size, kafka.window_seconds, kafka.starting_position) == (100, 0.5, "LATEST")
    assert kafka.bootstrap_servers == "a:1,b:2"


@pytest.mark.parametrize(
    "target",
    [
        "physical-name",
        "arn:aws:lambda:us-east-1:123456789012:function:physical-name",
        "arn:aws:lambda:us-east-1:123456789012:function:physical-name:live",
    ],
)
def test_a_mapping_finds_its_function_by_name_or_arn(assembly: Path, target: str) -> None:
    """With or without an alias."""
    (mapping,) = _read(assembly, _mapping(EventSourceArn=_QUEUE_ARN, FunctionName=target)).queue_mappings
    assert mapping.function == "physical-name"


def test_what_is_disabled_does_not_run(assembly: Path) -> None:
    """Neither a mapping nor a schedule."""
    found = _read(assembly, _mapping(EventSourceArn=_QUEUE_ARN, Enabled=False), _schedule(State="DISABLED"))
    assert not found.queue_mappings
    assert not found.schedules


def test_a_schedule_tries_again_as_its_function_is_configured_to(assembly: Path) -> None:
    """Lambda runs it asynchronously: twice more, unless the event invoke config says otherwise."""
    config = _resource("Config", "AWS::Lambda::EventInvokeConfig", FunctionName="physical-name", MaximumRetryAttempts=0)
    assert _read(assembly, _schedule()).schedules[0].retries == 2
    assert _read(assembly, _schedule(), config).schedules[0].retries == 0


@pytest.mark.parametrize(
    ("resource", "complaint"),
    [
        ({"FilterCriteria": {}, "EventSourceArn": _QUEUE_ARN}, "does not support FilterCriteria"),
        ({"DestinationConfig": {}, "Topics": ["topic"]}, "does not support DestinationConfig"),
        ({"EventSourceArn": "arn:aws:kafka:::cluster/x", "Topics": ["topic"]}, "does not support EventSourceArn"),
        ({"EventSourceArn": "arn:aws:kinesis:::stream/x"}, "queues and self-managed Kafka"),
        ({"EventSourceArn": _QUEUE_ARN, "FunctionName": "arn:aws:states:::x"}, "is not a function"),
    ],
)
def test_a_mapping_that_would_run_differently_is_refused(
    assembly: Path, resource: dict[str, Any], complaint: str
) -> None:
    """It must not look as if it had been tried out here."""
    with pytest.raises(CannotStartError, match=complaint):
        _read(assembly, _mapping(**resource))


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        ({"Runtime": "nodejs22.x"}, "runs Python functions, not nodejs22.x"),
        ({"Layers": ["arn:aws:lambda:us-east-1:1:layer:other:1"]}, "is not in this template"),
        ({"Code": {"ZipFile": "inline"}}, "no directory asset"),
    ],
)
def test_a_function_that_cannot_run_here_is_refused(assembly: Path, function: dict[str, Any], complaint: str) -> None:
    """The message names the function and what is wrong with it."""
    with pytest.raises(CannotStartError, match=f"IngestFunction1A2B3C4D: .*{complaint}"):
        _read(assembly, _function(**function))


def _read(template: Path, *resources: Resource) -> Deployment:
    return parse_deployment(resources, assets_of(template))


def _resource(
    logical_id: str, kind: str, *, metadata: dict[str, Any] | None = None, name: str | None = None, **properties: Any
) -> Resource:
    return Resource(logical_id=logical_id, type=kind, properties=properties, metadata=metadata or {}, physical_id=name)


def _function(*, metadata: dict[str, Any] | None = None, **properties: Any) -> Resource:
    given = {
        "Runtime": "python3.13",
        "Handler": "handler.handler",
        "Code": {"S3Bucket": "assets", "S3Key": "code.zip"},
        "Environment": {"Variables": {"NUMBER": 1}},
        **properties,
    }
    return _resource("IngestFunction1A2B3C4D", FUNCTION, metadata=metadata, name="physical-name", **given)


def _mapping(**properties: Any) -> Resource:
    return _resource("Mapping", EVENT_SOURCE, **{"FunctionName": "physical-name", **properties})


def _schedule(**properties: Any) -> Resource:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:physical-name"
    return _resource("Schedule", SCHEDULE, ScheduleExpression="rate(1 minute)", Target={"Arn": arn}, **properties)


def _brokers(*servers: str) -> dict[str, Any]:
    return {"Endpoints": {"KafkaBootstrapServers": list(servers)}}
