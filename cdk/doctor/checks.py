"""All checks in the order in which somebody would look. One that may not look says so, and the next goes on."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from cdk.doctor import capacity, deployed, identity, network, secrets, servers, stacks
from cdk.doctor.account import Account, CannotLook
from cdk.doctor.deployed import Delivery
from cdk.doctor.finding import Finding, fail, warn
from cdk.doctor.trial import Trial, sent_event
from cdk.settings.stage import StageSettings

#: Checks that must pass before a deployment and afterwards.
ACCOUNT: Mapping[str, Callable[[Account, StageSettings], Iterator[Finding]]] = {
    "bootstrap": identity.bootstrap,
    "stacks": stacks.stacks,
    "names": stacks.names,
    "quotas": capacity.quotas,
    "zones and classes": capacity.offers,
    "network": network.network,
    "secrets": secrets.secrets,
    "keys": secrets.keys,
    "snapshot": secrets.snapshots,
    "database": servers.database,
    "kafka": servers.kafka,
    "alarm topic": servers.alarm_topic,
}
#: Checks of a deployed delivery stack.
DEPLOYED: Mapping[str, Callable[[Account, Delivery], Iterator[Finding]]] = {
    "functions": deployed.functions,
    "schema": deployed.schema,
    "topic": deployed.topic,
    "kafka source": deployed.kafka_source,
    "queue sources": deployed.queue_sources,
    "alarms": deployed.alarms,
    "dead letters": deployed.dead_letters,
}


def examination(account: Account, stage: StageSettings, trial: Trial | None = None) -> Iterator[Finding]:
    try:
        yield from identity.credentials(account, stage)
    except CannotLook as error:
        remedy = "log in to AWS (aws sso login, AWS_PROFILE and the like), and try again"
        yield fail("credentials", f"AWS does not say who you are: {error}", remedy)
        return
    for name, check in ACCOUNT.items():
        yield from _looked(name, partial(check, account, stage))
    yield from _looked("deployment", partial(_of_deployment, account, stage, trial))


def _of_deployment(account: Account, stage: StageSettings, trial: Trial | None) -> Iterator[Finding]:
    there = deployed.delivery(account, stage)
    if there is None:
        if trial:
            yield fail("test event", "nothing is deployed that could send it", f"make deploy STAGE={stage.name}")
        return
    for name, check in DEPLOYED.items():
        yield from _looked(name, partial(check, account, there))
    if trial:
        yield from _looked("test event", partial(sent_event, account, there, trial))


def _looked(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except CannotLook as error:
        yield warn(name, f"could not look: {error}", "allow that call, or look yourself")
