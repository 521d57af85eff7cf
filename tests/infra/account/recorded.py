"""The base of all models here: a resource of a kind that moto's CloudFormation does not make."""

from collections.abc import Callable
from typing import Any, Self

import boto3

Properties = dict[str, Any]


class Recorded:
    """Keeps its properties and does nothing else; an attribute has some text as its value."""

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
        return None

    def is_created(self) -> bool:
        return True

    def get_cfn_attribute(self, name: str) -> str:
        known = name == "Arn" and self.physical_resource_id.startswith("arn:")
        return self.physical_resource_id if known else f"{self.name}.{name}"

    def tagged(self) -> Properties:
        """The properties with tags as Lambda's API takes them."""
        tags = {tag["Key"]: tag["Value"] for tag in self.properties.get("Tags", [])}
        return {**self.properties, "Tags": tags}


def aws(service: str) -> Any:
    """A client of this very server."""
    return boto3.client(service)  # type: ignore[call-overload]


def made_by(
    service: str,
    create: str,
    given: Callable[[str, Properties], Properties] = lambda _, properties: properties,
    *,
    answer: tuple[str, ...] = (),
    delete: str = "",
    by: str = "",
    **rest: object,
) -> type[Recorded]:
    """A kind that one call creates and one deletes.

    `given` makes the first call's arguments from the name that CloudFormation chose and the template's properties.
    `answer` is the path to the id in its response; without one the name is the id. The second call takes it as `by`.
    """

    class MadeByCalls(Recorded):
        def create(self) -> str:
            told: Any = getattr(aws(service), create)(**given(self.name, self.properties))
            for part in answer:
                told = told[part]
            return str(told) if answer else self.name

        def delete(self) -> None:
            if delete:
                getattr(aws(service), delete)(**{by: self.physical_resource_id}, **rest)

    return MadeByCalls
