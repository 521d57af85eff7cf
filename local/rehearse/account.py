"""The account of a rehearsal: moto with what the stage needs beforehand, and a MySQL that stands in for RDS."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cdk.settings.sections.named import region_of
from cdk.settings.stage import StageSettings
from delivery.storage.mysql.database import address_of
from local.account.beforehand import BEFOREHAND, Beforehand
from local.account.resources.data import LOGIN
from local.servers.aws import ACCOUNT, REGION, Aws, aws_server
from local.servers.mysql import MySqlServer, mysql_server

_SERVER = "local.account.server"


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalAccount:
    aws: Aws
    account: str
    mysql: MySqlServer
    beforehand: Beforehand

    @property
    def environment(self) -> Mapping[str, str]:
        """For AWS's own tools. The CDK puts a bucket before a host's name only, so the endpoint has one.

        It also remembers in the home directory which account a key belongs to: so each account has a key of its own.
        """
        endpoint = self.aws.endpoint_url.replace("127.0.0.1", "localhost")
        return {**self.aws.environment, "AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": f"local{self.account}"}


@contextmanager
def rehearsal_account(
    stage: StageSettings, *, state: Path, cache: Path, say: Callable[[str], None]
) -> Iterator[RehearsalAccount]:
    """Runs an account that is empty each time."""
    shutil.rmtree(state, ignore_errors=True)
    account, region = stage.account or ACCOUNT, region_of(stage) or REGION
    beforehand = Beforehand.of(stage, account=account, region=region)
    with mysql_server(state / "mysql", cache=cache, say=say) as mysql:
        env = {LOGIN: login(mysql), BEFOREHAND: beforehand.told(), "MOTO_ACCOUNT_ID": account}
        with aws_server(state / "aws", region=region, program=_SERVER, env=env) as aws:
            yield RehearsalAccount(aws=aws, account=account, mysql=mysql, beforehand=beforehand)


def login(mysql: MySqlServer) -> str:
    """The login in the secret of MySQL's master."""
    address = address_of(mysql.url)
    told = {"username": address.user, "password": address.password, "host": address.host, "port": address.port}
    return json.dumps(told)
