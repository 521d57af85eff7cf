"""The servers below the functions: MySQL, Kafka, AWS and Feishu started at once, their addresses out."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cdk.settings.context import own_context
from cdk.settings.stage import LOCAL, stage_settings
from local.feishu.process import feishu_server
from local.machine.ports import remembered_ports
from local.machine.together import Together
from local.servers.aws import Aws, aws_server
from local.servers.kafka import KafkaCluster, kafka_cluster
from local.servers.mysql import MySqlServer, mysql_server

#: where the private MySQL keeps its tables, unless DATABASE_URL names a database
DATABASE = "hongyan"
_PARTITIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    mysql: MySqlServer
    #: with the database in it
    database_url: str
    kafka: KafkaCluster
    topic: str
    aws: Aws
    feishu_url: str
    #: the port that is left for the invoke API
    invoke_port: int


@contextmanager
def servers(home: Path, state: Path, *, say: Callable[[str], None]) -> Iterator[Servers]:
    """All of them for the length of the block. `home` keeps ports, keys and caches, `state` the data of this run."""
    ports = remembered_ports(home / "ports.json", ["mysql", "kafka", "aws", "feishu", "invoke"])
    cache = home / "cache"
    topic = stage_settings(own_context()["stages"], LOCAL).kafka.topic
    with ExitStack() as exits:
        together = Together(exits, say=say)
        aws = together.start("AWS (moto)", aws_server(home / "aws", port=ports["aws"]))
        mysql = together.start("MySQL", mysql_server(state / "mysql", cache=cache, port=ports["mysql"], say=say))
        kafka = together.start(
            "Kafka",
            kafka_cluster(state / "kafka", cache=cache, topics={topic: _PARTITIONS}, port=ports["kafka"], say=say),
        )
        feishu = together.start("Feishu simulator", feishu_server(state / "feishu", port=ports["feishu"]))
        together.wait()
        yield Servers(
            mysql=mysql.result(),
            database_url=mysql.result().with_database(mysql.result().database or DATABASE),
            kafka=kafka.result(),
            topic=topic,
            aws=aws.result(),
            feishu_url=feishu.result(),
            invoke_port=ports["invoke"],
        )
