"""Deploys stacks in CloudFormation's order, which moto does not keep.

Each resource waits for what it refers to and for its DependsOn, and changes when its resolved properties did. The first
that fails ends the deployment, and the stack goes back to its previous template. What cannot be deleted then, or with
the stack, leaves the stack in a failed state. Everything is an event.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from moto.cloudformation import models, parsing
from moto.cloudformation.exceptions import ValidationError

from local.account import faults
from local.account.resources.recorded import End, Recorded, call
from local.template.intrinsics import references

Body = dict[str, Any]
#: a template and its parameters
Version = tuple[Any, Mapping[str, str]]

_STACK = "AWS::CloudFormation::Stack"
_NOTHING: Version = ('{"Resources": {}}', {})
#: resources that moto forgets to delete with their stack
_LEFT_BY_MOTO: Mapping[str, End] = {
    "AWS::EC2::RouteTable": ("ec2", "delete_route_table", "RouteTableId"),
    "AWS::EC2::VPCEndpoint": ("ec2", "delete_vpc_endpoints", "VpcEndpointIds"),
    "AWS::EC2::FlowLog": ("ec2", "delete_flow_logs", "FlowLogIds"),
}


def install(kinds: Mapping[str, type]) -> None:
    """Replaces two public names of moto and nothing private.

    `Stack`: moto's creates in its own order, and has no rollback and no events of resources. The class of a resource:
    moto prefers its own and skips a type that it lacks with a warning.
    """

    def model(kind: str) -> Any:
        found = kinds.get(kind) or parsing.get_model_map().get(kind)
        if found is None:
            raise ValidationError(message=f"Nobody makes {kind} here: see local/account/gaps.py")
        return found

    vars(models).update(Stack=OrderedStack)
    vars(parsing).update(resource_class_from_type=model)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    body: Body
    #: The properties with every reference resolved.
    properties: Body
    #: None if its creation failed.
    resource: Any


class _Resources(parsing.ResourceMap):
    """Returns only what the stack has made, where moto's class would make it on demand."""

    def __init__(self, stack: "OrderedStack", template: Body) -> None:
        self.made = stack.made
        told = (stack.stack_id, stack.name, stack.parameters, stack.tags, stack.region_name, stack.account_id)
        super().__init__(*told, template, stack.cross_stack_resources)
        self.load()

    def __getitem__(self, key: str) -> Any:
        return self.made[key].resource if key in self.made else self._parsed_resources[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.made)


