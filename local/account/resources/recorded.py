"""The base class of the models here: a resource of a type that moto's CloudFormation does not make."""

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, Self

import boto3

Properties = dict[str, Any]
#: The service, the call, and the parameter that takes the id.
End = tuple[str, str, str]


class Recorded:
    """Only keeps its properties. Its attributes have placeholder values."""

    #: How it is deleted; None if it goes with another resource.
    end: ClassVar[End | None] = None
    end_with: ClassVar[Mapping[str, object]] = {}

    def __init__(self, name: str, properties: Properties) -> None:
        self.name = name
        self.properties = properties
        self.physical_resource_id = self.create()

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Properties, *_: str, **context: str
    ) -> Self:
        return cls(resource_name, cloudformation_json["Properties"])

    @classmethod
    def update_from_cloudformation_json(
        cls, original_resource: Self, cloudformation_json: Properties, **_: str
    ) -> Self:
        original_resource.properties = cloudformation_json["Properties"]
        original_resource.update()
        return original_resource

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return bool(attr)

    def create(self) -> str:
        return self.name

    def update(self) -> None:
        return None

    def delete(self) -> None:
        if self.end:
            call(self.end, self.physical_resource_id, **self.end_with)

    def is_created(self) -> bool:
        return True

    def get_cfn_attribute(self, name: str) -> str:
        known = name == "Arn" and self.physical_resource_id.startswith("arn:")
        return self.physical_resource_id if known else f"{self.name}.{name}"

    def tagged(self) -> Properties:
        """The properties with tags as Lambda's API takes them."""
        tags = {tag["Key"]: tag["Value"] for tag in self.properties.get("Tags", [])}
        return {**self.properties, "Tags": tags}


@cache
def aws(service: str) -> Any:
    """A cached client of this server, because making one takes longer than a call."""
    return boto3.client(service)  # type: ignore[call-overload]


def call(end: End, name: str, **rest: object) -> None:
    service, verb, parameter = end
    getattr(aws(service), verb)(**{parameter: [name] if parameter.endswith("s") else name}, **rest)
