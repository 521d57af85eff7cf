"""The synthesized template, deployed to moto: a template file in, its resources with every reference resolved out.

Moto gets a copy with what runs (functions, queues) and whatever that refers to; the rest of the template exists for AWS
only. What moto does not know or does wrong (event sources, schedules, layers) stays out of the copy, but its references
are resolved along: each expression becomes an output of the stack, whose value is read back.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from local.machine.processes import CannotStartError
from local.servers.aws import Aws
from local.template.intrinsics import expressions, key, references, replaced

FUNCTION = "AWS::Lambda::Function"
ASYNC_CONFIG = "AWS::Lambda::EventInvokeConfig"
EVENT_SOURCE = "AWS::Lambda::EventSourceMapping"
SCHEDULE = "AWS::Scheduler::Schedule"
QUEUE = "AWS::SQS::Queue"

#: what the local stack runs itself, after its references have been resolved
RUN_BY_US = (FUNCTION, ASYNC_CONFIG, EVENT_SOURCE, SCHEDULE)
#: what moto refuses or does not know
NEVER_IN_MOTO = (ASYNC_CONFIG, EVENT_SOURCE, SCHEDULE)
#: what exists in moto even if nothing refers to it
CREATED = (FUNCTION, QUEUE, "AWS::KMS::Key")

Properties = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    logical_id: str
    type: str
    #: as a deployment resolves them; references to what moto does not have (layers) are left as they are
    properties: Properties
    metadata: Properties
    #: what `Ref` answers: a function's name, a queue's URL; None for what only stands in the template
    physical_id: str | None


def deployed(template: Path, *, aws: Aws, stack_name: str, debug: Callable[[str], None]) -> list[Resource]:
    """Creates the stack and answers the template's resources; those that run or were created hold values only."""
    document: dict[str, Any] = json.loads(template.read_text())
    resources: dict[str, Any] = document["Resources"]
    wanted = _closure(resources)
    debug(f"not created in moto: {_types(resources, without=wanted)}")
    asked = {f"Value{n}": expression for n, expression in enumerate(_asked(resources, wanted))}
    values = _created(_copy(document, wanted, asked), aws=aws, name=stack_name)
    known = {key(expression): values[name] for name, expression in asked.items()}
    return [_resource(name, resource, known) for name, resource in resources.items()]


def _closure(resources: Mapping[str, Any]) -> set[str]:
    """What moto is to create: what always exists, and all that it or anything we run refers to."""
    waiting = [name for name, resource in resources.items() if resource["Type"] in CREATED]
    waiting += [
        name for resource in resources.values() if _is_ours(resource) for name in references(_resolvable(resource))
    ]
    wanted: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in resources and name not in wanted and resources[name]["Type"] not in NEVER_IN_MOTO:
            wanted.add(name)
            waiting += references(_for_moto(resources[name]))
    return wanted


def _asked(resources: Mapping[str, Any], wanted: set[str]) -> Iterator[Mapping[str, object]]:
    """Each expression once: those of what we run, and the physical id of what moto creates."""
    found: dict[str, Mapping[str, object]] = {key({"Ref": name}): {"Ref": name} for name in sorted(wanted)}
    for resource in resources.values():
        if _is_ours(resource):
            found |= {key(expression): expression for expression in expressions(_resolvable(resource))}
    yield from found.values()


def _copy(document: Mapping[str, Any], wanted: set[str], asked: Mapping[str, object]) -> dict[str, Any]:
    kept = {name: _for_moto(document["Resources"][name]) for name in sorted(wanted)}
    told = {
        name: output for name, output in document.get("Outputs", {}).items() if wanted.issuperset(references(output))
    }
    outputs = told | {name: {"Value": expression} for name, expression in asked.items()}
    fixed = {part: document[part] for part in ("Conditions", "Mappings") if part in document}
    used = set(references([kept, outputs, fixed]))
    parameters = {name: value for name, value in document.get("Parameters", {}).items() if name in used}
    return {**fixed, "Parameters": parameters, "Resources": kept, "Outputs": outputs}


def _for_moto(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Without the order of creation, tags (moto fails at a key's) and what moto would fetch for a function."""
    given = resource.get("Properties", {})
    slim = {part: resource[part] for part in ("Type", "Condition") if part in resource}
    slim["Properties"] = {name: value for name, value in given.items() if name != "Tags"}
    if resource["Type"] == FUNCTION:
        kept = ("FunctionName", "Handler", "Runtime", "Role", "Timeout", "MemorySize", "Environment")
        slim["Properties"] = {name: given[name] for name in kept if name in given} | {"Code": {"ZipFile": " "}}
    return slim


def _resolvable(resource: Mapping[str, Any]) -> Properties:
    """Properties whose references moto can resolve: a layer's `Ref` it answers wrongly, and code stays in its asset."""
    left_out = ("Layers", "Code", "VpcConfig", "Role") if resource["Type"] == FUNCTION else ()
    return {name: value for name, value in resource.get("Properties", {}).items() if name not in left_out}


def _created(copy: dict[str, Any], *, aws: Aws, name: str) -> dict[str, str]:
    client = aws.session.client("cloudformation", endpoint_url=aws.endpoint_url)
    try:
        client.create_stack(StackName=name, TemplateBody=json.dumps(copy), Capabilities=["CAPABILITY_NAMED_IAM"])
        stack = client.describe_stacks(StackName=name)["Stacks"][0]
    except (ClientError, ResponseParserError) as error:  # moto's own failures are no XML
        raise CannotStartError(f"moto could not create the template's resources (see its log): {error}") from None
    values = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    if missing := [copy["Outputs"][output]["Value"] for output in copy["Outputs"] if output not in values]:
        raise CannotStartError(f"moto could not resolve {json.dumps(missing[0])}, which the template refers to")
    return values


def _resource(name: str, resource: Mapping[str, Any], known: Mapping[str, object]) -> Resource:
    properties = replaced(resource.get("Properties", {}), known)
    physical_id = known.get(key({"Ref": name}))
    return Resource(
        logical_id=name,
        type=resource["Type"],
        properties=properties if isinstance(properties, Mapping) else {},
        metadata=resource.get("Metadata", {}),
        physical_id=physical_id if isinstance(physical_id, str) else None,
    )


def _is_ours(resource: Mapping[str, Any]) -> bool:
    return resource["Type"] in RUN_BY_US


def _types(resources: Mapping[str, Any], *, without: set[str]) -> str:
    return ", ".join(sorted({resource["Type"] for name, resource in resources.items() if name not in without}))