class OrderedStack(models.Stack):
    made: dict[str, _Made]
    #: What the current operation has created. Its rollback deletes those with RetainExceptOnCreate.
    new: set[str]
    #: Resolved at the end of the last operation, because what they refer to is gone once the stack is deleted.
    exported: list[Any]

    def __init__(self, **told: Any) -> None:
        self.made, self.exported = {}, []
        super().__init__(**told)

    @property
    def exports(self) -> list[Any]:
        return self.exported

    def create_resources(self) -> None:
        self.output_map = parsing.OutputMap(self.resource_map, {}, self.stack_id)
        self._change("CREATE", (self.template, self.parameters), before=_NOTHING, back="ROLLBACK")

    def update(self, template: str, role_arn: Any = None, parameters: Any = None, tags: Any = None) -> None:
        before = (self.template, self.parameters)
        self._change("UPDATE", (template, parameters or {}), before=before, back="UPDATE_ROLLBACK")

    def delete(self) -> None:
        """Deletes the stack, even if it has only a change set, as `cdk diff` makes and removes for a missing stack.

        A stack whose export another one imports keeps its state (rlister/stax#40, USSBA/aws-cft-tools#27).
        """
        if held := next(self._exports_in_use(), None):
            self._say(self.status, why=f"Delete canceled. {held}")
            return
        self._say("DELETE_IN_PROGRESS")
        self.new = set()
        self.status = "DELETE_COMPLETE" if self._remove([*self.made]) else "DELETE_FAILED"
        if self.status == "DELETE_COMPLETE":
            self._export({})
        self._say(self.status)

    def _change(self, verb: str, version: Version, *, before: Version, back: str) -> None:
        self._say(f"{verb}_IN_PROGRESS")
        self.new = set()
        try:
            self._become(version)
            self.status = f"{verb}_COMPLETE"
        except Exception as error:  # noqa: BLE001 - AWS rolls back on any error
            self._say(f"{back}_IN_PROGRESS", why=str(error))
            self.status = f"{back}_COMPLETE" if self._become(before) else f"{back}_FAILED"
        self._say(self.status)

    def _become(self, version: Version) -> bool:
        """Changes the stack to this version. Returns whether everything that the version lacks could be deleted."""
        self.template, self.parameters = version[0], dict(version[1])
        self.template_dict = template = _with_imports(self.parse_template(version[0]), self)
        self._refuse_to_take_back(template)
        self.resource_map = _Resources(self, template)
        bodies = template["Resources"]
        for name in _in_order(bodies):
            self._make(name, bodies[name])
        gone = self._remove([name for name in self.made if name not in bodies])
        self._export(template)
        return gone

    def _refuse_to_take_back(self, template: Body) -> None:
        """CloudFormation refuses to remove an export that another stack imports, but moto removes it."""
        offered = {it["Export"]["Name"] for it in template.get("Outputs", {}).values() if "Export" in it}
        if held := next(self._exports_in_use(offered), None):
            raise ValidationError(message=held)

    def _exports_in_use(self, offered: Collection[str] = ()) -> Iterator[str]:
        """A line for each export that is no longer offered although another stack imports it."""
        mine = {it.name for it in self.exported}
        for other in _others(self) if mine else ():
            wanted = set(_imports(self.parse_template(other.template)))
            for lost in sorted((wanted & mine).difference(offered)):
                yield f"Cannot delete export {lost} as it is in use by {other.name}"

    def _export(self, template: Body) -> None:
        """Updates the exports: moto lists only those of a stack's creation and resolves an output on first use."""
        self.output_map = parsing.OutputMap(self.resource_map, template, self.stack_id)
        list(self.output_map.values())
        listed = models.cloudformation_backends[self.account_id][self.region_name].exports
        for gone in self.exported:
            listed.pop(gone.name, None)
        self.exported = self.output_map.exports
        listed.update({it.name: it for it in self.exported})

    def _make(self, name: str, body: Body) -> None:
        """Creates a resource, or updates it if its resolved properties have changed."""
        if (condition := body.get("Condition")) and not self.resource_map.lazy_condition_map[condition]:
            return
        wanted, before = parsing.clean_json(body.get("Properties", {}), self.resource_map), self.made.get(name)
        if before and before.properties == wanted:
            self.made[name] = replace(before, body=body)  # its deletion policy may have changed
            return
        verb = "UPDATE" if before else "CREATE"
        try:
            resource = self._called(verb, name, body)
        except Exception as error:
            if before:  # the rollback must undo a failed try, too
                self.made[name] = _Made(body=body, properties=wanted, resource=before.resource)
            self._say(f"{verb}_FAILED", name, body, why=str(error))
            raise
        self.made[name] = _Made(body=body, properties=wanted, resource=resource)
        self.new |= set() if before else {name}
        self._say(f"{verb}_COMPLETE", name, body, resource)

    def _called(self, verb: str, name: str, body: Body) -> Any:
        if verb == "CREATE":
            faults.strike(name, body["Type"])
        step: Any = parsing.parse_and_update_resource if verb == "UPDATE" else parsing.parse_and_create_resource
        resource = step(name, body, self.resource_map, account_id=self.account_id, region_name=self.region_name)
        if resource is None:
            raise NotImplementedError(f"moto does not {verb.lower()} a {body['Type']}: it needs a model in models.py")
        return resource

    def _remove(self, names: list[str]) -> bool:
        """Deletes each resource before what it needs. What cannot be deleted stays, and so does what it needs."""
        for name in reversed([*_in_order({name: self.made[name].body for name in names})]):
            made = self.made[name]
            if any(name in _needs(other.body) for other in self.made.values()):
                continue
            try:
                self._say(self._end(made, new=name in self.new), name, made.body, made.resource)
            except Exception as error:  # noqa: BLE001 - AWS continues with the others after any error
                self._say("DELETE_FAILED", name, made.body, made.resource, why=str(error))
            else:
                del self.made[name]
        return not {*names} & {*self.made}

    def _end(self, made: _Made, *, new: bool) -> str:
        policy = made.body.get("DeletionPolicy")
        if policy == "Retain" or (policy == "RetainExceptOnCreate" and not new):
            return "DELETE_SKIPPED"
        if policy == "Snapshot":
            made.resource.delete_with_snapshot()
        else:
            self._delete(made.body["Type"], made.resource)
        return "DELETE_COMPLETE"

    def _delete(self, kind: str, resource: Any) -> None:
        if isinstance(resource, Recorded):
            resource.delete()
        elif kind in _LEFT_BY_MOTO:
            call(_LEFT_BY_MOTO[kind], resource.physical_resource_id)
        else:  # private, but moto itself calls its models so: some on an instance, some on the class
            self.resource_map._delete_resource(resource, {"Type": kind, "Properties": {}})

    def _say(self, status: str, name: str = "", body: Body | None = None, resource: Any = None, why: str = "") -> None:
        """Adds an event of the resource, or of the stack itself."""
        event = models.Event(
            stack_id=self.stack_id,
            stack_name=self.name,
            logical_resource_id=name or self.name,
            physical_resource_id=str(getattr(resource, "physical_resource_id", "")) if name else self.stack_id,
            resource_type=body["Type"] if body else _STACK,
            resource_status=status,
            resource_status_reason=why or None,
            resource_properties=None,
        )
        self.events.append(event)


def _with_imports(node: Any, stack: models.Stack) -> Any:
    """The template with other stacks' exports filled in, because moto keeps the exports of a stack's creation."""
    if isinstance(node, list):
        return [_with_imports(it, stack) for it in node]
    if not isinstance(node, dict):
        return node
    if name := node.get("Fn::ImportValue"):
        (value,) = [it.value for other in _others(stack) for it in other.exports if it.name == name]
        return value
    return {key: _with_imports(it, stack) for key, it in node.items()}


def _others(stack: models.Stack) -> Iterator[Any]:
    """The other existing stacks."""
    backend: Any = models.cloudformation_backends[stack.account_id][stack.region_name]
    yield from (it for it in backend.stacks.values() if it is not stack and it.status != "DELETE_COMPLETE")


def _imports(node: Any) -> Iterator[str]:
    if isinstance(node, dict) and "Fn::ImportValue" in node:
        yield node["Fn::ImportValue"]
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _imports(part)


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
