"""Asks CloudFormation for the states and templates of a stage's stacks, by the bootstrap's role, as the CDK would."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from cdk.deployments.templates import Body, Stacks
from cdk.error import SettingsError
from cdk.settings.stage import StageSettings

_MISSING = "ValidationError"
#: A stack in one of these states was never complete. The CDK's command line removes the last two before creating anew.
_NEVER_WORKED = {"REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_FAILED", "ROLLBACK_IN_PROGRESS"}
_TO_BE_REMOVED = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}
_HALF_DELETED = "DELETE_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class StackState:
    name: str
    #: Empty if there is no stack.
    status: str = ""
    protected: bool = False
    outputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_worked(self) -> bool:
        return bool(self.status) and self.status not in {*_NEVER_WORKED, *_TO_BE_REMOVED}

    @property
    def serves(self) -> bool:
        """Whether it has something to lose. A stack that is being deleted has not."""
        return self.has_worked and not self.status.startswith("DELETE_")


@dataclass(frozen=True, slots=True, kw_only=True)
class StackStates:
    stage: str
    data: StackState
    delivery: StackState
    cloudformation: Any = field(repr=False)
    #: Uses the caller's own credentials, because the bootstrap's role may not look at functions.
    functions: Any = field(repr=False)

    @classmethod
    def of(cls, stage: StageSettings, *, profile: str | None = None) -> "StackStates":
        try:
            own = boto3.Session(profile_name=profile, region_name=stage.region or _region())
            cloudformation = _deployer(stage, own).client("cloudformation")
            data, delivery = (_stack(cloudformation, f"{stage.full_name}-{word}") for word in ("data", "delivery"))
        except (BotoCoreError, ClientError) as error:
            raise _unreadable(stage.name, error) from None
        functions = own.client("lambda")
        return cls(stage=stage.name, data=data, delivery=delivery, cloudformation=cloudformation, functions=functions)

    def templates(self) -> Stacks:
        """The templates as CloudFormation got them; empty for a stack that does not exist or never worked."""
        try:
            return Stacks(data=self._template(self.data), delivery=self._template(self.delivery))
        except (BotoCoreError, ClientError) as error:
            raise _unreadable(self.stage, error) from None

    def _template(self, stack: StackState) -> Body:
        if not stack.serves:
            return {}
        body = self.cloudformation.get_template(StackName=stack.name)["TemplateBody"]
        template: Body = body if isinstance(body, Mapping) else json.loads(body)
        return template

    def has_source(self, function: str) -> bool:
        """Whether events reach the function. If AWS does not say, assume that they do."""
        try:
            return bool(self.functions.list_event_source_mappings(FunctionName=function)["EventSourceMappings"])
        except (BotoCoreError, ClientError):
            return True

    def half_deleted(self) -> Iterator[str]:
        """CloudFormation cannot update a stack whose deletion failed, and says so only after everything is uploaded."""
        for stack in (self.delivery, self.data):
            if stack.status == _HALF_DELETED:
                told = f"the deletion of {stack.name} failed; delete it again before you deploy"
                yield f"{told}: aws cloudformation delete-stack --stack-name {stack.name}"

    def let_go_of_what_never_worked(self) -> None:
        """Lifts the protection that a bare `cdk deploy` set, because the next one could not remove the failed stack."""
        if self.data.status in _TO_BE_REMOVED and self.data.protected:
            self.cloudformation.update_termination_protection(
                StackName=self.data.name, EnableTerminationProtection=False
            )


def _unreadable(stage: str, error: Exception) -> SettingsError:
    return SettingsError(f"AWS does not say what is deployed of stage {stage}: {error}")


def _stack(cloudformation: Any, name: str) -> StackState:  # noqa: ANN401 - boto3 makes its clients at run time
    try:
        (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] != _MISSING:
            raise
        return StackState(name=name)
    return StackState(
        name=name,
        status=found["StackStatus"],
        protected=found.get("EnableTerminationProtection", False),
        outputs={it["OutputKey"]: it["OutputValue"] for it in found.get("Outputs", [])},
    )


def _deployer(stage: StageSettings, own: boto3.Session) -> boto3.Session:
    """A session with the bootstrap's deploy role, or the caller's own if that may not assume it."""
    sts = own.client("sts")
    arn = sts.get_caller_identity()["Arn"]
    partition, account = arn.split(":")[1], stage.account or arn.split(":")[4]
    role = f"arn:{partition}:iam::{account}:role/cdk-hnb659fds-deploy-role-{account}-{own.region_name}"
    try:
        given = sts.assume_role(RoleArn=role, RoleSessionName="hongyan")["Credentials"]
    except ClientError:
        return own
    return boto3.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=own.region_name,
    )


def _region() -> str:
    """The region that the CDK's command line would use. boto3 does not read the first of these variables."""
    given = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return given or boto3.Session().region_name or "us-east-1"
