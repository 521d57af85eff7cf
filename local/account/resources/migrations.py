"""Runs the stack's migration: unless the deployed function answers CloudFormation's requests, the deployment fails."""

import json
import os
import uuid
from contextlib import suppress

from local.account.invocation import invoked
from local.account.resources.recorded import Recorded, aws
from local.servers.aws import REGION

_ANSWERS = "cloudformation-answers"


class Migrations(Recorded):
    def create(self) -> str:
        return self._asked("Create")

    def update(self) -> None:
        self._asked("Update")

    def delete(self) -> None:
        self._asked("Delete")

    def _asked(self, kind: str) -> str:
        """Returns the physical id in the function's answer, which arrives by a PUT to S3 as on AWS."""
        _make_bucket()
        ids = {"StackId": "stack", "RequestId": str(uuid.uuid4()), "LogicalResourceId": self.name}
        url = f"{os.environ['AWS_ENDPOINT_URL']}/{_ANSWERS}/{ids['RequestId']}"
        told = {"ResourceType": "Custom::Migrations", "ResourceProperties": self.properties}
        invoked(self.properties["ServiceToken"], {"RequestType": kind, "ResponseURL": url, **ids, **told})
        answer = json.load(aws("s3").get_object(Bucket=_ANSWERS, Key=ids["RequestId"])["Body"])
        if answer["Status"] != "SUCCESS":
            reason = f"Received response status [FAILED] from custom resource. Message returned: {answer['Reason']}"
            raise RuntimeError(f"{reason} (RequestId: {ids['RequestId']})")
        return str(answer["PhysicalResourceId"])


def _make_bucket() -> None:
    """Makes the bucket. S3 accepts every region's name as its location, except us-east-1."""
    s3, region = aws("s3"), os.environ["AWS_REGION"]
    place = {} if region == REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=_ANSWERS, **place)
