"""Runs moto's server as the AWS of the local stack, and says how the SDK and the functions reach it."""

import http.client
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import boto3

from local.machine.ports import free_port
from local.machine.processes import running, wait_until_ready

REGION = "us-east-1"
#: moto's default account
ACCOUNT = "123456789012"


@dataclass(frozen=True, kw_only=True)
class Aws:
    endpoint_url: str
    region: str = REGION
    #: moto checks no credentials, but the SDK needs some
    access_key_id: str = "local"
    secret_access_key: str = "local"  # noqa: S105 - not a secret

    @cached_property
    def session(self) -> boto3.Session:
        return boto3.Session(
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            region_name=self.region,
        )

    @property
    def environment(self) -> Mapping[str, str]:
        """The SDK's standard variables."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }


@contextmanager
def aws_server(
    state: Path,
    *,
    port: int | None = None,
    region: str = REGION,
    program: str = "local.servers.moto_server",
    env: Mapping[str, str] | None = None,
) -> Iterator[Aws]:
    """Runs moto for the length of the block. Its KMS keys are kept in `state`; queues and secrets are lost."""
    state.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    command: list[str | Path] = [sys.executable, "-m", program, str(port), state / "kms-seed"]
    with running(command, name="moto", log=state / "moto.log", env={"AWS_REGION": region, **(env or {})}) as process:
        wait_until_ready(process, partial(_answers, port))
        yield Aws(endpoint_url=f"http://127.0.0.1:{port}", region=region)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/moto-api/config")
        return connection.getresponse().status < http.client.MULTIPLE_CHOICES
    except OSError:
        return False
    finally:
        connection.close()
