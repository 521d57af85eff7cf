"""The delivery stack: a stage's settings in, the whole path of a notification out. Only composition stands here."""

from typing import Any

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from constructs import Construct

from cdk import parts
from cdk.alarms import Alarms
from cdk.claim import Claim
from cdk.config import StageSettings
from cdk.dashboard import Dashboard
from cdk.database import Database
from cdk.ingest import Ingest
from cdk.measures import Measures
from cdk.migrate import Migrate
from cdk.network import Network
from cdk.send import Send


class DeliveryStack(Stack):
    """Kafka → ingest → send queue → send → Feishu; the schedule → claim → send queue; MySQL beside all of them."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: StageSettings,
        new_network: Network | None = None,
        new_database: Database | None = None,
        **stack: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(scope, name, description=f"Hongyan ({stage.name}): notifications to Feishu", **stack)
        runtime = parts.runtime(self, stage, new_network=new_network, new_database=new_database)
        kafka = parts.kafka(stage.kafka, network=runtime.network)
        waiting = parts.send_queue(self, stage)
        queue = waiting.queue
        data_key = self._data_key(stage.name)
        every = Duration.minutes(stage.claim.every_minutes)
        at_once = stage.send.max_concurrency

        ingest = Ingest(self, "Ingest", runtime=runtime, settings=parts.ingest(stage), source=kafka, queue=queue)
        claim = Claim(self, "Claim", runtime=runtime, settings=parts.claim(stage), queue=queue, every=every)
        send = Send(
            self,
            "Send",
            runtime=runtime,
            settings=parts.send(stage),
            queue=queue,
            data_key=data_key,
            max_concurrency=at_once,
        )

        queue.grant(ingest.role, "sqs:SendMessage")
        queue.grant(claim.role, "sqs:SendMessage", "sqs:GetQueueAttributes")
        queue.grant_consume_messages(send.role)
        data_key.grant_decrypt(send.role)

        space = runtime.metrics_namespace
        mysql = runtime.database.instance
        measures = Measures(namespace=space, ingest=ingest, claim=claim, send=send, queue=waiting, mysql=mysql)
        Dashboard(self, "Dashboard", stage=stage.name, measures=measures)
        Alarms(self, "Alarms", stage=stage, measures=measures)

        self._tell(
            SendQueueUrl=queue.queue_url,
            DeadLetterQueueUrl=waiting.dead_letters.queue_url,
            DataKeyArn=data_key.key_arn,
            IngestFunctionName=ingest.function.function_name,
            ClaimFunctionName=claim.function.function_name,
            SendFunctionName=send.function.function_name,
        )
        # The local stack migrates by itself (local/deploying.py): the CloudFormation of moto knows no custom resources.
        if not stage.is_local:
            migrate = Migrate(self, "Migrate", runtime=runtime, settings=parts.migrate(stage))
            migrate.before(ingest, claim, send)
            self._tell(MigrateFunctionName=migrate.function.function_name)

    def _data_key(self, stage: str) -> kms.Key:
        """Kept when the stack goes: without it no stored webhook URL or token can be read again."""
        return kms.Key(
            self,
            "DataKey",
            description=f"Hongyan ({stage}): wraps the keys that encrypt channel credentials",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,
        )

    def _tell(self, **outputs: str) -> None:
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)
