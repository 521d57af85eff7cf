"""What two stacks of a stage have of each other, read from their templates."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Body = Mapping[str, Any]

_RULES = {"AWS::EC2::SecurityGroupIngress": "in", "AWS::EC2::SecurityGroupEgress": "out"}
_RULES_OF_A_GROUP = {"SecurityGroupIngress": "in", "SecurityGroupEgress": "out"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stacks:
    """The templates of a stage's stacks. A stack that does not exist has no resources."""

    data: Body
    delivery: Body


def resources(template: Body) -> Mapping[str, Body]:
    found: Mapping[str, Body] = template.get("Resources", {})
    return found


def imports(template: Body) -> set[str]:
    """The names of the exports that the template refers to."""
    return {str(it["Fn::ImportValue"]) for it in _objects(template) if "Fn::ImportValue" in it}


def exports(template: Body) -> Mapping[str, Any]:
    """The template's exports by name."""
    outputs = template.get("Outputs", {}).values()
    return {it["Export"]["Name"]: it["Value"] for it in outputs if "Export" in it}


def rules(data: Body) -> set[str]:
    """The rules of its security groups, inline and separate, as text without descriptions."""
    return {_as_text(rule) for name, body in resources(data).items() for rule in _rules_in(name, body)}


def groups_used(stacks: Stacks) -> set[str]:
    """The security groups of the functions and of Kafka's poller, as the data stack's rules name them."""
    known = exports(stacks.data)
    return {json.dumps(known.get(_imported(it), it)) for it in _groups(stacks.delivery)}


def _groups(delivery: Body) -> Iterator[Any]:
    for body in resources(delivery).values():
        properties = body.get("Properties", {})
        yield from properties.get("VpcConfig", {}).get("SecurityGroupIds", [])
        accesses = properties.get("SourceAccessConfigurations", [])
        yield from (it["URI"] for it in accesses if it["Type"] == "VPC_SECURITY_GROUP")


def _imported(value: Any) -> str:  # noqa: ANN401  # any part of a template
    return str(value.get("Fn::ImportValue", "")) if isinstance(value, dict) else ""


def _rules_in(name: str, body: Body) -> Iterator[Body]:
    properties = body.get("Properties", {})
    if kind := _RULES.get(body["Type"]):
        yield {**properties, "way": kind}
    for key, way in _RULES_OF_A_GROUP.items() if body["Type"] == "AWS::EC2::SecurityGroup" else ():
        for rule in properties.get(key, []):
            yield {**rule, "GroupId": {"Fn::GetAtt": [name, "GroupId"]}, "way": way}


def _as_text(rule: Body) -> str:
    return json.dumps({key: value for key, value in sorted(rule.items()) if key != "Description"})


def _objects(node: Any) -> Iterator[Body]:  # noqa: ANN401  # JSON
    if isinstance(node, dict):
        yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _objects(part)
