"""CloudFormation's order, as AWS keeps it and moto does not: a stack and its next template in, its resources out.

Each resource waits for what it refers to and for its DependsOn, and changes when its resolved properties did. The first
that fails ends the deployment, and what was done goes back to the template of before. Everything is an event.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import Event, Stack, cloudformation_backends

from local.template.intrinsics import references
from tests.infra.account.removal import removed

Body = dict[str, Any]
#: a template and its parameters
Version = tuple[str, dict[str, str]]

_STACK = "AWS::CloudFormation::Stack"
_NOTHING: Version = ('{"Resources": {}}', {})
_moto_s_own = parsing.clean_json


def install(models: Mapping[str, type]) -> None:
    """`models` are asked before moto's; a kind that neither has fails the stack instead of being left out."""

    def model(kind: str) -> Any:
        found = models.get(kind) or parsing.get_model_map().get(kind)
        if found is None:
            raise ValidationError(message=f"Nobody makes {kind} here: see tests/infra/account/gaps.py")
        return found

    vars(parsing).update(clean_json=_resolved, resource_class_from_type=model)
    for name, method in {"create_resources": _create, "update": _update, "delete": _delete}.items():
        setattr(Stack, name, method)


def _resolved(node: Any, resources: Any) -> Any:
    """With the function that reads another stack's output, which is newer than moto."""
    if isinstance(node, dict) and (wanted := node.get("Fn::GetStackOutput")):
        backend = cloudformation_backends[resources["AWS::AccountId"]][resources["AWS::Region"]]
        told: Any = backend.get_stack(wanted["StackName"]).output_map
        return told[wanted["OutputName"]].value
    return _moto_s_own(node, resources)


def _create(stack: Stack) -> None:
    vars(stack)["applied"] = {}
    _change(stack, "CREATE", _version(stack.template, stack.parameters), before=_NOTHING, back="ROLLBACK")


def _update(stack: Stack, template: str, _role: object = None, parameters: Any = None, tags: object = None) -> None:
    before = _version(stack.template, stack.parameters)
    _change(stack, "UPDATE", _version(template, parameters or {}), before=before, back="UPDATE_ROLLBACK")


def _version(template: Any, given: Mapping[str, str]) -> Version:
    parameters = Stack.parse_template(template).get("Parameters", {})
    return template, {**{name: it["Default"] for name, it in parameters.items() if "Default" in it}, **given}


def _change(stack: Stack, verb: str, version: Version, *, before: Version, back: str) -> None:
    _say(stack, f"{verb}_IN_PROGRESS")
    try:
        _become(stack, version)
        stack.status = f"{verb}_COMPLETE"
    except Exception as error:  # noqa: BLE001 - whatever it is, AWS would roll back
        _say(stack, f"{back}_IN_PROGRESS", why=str(error))
        _become(stack, before)
        stack.status = f"{back}_COMPLETE"
    _say(stack, stack.status)


def _become(stack: Stack, version: Version) -> None:
    resources = stack.resource_map
    stack.template, stack.parameters = version
    stack.template_dict = template = Stack.parse_template(version[0])
    bodies = template["Resources"]
    gone = {name: body for name, body in resources._resource_json_map.items() if name not in bodies}
    vars(resources).update(_template=template, input_parameters=stack.parameters, _resource_json_map=bodies)
    resources.resolved_parameters.clear()
    resources.load()
    for name in _in_order(bodies):
        _make(stack, name, bodies[name])
    for name in reversed([*_in_order(gone)]):
        _remove(stack, name, gone[name])
    stack.output_map = stack._create_output_map()


def _in_order(bodies: Mapping[str, Body]) -> Iterator[str]:
    """Logical ids, each after those that it needs."""
    waiting = set(bodies)

    def visit(name: str) -> Iterator[str]:
        if name in waiting:
            waiting.remove(name)
            for needed in _needs(bodies[name]):
                yield from visit(needed)
            yield name

    for name in bodies:
        yield from visit(name)


def _needs(body: Body) -> Iterator[str]:
    named = body.get("DependsOn", [])
    yield from [named] if isinstance(named, str) else named
    yield from references(body.get("Properties", {}))


def _make(stack: Stack, name: str, body: Body) -> None:
    """Creates it, or changes it if its properties are not those of the last time."""
    resources, applied = stack.resource_map, vars(stack)["applied"]
    if (condition := body.get("Condition")) and not resources.lazy_condition_map[condition]:
        return
    wanted = parsing.clean_json(body.get("Properties", {}), resources)
    if applied.get(name) == wanted:
        return
    verb = "UPDATE" if name in applied else "CREATE"
    applied[name] = wanted  # tried, at least: a rollback has something to take back
    try:
        resources._parsed_resources[name] = made = _made(stack, verb, name, body)
    except Exception as error:
        _say(stack, f"{verb}_FAILED", name, body, why=str(error))
        raise
    _say(stack, f"{verb}_COMPLETE", name, body, made)


def _made(stack: Stack, verb: str, name: str, body: Body) -> Any:
    step: Any = parsing.parse_and_update_resource if verb == "UPDATE" else parsing.parse_and_create_resource
    made = step(name, body, stack.resource_map, account_id=stack.account_id, region_name=stack.region_name)
    if made is None:
        raise NotImplementedError(f"moto does not {verb.lower()} a {body['Type']}: it needs a model in models.py")
    return made


def _remove(stack: Stack, name: str, body: Body) -> None:
    made = stack.resource_map._parsed_resources.pop(name, None)
    vars(stack)["applied"].pop(name, None)
    if made is None:
        return
    if body.get("DeletionPolicy") == "Retain":
        _say(stack, "DELETE_SKIPPED", name, body, made)
        return
    if body.get("DeletionPolicy") == "Snapshot":
        made.snapshot()
    removed(body["Type"], made, stack)
    _say(stack, "DELETE_COMPLETE", name, body, made)


def _delete(stack: Stack) -> None:
    _say(stack, "DELETE_IN_PROGRESS")
    bodies = stack.template_dict["Resources"]
    for name in reversed([*_in_order(bodies)]):
        _remove(stack, name, bodies[name])
    stack.status = "DELETE_COMPLETE"
    _say(stack, stack.status)


def _say(stack: Stack, status: str, name: str = "", body: Body | None = None, made: Any = None, why: str = "") -> None:
    """An event of the resource, or of the stack itself."""
    event = Event(
        stack_id=stack.stack_id,
        stack_name=stack.name,
        logical_resource_id=name or stack.name,
        physical_resource_id=str(getattr(made, "physical_resource_id", "")) if name else stack.stack_id,
        resource_type=body["Type"] if body else _STACK,
        resource_status=status,
        resource_status_reason=why or None,
        resource_properties=None,
    )
    stack.events.append(event)
