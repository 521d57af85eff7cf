"""What the deployed functions find around them: a secret, queues and a key in moto, and their variables."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from benchmarks.databases import Database
from benchmarks.notifications import USERS
from benchmarks.sending.sender import channel
from delivery.aws.key_ring import KmsKeyRing
from delivery.storage.channels import Channels
from delivery.storage.data_keys import DataKeys
from local.servers.aws import Aws


def variables(database: Database, aws: Aws, *, origin: str) -> Mapping[str, str]:
    name = f"bench-{uuid.uuid4().hex}"
    secret = json.dumps({"username": database.address.user, "password": database.address.password})
    secrets_manager = aws.session.client("secretsmanager", endpoint_url=aws.endpoint_url)
    sqs = aws.session.client("sqs", endpoint_url=aws.endpoint_url)
    kms = aws.session.client("kms", endpoint_url=aws.endpoint_url)
    return {
        **aws.environment,
        "DATABASE_HOST": database.address.host,
        "DATABASE_PORT": str(database.address.port),
        "DATABASE_NAME": database.address.database,
        "DATABASE_SECRET_ARN": secrets_manager.create_secret(Name=name, SecretString=secret)["ARN"],
        "SEND_QUEUE_URL": sqs.create_queue(QueueName=name)["QueueUrl"],
        "REPORT_QUEUE_URL": sqs.create_queue(QueueName=f"{name}-reports")["QueueUrl"],
        "STAGE": "bench",
        "DATA_KEY_ARN": kms.create_key()["KeyMetadata"]["Arn"],
        "WEBHOOK_ORIGINS": origin,
        "ACTION_BASE_URL": "https://smartflow.example",
        "POWERTOOLS_SERVICE_NAME": "bench",
        "POWERTOOLS_METRICS_NAMESPACE": "Hongyan",
        "PYDANTIC_DISABLE_PLUGINS": "__all__",
    }


def save_channels(database: Database, aws: Aws, given: Mapping[str, str]) -> None:
    """Every user is reached at the origin that the variables name, with credentials under their key."""
    keys = KmsKeyRing(
        kms=aws.session.client("kms", endpoint_url=aws.endpoint_url),
        kms_key=given["DATA_KEY_ARN"],
        stored=DataKeys(engine=database.engine),
        now=lambda: datetime.now(UTC),
    )
    channels = Channels(engine=database.engine, keys=keys)
    for user_id in range(1, USERS + 1):
        channels.save(channel(user_id, given["WEBHOOK_ORIGINS"]), now=datetime.now(UTC))
