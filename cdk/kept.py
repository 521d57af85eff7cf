"""Adds to the data stack what is going, as it is deployed, so that it stays for the first of two rounds.

`cdk/deployments/rounds.py` says what that is.
"""

from collections.abc import Mapping
from typing import Any

from aws_cdk import CfnMapping, CfnOutput, CfnResource, Stack, Token

Body = Mapping[str, Any]

_GROUP = "AWS::EC2::SecurityGroup"
#: Attributes of a resource besides its type and properties.
_BESIDE = ("DependsOn", "DeletionPolicy", "UpdateReplacePolicy")


def keep(stack: Stack, going: Body) -> None:
    for name, body in going["Resources"].items():
        _add(stack, name, body)
    for name, output in going["Outputs"].items():
        kept = CfnOutput(
            stack, f"Kept{name}", value=Token.as_string(output["Value"]), export_name=output["Export"]["Name"]
        )
        kept.override_logical_id(name)
    for name, mapping in going["Mappings"].items():
        CfnMapping(stack, f"Kept{name}", mapping=mapping).override_logical_id(name)
    if going["Transforms"]:
        stack.template_options.transforms = going["Transforms"]
    _keep_rules(stack, going["Rules"])


def _add(stack: Stack, name: str, body: Body) -> None:
    kept = CfnResource(stack, f"Kept{name}", type=body["Type"], properties=body.get("Properties"))
    kept.override_logical_id(name)
    for attribute in _BESIDE:
        if attribute in body:
            kept.add_override(attribute, body[attribute])


def _keep_rules(stack: Stack, wanted: Mapping[str, Body]) -> None:
    for element in stack.node.find_all():
        if isinstance(element, CfnResource) and element.cfn_resource_type == _GROUP:
            for key, kept in wanted.get(str(stack.resolve(element.logical_id)), {}).items():
                element.add_property_override(key, kept)
