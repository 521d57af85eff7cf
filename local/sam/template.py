"""Writes the template that SAM runs, for Lambda's Python, and a file with the functions' environment variables.

The variables are read from the functions that the running stack deployed to moto.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cdk.settings.context import own_context
from cdk.settings.stage import LOCAL, stage_settings
from local.sam import CONTAINER_HOST
from local.servers.aws import Aws
from local.template.deployment import function_word
from local.template.moto_stack import FUNCTION
from local.template.overrides import STACK_NAME, stack_overrides
from local.template.synth import synthesize

_LOOPBACK = ("127.0.0.1", "localhost")
#: Lambda gives the import this long before the time-out begins. In SAM's container the import counts
_INIT_SECONDS = 10
_SERVERS = ("database_url", "aws_endpoint_url", "feishu_url")


@dataclass(frozen=True, slots=True, kw_only=True)
class SamTemplate:
    template: Path
    #: for `--env-vars`
    variables: Path


def loopback_ports(endpoints: Mapping[str, Any]) -> list[int]:
    """The ports of the servers that the functions call and that run on this machine's loopback."""
    addresses = [urlsplit(endpoints[name]) for name in _SERVERS]
    return [address.port or 3306 for address in addresses if address.hostname in _LOOPBACK]


def sam_template(endpoints: Mapping[str, Any], *, out: Path, say: Callable[[str], None]) -> SamTemplate:
    """Writes both files into `out`, where the template's assets are."""
    synthesized = synthesize({**_stack_settings(endpoints), **_of_lambda()}, out=out, say=say)
    values = {
        name: {key: _from_a_container(value, loopback_ports(endpoints)) for key, value in variables.items()}
        for name, variables in _deployed_variables(Aws(endpoint_url=endpoints["aws_endpoint_url"]))
    }
    made = SamTemplate(template=out / "sam.template.json", variables=out / "sam.variables.json")
    made.template.write_text(json.dumps(_prepared_for_sam(json.loads(synthesized.read_text()), values)))
    made.variables.write_text(json.dumps(values))
    return made


def _stack_settings(endpoints: Mapping[str, Any]) -> Mapping[str, object]:
    names = ("database_url", "kafka_bootstrap_servers", "feishu_url", "issuer_url")
    return stack_overrides(**{name: endpoints[name] for name in names})


def _of_lambda() -> Mapping[str, object]:
    """The layers are imported by the base image's Python, whichever runs here; the processor is this machine's."""
    return {"python": stage_settings(own_context()["stages"], LOCAL).python, "wheels": "lambda"}


def _deployed_variables(aws: Aws) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The environment of each function, with the SDK's variables that point at moto."""
    stacks = aws.session.client("cloudformation", endpoint_url=aws.endpoint_url)
    functions = aws.session.client("lambda", endpoint_url=aws.endpoint_url)
    for resource in stacks.describe_stack_resources(StackName=STACK_NAME)["StackResources"]:
        if resource["ResourceType"] == FUNCTION:
            given = functions.get_function_configuration(FunctionName=resource["PhysicalResourceId"])
            variables = given["Environment"]["Variables"]
            yield function_word(resource["LogicalResourceId"]), {**variables, **aws.environment}


def _from_a_container(value: str, ports: list[int]) -> str:
    """Replaces only addresses of the stack's servers, so a link in a message stays unchanged."""
    if value in _LOOPBACK:
        return CONTAINER_HOST
    return re.sub(
        rf"\b({'|'.join(map(re.escape, _LOOPBACK))}):({'|'.join(map(str, ports))})\b", rf"{CONTAINER_HOST}:\2", value
    )


def _prepared_for_sam(template: dict[str, Any], values: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """SAM passes only variables that the template declares, and finds a function by `SamResourceId`."""
    for name, resource in template["Resources"].items():
        resource.get("Metadata", {}).pop("aws:cdk:path", None)  # SAM warns about each one that is not a function's
        if resource["Type"] == FUNCTION:
            word = function_word(name)
            resource["Metadata"]["SamResourceId"] = word
            resource["Properties"]["Timeout"] += _INIT_SECONDS
            resource["Properties"]["Environment"] = {"Variables": dict.fromkeys(values[word], "")}
    return template
