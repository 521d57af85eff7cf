"""Writes toy templates in the shape of synthesized ones."""

import json
from pathlib import Path
from typing import Any

TOYS = Path(__file__).parent / "toys"


def function(toy: str, *, environment: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Code": {"S3Bucket": {"Fn::Sub": "assets-${AWS::AccountId}"}, "S3Key": f"{toy}.zip"},
            "Handler": f"{toy}.handler",
            "Runtime": "python3.13",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Timeout": 10,
            "Environment": {"Variables": environment or {}},
            **properties,
        },
        "Metadata": {"aws:asset:path": str(TOYS / toy)},
    }


def layer(toy: str) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::LayerVersion",
        "Properties": {"Content": {"S3Bucket": "assets", "S3Key": f"{toy}.zip"}},
        "Metadata": {"aws:asset:path": str(TOYS / toy)},
    }


def queue(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def queue_mapping(function_id: str, queue_id: str, **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            "FunctionName": {"Ref": function_id},
            "EventSourceArn": {"Fn::GetAtt": [queue_id, "Arn"]},
            **properties,
        },
    }


def kafka_mapping(function_id: str, bootstrap_servers: str, **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            "FunctionName": {"Ref": function_id},
            "SelfManagedEventSource": {"Endpoints": {"KafkaBootstrapServers": bootstrap_servers.split(",")}},
            "SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": "toys"},
            "StartingPosition": "TRIM_HORIZON",
            "MaximumBatchingWindowInSeconds": 0,
            **properties,
        },
    }


def schedule(function_id: str, expression: str) -> dict[str, Any]:
    return {
        "Type": "AWS::Scheduler::Schedule",
        "Properties": {
            "ScheduleExpression": expression,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": {"Fn::GetAtt": [function_id, "Arn"]}, "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}},
        },
    }


ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}},
}


def write(directory: Path, resources: dict[str, Any], **parts: Any) -> Path:
    template = directory / "toy.template.json"
    template.write_text(json.dumps({"Resources": {"Role": ROLE, **resources}, **parts}))
    return template
