"""Reads a deployment from the resources of a template whose references are resolved.

A property that the local stack does not implement, and that would change what a function gets, is an error. Otherwise
it would seem to have been tested here.
"""

from collections.abc import Iterator, Sequence

from local.machine.processes import CannotStartError
from local.template.assets import Assets
from local.template.deployment import Deployment, Function, KafkaMapping, QueueMapping, Schedule
from local.template.moto_stack import ASYNC_CONFIG, EVENT_SOURCE, FUNCTION, SCHEDULE, Resource
from local.template.parse_http_api import parse_http_apis
from local.template.properties import checked, function_name

_OF_EVERY_SOURCE = {"FunctionName", "BatchSize", "MaximumBatchingWindowInSeconds", "Enabled"}
_OF_QUEUES = _OF_EVERY_SOURCE | {"EventSourceArn", "ScalingConfig", "FunctionResponseTypes"}
_OF_KAFKA = _OF_EVERY_SOURCE | {
    *("SelfManagedEventSource", "SelfManagedKafkaEventSourceConfig", "Topics", "StartingPosition"),
}
_OF_SCHEDULES = {
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "FlexibleTimeWindow",
    "State",
    "Target",
    "Name",
    "GroupName",
    "Description",
}


def parse_deployment(resources: Sequence[Resource], assets: Assets) -> Deployment:
    sources = _enabled(resources, EVENT_SOURCE)
    return Deployment(
        functions=[_function(resource, resources, assets) for resource in resources if resource.type == FUNCTION],
        kafka_mappings=[_kafka(source) for source in sources if "Topics" in source.properties],
        queue_mappings=[_queue(source) for source in sources if "Topics" not in source.properties],
        schedules=[_schedule(resource, resources) for resource in _enabled(resources, SCHEDULE)],
        http_apis=parse_http_apis(resources),
    )


def _function(resource: Resource, resources: Sequence[Resource], assets: Assets) -> Function:
    given = resource.properties
    if not str(given.get("Runtime")).startswith("python"):
        raise CannotStartError(
            f"{resource.logical_id}: the local stack runs Python functions, not {given.get('Runtime')}"
        )
    return Function(
        logical_id=resource.logical_id,
        name=resource.physical_id or resource.logical_id,
        handler=given["Handler"],
        runtime=given["Runtime"],
        code=assets.directory(resource, "Code"),
        layers=tuple(assets.directory(layer, "Content") for layer in _layers(resource, resources)),
        environment={name: str(value) for name, value in given.get("Environment", {}).get("Variables", {}).items()},
        timeout_seconds=int(given.get("Timeout", 3)),
        memory_mb=int(given.get("MemorySize", 128)),
    )


def _layers(resource: Resource, resources: Sequence[Resource]) -> Iterator[Resource]:
    by_id = {resource.logical_id: resource for resource in resources}
    for layer in resource.properties.get("Layers", []):
        if not isinstance(layer, dict) or layer.get("Ref") not in by_id:
            raise CannotStartError(f"{resource.logical_id}: its layer {layer} is not in this template")
        yield by_id[layer["Ref"]]


def _queue(resource: Resource) -> QueueMapping:
    given = checked(resource, _OF_QUEUES)
    if ":sqs:" not in str(given.get("EventSourceArn")):
        raise CannotStartError(
            f"{resource.logical_id}: the local stack supports queues and self-managed Kafka as event sources"
        )
    return QueueMapping(
        logical_id=resource.logical_id,
        function=function_name(resource, given["FunctionName"]),
        queue_arn=given["EventSourceArn"],
        batch_size=int(given.get("BatchSize", 10)),
        window_seconds=float(given.get("MaximumBatchingWindowInSeconds", 0)),
        max_concurrency=given.get("ScalingConfig", {}).get("MaximumConcurrency"),
        reports_item_failures="ReportBatchItemFailures" in given.get("FunctionResponseTypes", []),
    )


def _kafka(resource: Resource) -> KafkaMapping:
    given = checked(resource, _OF_KAFKA)
    config = given.get("SelfManagedKafkaEventSourceConfig", {})
    return KafkaMapping(
        logical_id=resource.logical_id,
        function=function_name(resource, given["FunctionName"]),
        bootstrap_servers=",".join(given["SelfManagedEventSource"]["Endpoints"]["KafkaBootstrapServers"]),
        topic=given["Topics"][0],
        group=config.get("ConsumerGroupId", resource.logical_id),
        batch_size=int(given.get("BatchSize", 100)),
        window_seconds=float(given.get("MaximumBatchingWindowInSeconds", 0.5)),
        starting_position=given["StartingPosition"],
    )


def _schedule(resource: Resource, resources: Sequence[Resource]) -> Schedule:
    given = checked(resource, _OF_SCHEDULES)
    target = given["Target"]
    function = function_name(resource, target["Arn"])
    return Schedule(
        logical_id=resource.logical_id,
        function=function,
        expression=given["ScheduleExpression"],
        input=target.get("Input"),
        retries=_async_retries(function, resources),
    )


def _async_retries(function: str, resources: Sequence[Resource]) -> int:
    """How often Lambda retries: what the function's event invoke config says, or Lambda's default."""
    configs = (resource.properties for resource in resources if resource.type == ASYNC_CONFIG)
    given = (config.get("MaximumRetryAttempts", 2) for config in configs if config.get("FunctionName") == function)
    return int(next(given, 2))


def _enabled(resources: Sequence[Resource], kind: str) -> list[Resource]:
    return [resource for resource in resources if resource.type == kind and _is_on(resource)]


def _is_on(resource: Resource) -> bool:
    return (
        resource.properties.get("Enabled", True) is not False
        and resource.properties.get("State", "ENABLED") == "ENABLED"
    )
