"""Models of what only some stages have: MSK Serverless, and topics of SNS for alarms."""

import json
import os

from moto.kafka.models import kafka_backends

from local.account.resources.recorded import Recorded, aws
from local.servers.aws import ACCOUNT


class ServerlessBrokers(Recorded):
    """Has the name in its ARN, which moto leaves out although topics' ARNs are made from it."""

    end = ("kafka", "delete_cluster", "ClusterArn")

    def create(self) -> str:
        account, region = os.environ.get("MOTO_ACCOUNT_ID", ACCOUNT), os.environ["AWS_REGION"]
        backend, name = kafka_backends[account][region], self.properties["ClusterName"]
        made, *_ = backend.create_cluster_v2(name, {}, None, {"vpcConfigs": [], "clientAuthentication": {}})
        cluster = backend.clusters.pop(made)
        arn = made.replace(":serverless-cluster/", f":cluster/{name}/") + "-s1"
        vars(cluster).update(arn=arn, state="ACTIVE")
        backend.clusters[arn] = cluster
        return str(arn)


class Subscription(Recorded):
    end = ("sns", "unsubscribe", "SubscriptionArn")

    def create(self) -> str:
        told = {name: self.properties[name] for name in ("TopicArn", "Protocol", "Endpoint")}
        return str(aws("sns").subscribe(**told, ReturnSubscriptionArn=True)["SubscriptionArn"])


class TopicPolicy(Recorded):
    def create(self) -> str:
        policy = json.dumps(self.properties["PolicyDocument"])
        for topic in self.properties["Topics"]:
            aws("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
        return self.name
