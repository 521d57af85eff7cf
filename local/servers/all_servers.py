"""Starts the servers that the stack needs, all at once: MySQL, Kafka, AWS (moto), the Feishu simulator, the issuer."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.feishu.process import feishu_server
from local.issuer.keys import signing_key
from local.issuer.server import issuer_server
from local.issuer.tokens import Issuer, TokenTerms
from local.machine.concurrent_start import ConcurrentStart
from local.machine.ports import remembered_ports
from local.servers.aws import Aws, aws_server
from local.servers.kafka import KafkaCluster, kafka_cluster
from local.servers.mysql import MySqlServer, mysql_server

#: the database, unless DATABASE_URL names another
DATABASE = "hongyan"
_PARTITIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    mysql: MySqlServer
    #: including the database
    database_url: str
    kafka: KafkaCluster
    topic: str
    aws: Aws
    feishu_url: str
    #: of users' and operators' tokens
    issuer: Issuer
    #: the ports for the Invoke API and the HTTP API
    invoke_port: int
    api_port: int


@contextmanager
def run_servers(
    home: Path, state: Path, *, topic: str, terms: TokenTerms, say: Callable[[str], None]
) -> Iterator[Servers]:
    """Runs them for the length of the block. `home` holds ports, keys and caches, `state` the data of this run."""
    ports = remembered_ports(home / "ports.json", ["mysql", "kafka", "aws", "feishu", "invoke", "api", "issuer"])
    cache = home / "cache"
    with ExitStack() as exits:
        starting = ConcurrentStart(exits, say=say)
        aws = starting.start("AWS (moto)", aws_server(home / "aws", port=ports["aws"]))
        mysql = starting.start("MySQL", mysql_server(state / "mysql", cache=cache, port=ports["mysql"], say=say))
        kafka = starting.start(
            "Kafka",
            kafka_cluster(state / "kafka", cache=cache, topics={topic: _PARTITIONS}, port=ports["kafka"], say=say),
        )
        feishu = starting.start("Feishu simulator", feishu_server(state / "feishu", port=ports["feishu"]))
        key = signing_key(home)
        issuer_url = exits.enter_context(issuer_server(key, port=ports["issuer"]))
        starting.wait()
        say(f"hongyan: Kafka: {kafka.result().program}")
        yield Servers(
            mysql=mysql.result(),
            database_url=mysql.result().with_database(mysql.result().database or DATABASE),
            kafka=kafka.result(),
            topic=topic,
            aws=aws.result(),
            feishu_url=feishu.result(),
            issuer=Issuer(url=issuer_url, key=key, terms=terms),
            invoke_port=ports["invoke"],
            api_port=ports["api"],
        )
