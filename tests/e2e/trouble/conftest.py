"""MySQL, moto behind a gate, Feishu's simulator, and the functions of the template on them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from delivery.storage.tables import metadata
from local.feishu import FeishuSimulator
from local.issuer.keys import signing_key
from local.issuer.tokens import Issuer
from local.lambda_.runtime import lambda_runtime
from local.machine.ports import remembered_ports
from local.servers.all_servers import DATABASE, Servers
from local.servers.aws import Aws, aws_server
from local.servers.kafka import KafkaCluster
from local.servers.mysql import MySqlServer, mysql_server
from local.template.local_stage import deploy_local_stage
from local.template.overrides import token_terms
from local.template.synth import TEMPLATE
from tests.e2e.stack.stack_processes import home_for
from tests.e2e.trouble.gate import Gate, gate_to
from tests.e2e.trouble.service import Service
from tests.infra.templates import Template


@dataclass(frozen=True, kw_only=True)
class MySql:
    """A server that may be ended, and started again with its data at the same place."""

    data: Path
    cache: Path
    port: int
    running: ExitStack = field(default_factory=ExitStack)

    def start(self) -> MySqlServer:
        return self.running.enter_context(mysql_server(self.data, cache=self.cache, port=self.port))

    def end(self) -> None:
        self.running.close()


@pytest.fixture(scope="module")
def mysql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MySql]:
    home = home_for("trouble")
    port = remembered_ports(home / "ports.json", ["mysql"])["mysql"]
    server = MySql(data=tmp_path_factory.mktemp("mysql"), cache=home / "cache", port=port)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL", raising=False)  # only a MySQL of our own may be ended
        yield server
    server.end()


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    with aws_server(tmp_path_factory.mktemp("aws")) as moto, gate_to(moto.endpoint_url) as gate:
        yield gate


@pytest.fixture(scope="module")
def deployed(mysql: MySql, gate: Gate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    home, logs = home_for("trouble"), tmp_path_factory.mktemp("logs")
    aws, server = Aws(endpoint_url=gate.url), mysql.start()
    ports = remembered_ports(home / "ports.json", ["feishu"])
    with FeishuSimulator(port=ports["feishu"]) as feishu:
        servers = Servers(
            mysql=server,
            database_url=server.with_database(DATABASE),
            kafka=KafkaCluster(bootstrap_servers="127.0.0.1:9", program="none: the test delivers batches"),
            topic="",
            aws=aws,
            feishu_url=feishu.url,
            issuer=Issuer(url="http://127.0.0.1:9", key=signing_key(home), terms=token_terms()),
            invoke_port=0,
            api_port=0,
        )
        deployment = deploy_local_stage(servers, assembly=home / "cdk.out", say=print, debug=lambda _: None)
        service = Service(
            deployment=deployment,
            template=Template(body=json.loads((home / "cdk.out" / TEMPLATE).read_text())),
            gate=gate,
            aws=aws,
            database_url=servers.database_url,
            feishu=feishu,
            runtime=lambda_runtime(home),
            logs=logs,
        )
        yield service
        service.engine.dispose()


@pytest.fixture
def service(deployed: Service) -> Iterator[Service]:
    """Cold, without records and channels, and with empty logs and queues."""
    deployed.send()
    deployed.make_cold()
    for word in ("ingest", "claim", "send"):
        deployed.log_file(word).unlink(missing_ok=True)
    with deployed.engine.begin() as connection:
        for table in metadata.tables:
            connection.exec_driver_sql(f"DELETE FROM {table}")
    deployed.feishu.receiver.log.clear()
    yield deployed
    deployed.make_cold()
