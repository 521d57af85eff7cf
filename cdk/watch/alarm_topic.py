"""Where alarms go: an existing topic, a new one that mails, or nowhere, as the stage says."""

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from cdk.settings.sections.functions import Alarms, AlarmsByMail, AlarmsToTopic


def alarm_topic(scope: Construct, settings: Alarms | None) -> sns.ITopic | None:
    if isinstance(settings, AlarmsToTopic):
        return sns.Topic.from_topic_arn(scope, "Topic", settings.topic_arn)
    return _mailing(scope, settings.email) if isinstance(settings, AlarmsByMail) else None


def _mailing(scope: Construct, email: str) -> sns.Topic:
    """Has its own key, because alarms cannot use SNS's default key and a failed publication is silent."""
    alarms = iam.ServicePrincipal(
        "cloudwatch.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}}
    )
    key = kms.Key(
        scope,
        "Key",
        description="Hongyan: encrypts the topic of the alarms",
        enable_key_rotation=True,
        removal_policy=RemovalPolicy.DESTROY,  # a topic keeps nothing
    )
    key.grant(alarms, "kms:Decrypt", "kms:GenerateDataKey*")
    topic = sns.Topic(scope, "Topic", display_name="Hongyan alarms", master_key=key, enforce_ssl=True)
    topic.grant_publish(alarms)  # a topic with a policy of its own no longer lets the whole account in
    topic.add_subscription(subscriptions.EmailSubscription(email))
    return topic
