"""What CloudFormation says of a stage's stacks: how far they are, why one failed, what they have."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from local.servers.aws import Aws

_STACK = "AWS::CloudFormation::Stack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    name: str
    status: str
    resources: int
    outputs: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class Stacks:
    """Watches the stacks, whose templates have this many resources."""

    aws: Aws
    sizes: Mapping[str, int]
    _told: dict[str, str] = field(default_factory=dict)

    def progress(self) -> Iterator[str]:
        """A line for each stack that has progressed since the last call."""
        for name, size in self.sizes.items():
            events = [it for it in self._events(name) if it["ResourceType"] != _STACK]
            done = {it["LogicalResourceId"] for it in events if it["ResourceStatus"].endswith("_COMPLETE")}
            line = f"{name}: {len(done)} of {size} resources"
            if events and self._told.get(name) != line:
                self._told[name] = line
                yield f"{line}, last {events[-1]['ResourceType']} {events[-1]['LogicalResourceId']}"

    def failures(self) -> Iterator[str]:
        """The resources that failed, with CloudFormation's reason."""
        for name in self.sizes:
            for it in self._events(name):
                if it["ResourceStatus"].endswith("_FAILED"):
                    what = f"{it['ResourceType']} {it['LogicalResourceId']}"
                    yield f"{name}: {what}: {it.get('ResourceStatusReason', it['ResourceStatus'])}"

    def made(self) -> list[Stack]:
        return [_stack(it, len(self._done(it["StackName"]))) for name in self.sizes for it in self._described(name)]

    def _done(self, name: str) -> set[str]:
        events = [it for it in self._events(name) if it["ResourceType"] != _STACK]
        return {it["LogicalResourceId"] for it in events if it["ResourceStatus"].endswith("_COMPLETE")}

    def _events(self, name: str) -> list[dict[str, Any]]:
        """Oldest first."""
        try:
            pages = self._client().get_paginator("describe_stack_events").paginate(StackName=name)
            return [it for page in pages for it in page["StackEvents"]][::-1]
        except ClientError:  # it has not begun yet
            return []

    def _described(self, name: str) -> list[dict[str, Any]]:
        try:
            return list(self._client().describe_stacks(StackName=name)["Stacks"])
        except ClientError:
            return []

    def _client(self) -> Any:  # noqa: ANN401 - a boto client
        return self.aws.session.client("cloudformation", endpoint_url=self.aws.endpoint_url)


def _stack(described: Mapping[str, Any], resources: int) -> Stack:
    outputs = {it["OutputKey"]: it["OutputValue"] for it in described.get("Outputs", [])}
    return Stack(name=described["StackName"], status=described["StackStatus"], resources=resources, outputs=outputs)
