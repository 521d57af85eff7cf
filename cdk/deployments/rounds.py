"""Decides in how many rounds a stage is deployed, so that nothing goes while the delivery stack still uses it.

The data stack comes first. What it would remove although the running functions use it stays for that round; once the
delivery stack has moved on, a second round removes it.
"""

from typing import Any

from cdk.deployments.templates import Body, Stacks, exports, groups_used, imports, resources, rules

_GROUP = "AWS::EC2::SecurityGroup"
_OF_A_GROUP = ("SecurityGroupIngress", "SecurityGroupEgress")


def kept_for_a_round(deployed: Stacks, wanted: Stacks) -> Body | None:
    """What the data stack must keep in the first of two rounds; None if one round is enough."""
    return _going(deployed.data, wanted.data) if _is_used(deployed, wanted.data) else None


def _is_used(deployed: Stacks, wanted: Body) -> bool:
    """Whether the deployed delivery stack uses something that the wanted data stack no longer has."""
    lost = rules(deployed.data) - rules(wanted)
    return bool(
        imports(deployed.delivery) - exports(wanted).keys()
        or any(group in rule for rule in lost for group in groups_used(deployed))
    )


def _going(deployed: Body, wanted: Body) -> Body:
    """Everything that goes, because one kept thing may need another, and the removed rules of groups that stay."""
    before, after = resources(deployed), resources(wanted)
    outputs, exported = deployed.get("Outputs", {}), exports(wanted)
    return {
        "Resources": _absent(deployed, wanted, "Resources"),
        "Outputs": {
            name: it for name, it in outputs.items() if "Export" in it and it["Export"]["Name"] not in exported
        },
        "Mappings": _absent(deployed, wanted, "Mappings"),
        "Transforms": _transforms(deployed),
        "Rules": {
            name: {key: _both(body, after[name], key) for key in _OF_A_GROUP if _both(body, after[name], key)}
            for name, body in before.items()
            if body["Type"] == _GROUP and name in after
        },
    }


def _absent(deployed: Body, wanted: Body, part: str) -> Body:
    there = wanted.get(part, {})
    return {name: body for name, body in deployed.get(part, {}).items() if name not in there}


def _transforms(template: Body) -> list[str]:
    """The template's macros: a CloudFormation macro makes AWS's application that rotates secrets."""
    named = template.get("Transform", [])
    return [named] if isinstance(named, str) else list(named)


def _both(before: Body, after: Body, key: str) -> list[Any]:
    rules_now, rules_then = after["Properties"].get(key, []), before["Properties"].get(key, [])
    return [*rules_now, *(it for it in rules_then if it not in rules_now)]
