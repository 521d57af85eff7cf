"""Creates the synthesized template in moto, and returns its resources with their references resolved.

Moto gets a copy with the functions, the queues and whatever those refer to; the rest of the template is for AWS only.
The copy has no event sources, schedules, HTTP APIs or layers, which moto lacks or gets wrong. Their references are
resolved all the same: each expression becomes an output of the stack, whose value is read back.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
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
API = "AWS::ApiGatewayV2::Api"
API_ROUTE = "AWS::ApiGatewayV2::Route"
API_INTEGRATION = "AWS::ApiGatewayV2::Integration"
API_AUTHORIZER = "AWS::ApiGatewayV2::Authorizer"

#: Resources that the local stack runs itself once their references are resolved.
RUN_LOCALLY = (FUNCTION, ASYNC_CONFIG, EVENT_SOURCE, SCHEDULE, API, API_ROUTE, API_INTEGRATION, API_AUTHORIZER)
#: Types that moto refuses or lacks.
NEVER_IN_MOTO = tuple(kind for kind in RUN_LOCALLY if kind != FUNCTION)
#: Types that are created even if nothing refers to them.
CREATED = (FUNCTION, QUEUE, "AWS::KMS::Key")
_NOT_RESOLVED: Mapping[str, Collection[str]] = {
    FUNCTION: ("Layers", "Code", "VpcConfig", "Role"),
    API_ROUTE: ("ApiId", "Target", "AuthorizerId"),
    API_INTEGRATION: ("ApiId",),
    API_AUTHORIZER: ("ApiId",),
}

Properties = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    logical_id: str
    type: str
    #: Resolved as in a deployment, except for references to types that moto lacks, such as layers.
    properties: Properties
    metadata: Properties
    #: the value of `Ref`, such as a function's name or a queue's URL; None if it was not created
    physical_id: str | None


def create_moto_stack(template: Path, *, aws: Aws, stack_name: str, debug: Callable[[str], None]) -> list[Resource]:
    """Creates the stack. The resources that run locally or were created have values in place of references."""
    document: dict[str, Any] = json.loads(template.read_text())
    resources: dict[str, Any] = document["Resources"]
    wanted = _closure(resources)
    debug(f"not created in moto: {_types(resources, without=wanted)}")
    asked = {f"Value{n}": expression for n, expression in enumerate(_expressions_to_resolve(resources, wanted))}
    values = _created(_copy(document, wanted, asked), aws=aws, name=stack_name)
    known = {key(expression): values[name] for name, expression in asked.items()}
    return [_resource(name, resource, known) for name, resource in resources.items()]


def _closure(resources: Mapping[str, Any]) -> set[str]:
    """The resources to create: those that always are, and all that they or locally run resources refer to."""
    waiting = [name for name, resource in resources.items() if resource["Type"] in CREATED]
    waiting += [
        name for resource in resources.values() if _runs_locally(resource) for name in references(_resolvable(resource))
    ]
    wanted: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in resources and name not in wanted and resources[name]["Type"] not in NEVER_IN_MOTO:
            wanted.add(name)
            waiting += references(_for_moto(resources[name]))
    return wanted


def _expressions_to_resolve(resources: Mapping[str, Any], wanted: set[str]) -> Iterator[Mapping[str, object]]:
    """The expressions to resolve, each once: those of locally run resources, and `Ref` of each created one."""
    found: dict[str, Mapping[str, object]] = {key({"Ref": name}): {"Ref": name} for name in sorted(wanted)}
    for resource in resources.values():
        if _runs_locally(resource):
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
    """The resource without dependencies, tags (moto fails on a KMS key's) and what moto would fetch for a function."""
    given = resource.get("Properties", {})
    slim = {part: resource[part] for part in ("Type", "Condition") if part in resource}
    slim["Properties"] = {name: value for name, value in given.items() if name != "Tags"}
    if resource["Type"] == FUNCTION:
        kept = ("FunctionName", "Handler", "Runtime", "Role", "Timeout", "MemorySize", "Environment")
        slim["Properties"] = {name: given[name] for name in kept if name in given} | {"Code": {"ZipFile": " "}}
    return slim


def _resolvable(resource: Mapping[str, Any]) -> Properties:
    """The properties whose references moto can resolve: it answers a layer's `Ref` wrongly, and has no HTTP APIs."""
    left_out = _NOT_RESOLVED.get(resource["Type"], ())
    return {name: value for name, value in resource.get("Properties", {}).items() if name not in left_out}


def _created(copy: dict[str, Any], *, aws: Aws, name: str) -> dict[str, str]:
    client = aws.session.client("cloudformation", endpoint_url=aws.endpoint_url)
    try:
        client.create_stack(StackName=name, TemplateBody=json.dumps(copy), Capabilities=["CAPABILITY_NAMED_IAM"])
        stack = client.describe_stacks(StackName=name)["Stacks"][0]
    except (ClientError, ResponseParserError) as error:  # moto's internal errors are not XML
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


def _runs_locally(resource: Mapping[str, Any]) -> bool:
    return resource["Type"] in RUN_LOCALLY


def _types(resources: Mapping[str, Any], *, without: set[str]) -> str:
    return ", ".join(sorted({resource["Type"] for name, resource in resources.items() if name not in without}))
