"""A template is deployed to moto: what moto knows exists, what it refers to is resolved, what it lacks is left out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.machine.processes import CannotStartError
from local.servers.aws import Aws
from local.template.moto_stack import create_moto_stack
from tests.e2e.emulated_aws.toy_deployment import Toys
from tests.e2e.emulated_aws.toy_template import function, queue, queue_mapping, schedule, write

_KEY = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {}, "Tags": [{"Key": "stage", "Value": "local"}]}}


def test_every_reference_is_what_a_deployment_would_make_of_it(deploy: Callable[..., Toys]) -> None:
    """The environment of a function holds values only."""
    toys = deploy(
        {
            "Key": _KEY,
            "Queue": queue(),
            "Probe": function(
                "probe",
                environment={
                    "QUEUE_URL": {"Ref": "Queue"},
                    "QUEUE_ARN": {"Fn::GetAtt": ["Queue", "Arn"]},
                    "KEY_ARN": {"Fn::GetAtt": ["Key", "Arn"]},
                    "JOINED": {
                        "Fn::Join": ["/", ["a", {"Ref": "AWS::Region"}, {"Fn::GetAtt": ["Queue", "QueueName"]}]]
                    },
                    "SUBSTITUTED": {"Fn::Sub": "${AWS::AccountId}:${Queue.Arn}"},
                    "PLAIN": "as it is",
                },
            ),
        }
    )
    seen = toys.answer("Probe", {})["environment"]
    name = seen["QUEUE_URL"].rpartition("/")[2]
    assert seen["QUEUE_ARN"] == f"arn:aws:sqs:us-east-1:123456789012:{name}"
    assert seen["KEY_ARN"].startswith("arn:aws:kms:us-east-1:123456789012:key/")
    assert seen["JOINED"] == f"a/us-east-1/{name}"
    assert seen["SUBSTITUTED"] == f"123456789012:{seen['QUEUE_ARN']}"
    assert seen["PLAIN"] == "as it is"


def test_what_moto_lacks_is_left_out_and_said(aws: Aws, tmp_path: Path) -> None:
    """Event sources and schedules are run here; a queue's policy is for AWS only."""
    template = write(
        tmp_path,
        {
            "Queue": queue(),
            "QueuePolicy": {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [{"Ref": "Queue"}]}},
            "Probe": function("probe"),
            "Source": queue_mapping("Probe", "Queue"),
            "Tick": schedule("Probe", "rate(1 minute)"),
        },
    )
    said: list[str] = []
    resources = {
        made.logical_id: made for made in create_moto_stack(template, aws=aws, stack_name="lacking", debug=said.append)
    }
    assert said == [
        "not created in moto: AWS::Lambda::EventSourceMapping, AWS::SQS::QueuePolicy, AWS::Scheduler::Schedule"
    ]
    name = resources["Probe"].physical_id
    assert resources["Source"].properties["FunctionName"] == name
    assert resources["Tick"].properties["Target"]["Arn"].endswith(f":function:{name}")
    assert resources["QueuePolicy"].physical_id is None


def test_the_queue_has_the_attributes_of_the_template(deploy: Callable[..., Toys]) -> None:
    """Its visibility time-out and its dead-letter queue are not described anywhere else."""
    redrive = {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 4}
    toys = deploy({"Dead": queue(), "Queue": queue(VisibilityTimeout=77, RedrivePolicy=redrive)})
    sqs = toys.aws.session.client("sqs", endpoint_url=toys.aws.endpoint_url)
    attributes = sqs.get_queue_attributes(QueueUrl=toys.queue_url("Queue"), AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "77"
    assert '"maxReceiveCount":4' in attributes["RedrivePolicy"].replace(" ", "")


@pytest.mark.parametrize(
    ("reference", "complaint"),
    [
        ({"Fn::GetAtt": ["Missing", "Arn"]}, "could not (create|resolve)"),
        ({"Ref": "Missing"}, "could not (create|resolve)"),
        ({"Fn::GetAtt": ["Policy", "Id"]}, "could not (create|resolve)"),
    ],
)
def test_a_reference_that_cannot_be_resolved_is_an_error(
    aws: Aws, tmp_path: Path, reference: dict[str, Any], complaint: str
) -> None:
    """Before anything runs: a function with half an environment would fail in stranger ways."""
    policy = {"Type": "AWS::SQS::QueuePolicy", "Properties": {"PolicyDocument": {}, "Queues": []}}
    template = write(tmp_path, {"Probe": function("probe", environment={"WRONG": reference}), "Policy": policy})
    with pytest.raises(CannotStartError, match=complaint):
        create_moto_stack(template, aws=aws, stack_name=f"broken-{tmp_path.name}", debug=lambda _: None)
