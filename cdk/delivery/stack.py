"""The delivery stack holds the whole path of a notification. It only composes constructs."""

from typing import Any

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.data.database import Database
from cdk.data.existing_vpc import existing_network
from cdk.data.msk import Cluster
from cdk.data.msk_arns import MskArns
from cdk.data.network import Network
from cdk.data.stack import Made
from cdk.delivery.api.http_api import ApiFunction, HttpApi
from cdk.delivery.claim import Claim
from cdk.delivery.function import StageFunction
from cdk.delivery.ingest import Ingest
from cdk.delivery.kafka.source import kafka_source
from cdk.delivery.kafka.topic import NewTopic
from cdk.delivery.kafka.writer import Writer
from cdk.delivery.migrate import Migrate
from cdk.delivery.prune import Prune
from cdk.delivery.queue import ReportQueue, SendQueue
from cdk.delivery.relay import Relay
from cdk.delivery.runtime import Runtime
from cdk.delivery.send import Send
from cdk.settings.sections.database import ExistingMySql, NewMySql
from cdk.settings.sections.kafka import NewKafka
from cdk.settings.sections.network import ExistingVpc
from cdk.settings.stage import StageSettings
from cdk.watch.alarms import Alarms
from cdk.watch.dashboard import Dashboard
from cdk.watch.metrics import Metrics


