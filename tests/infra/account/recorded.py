"""What every kind that is made here has: properties in; out, what a reference to it answers, and its end."""

from typing import Any, Self

import boto3

Properties = dict[str, Any]


class Recorded:
    """Nothing but its properties; every attribute has some text as its value."""

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

    def delete(self, _account: str, _region: str) -> None:
        return None

    def is_created(self) -> bool:
        return True

    def get_cfn_attribute(self, name: str) -> str:
        return f"{self.name}.{name}"

    def tagged(self) -> Properties:
        """The properties with tags as Lambda's API takes them."""
        tags = {tag["Key"]: tag["Value"] for tag in self.properties.get("Tags", [])}
        return {**self.properties, "Tags": tags}


def aws(service: str) -> Any:
    """A client of this very server."""
    return boto3.client(service)  # type: ignore[call-overload]
