"""Reads properties of a resource, and refuses those that the local stack does not implement."""

from collections.abc import Collection
from typing import Any

from local.machine.processes import CannotStartError
from local.template.moto_stack import Resource

#: Properties that make no difference on a single machine.
_WITHOUT_EFFECT = {"Tags", "KmsKeyArn", "MetricsConfig", "LoggingConfig", "ProvisionedPollerConfig"}


def checked(resource: Resource, known: Collection[str]) -> dict[str, Any]:
    """The properties, after checking that the caller knows all of them."""
    if unknown := resource.properties.keys() - known - _WITHOUT_EFFECT:
        raise CannotStartError(
            f"{resource.logical_id}: the local stack does not support {', '.join(sorted(unknown))} of {resource.type}"
        )
    return dict(resource.properties)


def function_name(resource: Resource, target: object) -> str:
    """Finds the function's name in its name, its ARN or API Gateway's path to it.

    An alias or version of it runs the same code here.
    """
    if not isinstance(target, str) or (target.startswith("arn:") and ":function:" not in target):
        raise CannotStartError(f"{resource.logical_id}: its target {target} is not a function of this template")
    return target.rpartition(":function:")[2].partition(":")[0].partition("/")[0]
