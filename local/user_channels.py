"""The channels of the local stack's users, stored as the service stores them, under the template's KMS key."""

from datetime import UTC, datetime

from delivery.aws.key_ring import KmsKeyRing
from delivery.domain.channel import Channel
from delivery.feishu.flow_webhook import FLOW_WEBHOOK, WEBHOOK_PATH
from delivery.storage.channels import Channels
from delivery.storage.data_keys import DataKeys
from delivery.storage.mysql.database import address_of, open_engine
from local.servers.aws import Aws
from local.template.overrides import STACK_NAME


def webhook_url(feishu_url: str, key: str) -> str:
    """A URL of the simulator with the path that Feishu's have."""
    return f"{feishu_url}{WEBHOOK_PATH}{key}"


def feishu_channel(user_id: int, url: str, *, enabled: bool = True, bearer_token: str = "") -> Channel:
    return Channel(
        user_id=user_id,
        channel=FLOW_WEBHOOK,
        enabled=enabled,
        webhook_url=url,
        bearer_token=bearer_token,
    )


def open_channels(database_url: str, aws: Aws) -> Channels:
    address = address_of(database_url)
    engine = open_engine(lambda: address)
    keys = KmsKeyRing(
        kms=aws.session.client("kms", endpoint_url=aws.endpoint_url),
        kms_key=_data_key_arn(aws),
        stored=DataKeys(engine=engine),
        now=lambda: datetime.now(UTC),
    )
    return Channels(engine=engine, keys=keys)


def _data_key_arn(aws: Aws) -> str:
    """From the stack's outputs."""
    client = aws.session.client("cloudformation", endpoint_url=aws.endpoint_url)
    outputs = client.describe_stacks(StackName=STACK_NAME)["Stacks"][0]["Outputs"]
    return next(output["OutputValue"] for output in outputs if output["OutputKey"] == "DataKeyArn")
