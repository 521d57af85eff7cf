"""The ARNs of an MSK cluster, made by a stage or existing, and of the topic and the consumer group on it."""

from dataclasses import dataclass

from aws_cdk import Fn


@dataclass(frozen=True, slots=True, kw_only=True)
class MskArns:
    """The ARNs with which IAM policies name the cluster, its topic and its consumer group."""

    cluster: str
    topic: str
    group: str

    @classmethod
    def of(cls, cluster: str, *, topic: str, group: str) -> "MskArns":
        before, name = (Fn.select(index, Fn.split(":cluster/", cluster)) for index in (0, 1))
        return cls(cluster=cluster, topic=f"{before}:topic/{name}/{topic}", group=f"{before}:group/{name}/{group}")
