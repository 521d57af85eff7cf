"""Runs the whole local stack: the servers, the deployed template, its functions and their event sources."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Timer

from local.endpoints_file import FILE_NAME, endpoints_file
from local.home import HOME
from local.http_api.gateway import Gateway
from local.lambda_.emulator import start_emulator
from local.lambda_.event_sources.all_sources import run_event_sources
from local.lambda_.invoke_api import serve_invoke_api
from local.lambda_.runtime import LambdaRuntime, lambda_runtime
from local.lambda_.worker_pool import WorkerPool
from local.machine.file_lock import hold_lock
from local.machine.interrupts import uninterrupted_end
from local.machine.wsgi import serve_requests
from local.running_stack import Stack
from local.servers.all_servers import Servers, run_servers
from local.servers.aws import Aws
from local.template.deployment import Deployment, Function
from local.template.local_stage import deploy_local_stage
from local.template.overrides import local_stage, token_terms

_BUSY = "a local stack of this checkout is running; end it with: make down"
_MAX_WORKERS = 5
_MAX_WORKERS_OF_A_SCHEDULE = 2
_DRAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    home: Path = HOME
    #: the directory of its data in `home`
    name: str = "up"
    #: removes the data of earlier runs first
    fresh: bool = False
    #: how long a minute of the scheduler is
    minute_seconds: float = 5.0
    #: prints a line for the user
    say: Callable[[str], None] = print
    #: prints a line that only `--debug` shows
    debug: Callable[[str], None] = lambda _: None


@contextmanager
def local_stack(options: StackOptions) -> Iterator[Stack]:
    """Runs everything for the length of the block. Only one stack can run in a checkout."""
    home, state = options.home, options.home / options.name
    with ExitStack() as exits, uninterrupted_end():
        exits.enter_context(hold_lock(home / "lock", busy=_BUSY))
        (home / FILE_NAME).unlink(missing_ok=True)  # left behind by a stack that was killed
        if options.fresh:
            shutil.rmtree(state, ignore_errors=True)
        stack = _start(exits, options, home=home, state=state)
        exits.enter_context(endpoints_file(home, stack.endpoints()))
        yield stack


def _start(exits: ExitStack, options: StackOptions, *, home: Path, state: Path) -> Stack:
    """Starts everything from the servers to the event sources; `exits` ends it in the opposite order."""
    kafka = local_stage().kafka
    terms = token_terms()
    servers = exits.enter_context(run_servers(home, state, topic=kafka.topic, terms=terms, say=options.say))
    deployment = deploy_local_stage(servers, assembly=home / "cdk.out", say=options.say, debug=options.debug)
    pools = exits.enter_context(_pools(deployment, runtime=lambda_runtime(home), aws=servers.aws, log=state / "log"))
    invokes = {name: pool.invoke for pool in pools.values() for name in (pool.function.word, pool.function.name)}
    url = exits.enter_context(serve_invoke_api(invokes, port=servers.invoke_port))
    api_url = exits.enter_context(_api(deployment, pools, servers))
    exits.enter_context(_sources(deployment, pools, aws=servers.aws, options=options))
    functions = {pool.function.word: pool for pool in pools.values()}
    return Stack(servers=servers, consumer_group=kafka.group, functions=functions, invoke_url=url, api_url=api_url)


@contextmanager
def _api(deployment: Deployment, pools: Mapping[str, WorkerPool], servers: Servers) -> Iterator[str]:
    (api,) = deployment.http_apis
    gateway = Gateway(api, {name: pool.invoke for name, pool in pools.items()}, aws=servers.aws)
    with serve_requests(gateway.answer, port=servers.api_port, name="http-api") as url:
        yield url


@contextmanager
def _pools(
    deployment: Deployment, *, runtime: LambdaRuntime, aws: Aws, log: Path
) -> Iterator[Mapping[str, WorkerPool]]:
    """The pools by function name. A worker starts only when an event needs it."""
    pools = {
        function.name: WorkerPool(
            function,
            partial(start_emulator, function, runtime=runtime, aws=aws.environment, log=log / f"{function.word}.log"),
            size=_workers(function, deployment),
        )
        for function in deployment.functions
    }
    try:
        yield pools
    finally:
        _close(pools)


def _close(pools: Mapping[str, WorkerPool]) -> None:
    for pool in pools.values():
        pool.close()


def _workers(function: Function, deployment: Deployment) -> int:
    """The number of workers: as many as its queue mappings allow together, within one machine's limits."""
    limits = [it.max_concurrency or _MAX_WORKERS for it in deployment.queue_mappings if it.function == function.name]
    scheduled = [_MAX_WORKERS_OF_A_SCHEDULE for schedule in deployment.schedules if schedule.function == function.name]
    return sum(min(limit, _MAX_WORKERS) for limit in limits) or min([_MAX_WORKERS, *scheduled])


@contextmanager
def _sources(
    deployment: Deployment, pools: Mapping[str, WorkerPool], *, aws: Aws, options: StackOptions
) -> Iterator[None]:
    """Runs the event sources. At the end, functions get a few seconds to finish their current events."""
    drain_timer = Timer(_DRAIN_SECONDS, _close, [pools])
    drain_timer.daemon = True
    report = _reporter(options.say)
    with run_event_sources(deployment, pools, aws=aws, minute_seconds=options.minute_seconds, report=report):
        try:
            yield
        finally:
            drain_timer.start()
    drain_timer.cancel()


def _reporter(say: Callable[[str], None]) -> Callable[[str], None]:
    return lambda line: say(f"hongyan: {line}")
