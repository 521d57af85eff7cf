"""What these tests share: moto's server, the Lambda runtime, and toy deployments on both."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from local.lambda_.emulator import start_emulator
from local.lambda_.runtime import LambdaRuntime, lambda_runtime
from local.lambda_.worker_pool import WorkerPool
from local.servers.aws import Aws, aws_server
from local.template.assets import assets_of
from local.template.moto_stack import create_moto_stack
from local.template.parse_deployment import parse_deployment
from tests.e2e.emulated_aws import toy_template
from tests.e2e.emulated_aws.journal import Journal
from tests.e2e.emulated_aws.toy_deployment import Toys

_names = count(1)


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with aws_server(tmp_path_factory.mktemp("aws")) as server:
        yield server


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> LambdaRuntime:
    return lambda_runtime(tmp_path_factory.mktemp("runtime"))


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl")


@pytest.fixture
def deploy(aws: Aws, runtime: LambdaRuntime, tmp_path: Path) -> Iterator[Callable[[dict[str, Any]], Toys]]:
    """Deploys toy resources as the stack deploys the real ones; their workers end with the test."""
    pools: list[WorkerPool] = []

    def deploy(resources: dict[str, Any], *, workers: int = 3) -> Toys:
        template = toy_template.write(tmp_path, resources)
        made = create_moto_stack(template, aws=aws, stack_name=f"toys-{next(_names)}", debug=lambda _: None)
        toys = Toys(deployment=parse_deployment(made, assets_of(template)), resources=made, aws=aws)
        for function in toys.deployment.functions:
            start = partial(
                start_emulator, function, runtime=runtime, aws=aws.environment, log=tmp_path / f"{function.name}.log"
            )
            toys.pools[function.name] = WorkerPool(function, start, size=workers)
        pools.extend(toys.pools.values())
        return toys

    yield deploy
    for pool in pools:
        pool.close()