class DeliveryStack(Stack):
    """Kafka → ingest → send queue → send → Feishu; the schedule → claim → send queue; MySQL beside all of them.

    Outcomes that send cannot write to MySQL go to the report queue and come back to send. Schedules start prune and, if
    the stage has one, relay, which brings the outbox's rows from MySQL to Kafka.
    """

    def __init__(self, scope: Construct, name: str, *, stage: StageSettings, made: Made, **stack: Any) -> None:  # noqa: ANN401
        super().__init__(scope, name, description=f"Hongyan ({stage.name}): notifications to Feishu", **stack)
        runtime = self._runtime(stage, made)
        cluster = made.kafka.arns if made.kafka else None
        kafka = kafka_source(stage.kafka, made=cluster, network=runtime.network)
        visibility = Duration.seconds(stage.visibility_seconds)
        pointers = SendQueue(self, "SendQueue", settings=stage.queue, visibility=visibility)
        outcomes = ReportQueue(self, "ReportQueue", visibility=visibility)
        queue, reports = pointers.queue, outcomes.queue
        data_key = stage.data_key_arn or self._data_key(stage).key_arn

        ingest = Ingest(self, "Ingest", runtime=runtime, stage=stage, source=kafka, queue=queue)
        claim = Claim(self, "Claim", runtime=runtime, stage=stage, queue=queue, reports=reports)
        send = Send(self, "Send", runtime=runtime, stage=stage, queue=queue, reports=reports, data_key_arn=data_key)
        prune = Prune(self, "Prune", runtime=runtime, stage=stage)

        api = self._api(stage, runtime=runtime, queue=queue, data_key_arn=data_key)
        relay = self._relay(stage, runtime=runtime, cluster=cluster)
        functions = [ingest, claim, send, prune, *(it for it in (api and api.function, relay) if it)]

        _grant_queues(queue, reports, ingest=ingest, claim=claim, send=send)
        metrics = Metrics(
            namespace=runtime.metrics_namespace,
            ingest=ingest,
            claim=claim,
            send=send,
            prune=prune,
            queue=pointers,
            reports=outcomes,
            mapping_id=ingest.mapping_id,
            mysql=made.database.instance if made.database else None,
            kafka=made.kafka,
            api=api,
            relay=relay,
        )
        self._watch(stage, metrics)
        self._tell_queues(pointers, outcomes)
        self._tell(DataKeyArn=data_key, KafkaSource=stage.kafka_source)
        self._name(*functions)
        self._prepare(*functions, runtime=runtime, stage=stage, cluster=made.kafka)

    def _api(self, stage: StageSettings, *, runtime: Runtime, queue: sqs.IQueue, data_key_arn: str) -> HttpApi | None:
        if stage.api is None:
            return None
        function = ApiFunction(
            self, "Api", runtime=runtime, stage=stage, api=stage.api, queue=queue, data_key_arn=data_key_arn
        )
        api = HttpApi(self, "HttpApi", runtime=runtime, function=function, api=stage.api, keeps_data=stage.keeps_data)
        self._tell(ApiUrl=api.url)
        return api

    def _relay(self, stage: StageSettings, *, runtime: Runtime, cluster: MskArns | None) -> Relay | None:
        if stage.relay is None:
            return None
        writer = Writer.of(stage.kafka, made=cluster)
        return Relay(self, "Relay", runtime=runtime, settings=stage.relay, writer=writer)

    def _runtime(self, stage: StageSettings, made: Made) -> Runtime:
        database, network = made.database, made.network
        if isinstance(stage.database, ExistingMySql):
            database = Database.existing(stage.database)
        if isinstance(stage.network, ExistingVpc):
            network = existing_network(self, stage.network)
        self._hold_endpoints(network)
        if database is None:
            raise ValueError("a new MySQL is in the data stack, which was not made")
        return Runtime.of(stage, self, database=database, network=network)

    def _watch(self, stage: StageSettings, metrics: Metrics) -> None:
        Dashboard(self, "Dashboard", stage=stage, metrics=metrics)
        Alarms(self, "Alarms", stage=stage, metrics=metrics)

    def _prepare(
        self, *functions: StageFunction, runtime: Runtime, stage: StageSettings, cluster: Cluster | None
    ) -> None:
        """Migrates, and makes the topic, before these functions are deployed.

        The local stack migrates by itself (local/template/local_stage.py): moto runs custom resources in Docker.
        """
        if not stage.is_local:
            to_kafka = [it for it in functions if isinstance(it, Ingest | Relay)]
            topic = self._topic_before(*to_kafka, runtime=runtime, stage=stage, cluster=cluster)
            self._migrate_before(*topic, *functions, runtime=runtime, stage=stage)

    def _migrate_before(self, *others: StageFunction, runtime: Runtime, stage: StageSettings) -> None:
        served = [it for it in others if it.needs_database]
        migrate = Migrate(self, "Migrate", runtime=runtime, stage=stage, functions=served)
        migrate.before(*others)
        self._name(migrate)

    def _topic_before(
        self, *others: StageFunction, runtime: Runtime, stage: StageSettings, cluster: Cluster | None
    ) -> list[NewTopic]:
        """Makes the topic on the stage's own cluster. On another cluster its owner makes the topic."""
        if not (isinstance(stage.kafka, NewKafka) and cluster):
            return []
        topic = NewTopic(self, "Topic", runtime=runtime, settings=stage.kafka, cluster=cluster)
        topic.before(*others)
        self._name(topic)
        return [topic]

    def _name(self, *functions: StageFunction) -> None:
        self._tell(**{f"{it.word.capitalize()}FunctionName": it.function.function_name for it in functions})

    def _data_key(self, stage: StageSettings) -> kms.Key:
        """Makes the data key and keeps it if MySQL may stay: without it no stored webhook URL or token can be read."""
        goes = isinstance(stage.database, NewMySql) and not stage.keeps_data
        return kms.Key(
            self,
            "DataKey",
            description=f"Hongyan ({stage.name}): wraps the keys that encrypt channel credentials",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY if goes else RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )

    def _hold_endpoints(self, network: Network | None) -> None:
        """Refers to the endpoints, so that CloudFormation keeps them while functions have no other way out."""
        if network and network.endpoints:
            self._tell(Endpoints=", ".join(network.endpoints.ids))

    def _tell_queues(self, pointers: SendQueue, outcomes: ReportQueue) -> None:
        self._tell(
            SendQueueUrl=pointers.queue.queue_url,
            DeadLetterQueueUrl=pointers.dead_letters.queue_url,
            ReportQueueUrl=outcomes.queue.queue_url,
            DeadReportQueueUrl=outcomes.dead_letters.queue_url,
        )

    def _tell(self, **outputs: str) -> None:
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)


def _grant_queues(
    pointers: sqs.IQueue, reports: sqs.IQueue, *, ingest: StageFunction, claim: StageFunction, send: StageFunction
) -> None:
    pointers.grant(ingest.role, "sqs:SendMessage")
    pointers.grant(claim.role, "sqs:SendMessage", "sqs:GetQueueAttributes")
    pointers.grant_consume_messages(send.role)
    reports.grant(claim.role, "sqs:GetQueueAttributes")
    reports.grant(send.role, "sqs:SendMessage")
    reports.grant_consume_messages(send.role)
