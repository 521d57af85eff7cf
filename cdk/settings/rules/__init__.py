"""What settings ask of each other: each rule is given the settings that it names, and complains in lines."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import signature

from cdk.settings.rules.data import (
    boundary_rule,
    database_rule,
    network_rule,
    outside_rule,
    own_places_rule,
    storage_rule,
)
from cdk.settings.rules.kafka import (
    brokers_rule,
    existing_msk_rule,
    kafka_rule,
    memory_rule,
    msk_by_its_arn_rule,
    relay_rule,
)
from cdk.settings.rules.regional import data_keys_rule, lacking_rule, region_rule, zones_of_region_rule
from cdk.settings.sections.api import Api, Issuer
from cdk.settings.sections.database import Database
from cdk.settings.sections.functions import REPORTS_AT_ONCE, Ingest, Queue, Retry, Send
from cdk.settings.sections.kafka import Kafka, NewKafka
from cdk.settings.sections.network import Network
from cdk.settings.sections.regions import lacking_snap_start

OUR_NAME = "hongyan"
#: AWS's advice: a batch must not become visible again before Lambda has given up on it.
VISIBILITY_FACTOR = 6
#: A sender keeps 2 seconds to close, 3 to report and 1.5 to answer. With less besides a call it would open nothing.
_SENDER_SPARE_SECONDS = 7

_Lines = Iterator[str]


def contradictions(valid: Mapping[str, object]) -> _Lines:
    """Checks valid settings against each other. A rule is skipped while one of its settings is invalid."""
    for rule in RULES:
        names = signature(rule).parameters
        if names.keys() <= valid.keys():
            yield from rule(**{name: valid[name] for name in names})


def _local(*, is_local: bool, name_prefix: str, network: Network | None, database: Database, kafka: Kafka) -> _Lines:
    if is_local and name_prefix != OUR_NAME:
        yield "name_prefix: is for AWS; leave it out in the local stage"
    for key, section in {"network": network, "database": database, "kafka": kafka}.items():
        for made in ("new", "iam_resource_id", "pollers"):
            if is_local and getattr(section, made, None):
                yield f"{key}.{made}: is for AWS; leave it out in the local stage"


def _not_local(*, is_local: bool, wheels: str, database: Database) -> _Lines:
    if not is_local and wheels != "lambda":
        yield f"wheels: should be lambda, is {wheels}, which is for the local stage only"
    if not is_local and not database.ca_file:
        yield "database.ca_file: should be the path of a certificate bundle; empty (no TLS) is for the local stage only"


def _by_https(*, is_local: bool, action_base_url: str, webhook_origins: tuple[str, ...], api: Api | None) -> _Lines:
    given = [("action_base_url", action_base_url), *(("webhook_origins", origin) for origin in webhook_origins)]
    given += [("api.tokens.issuer", api.tokens.issuer)] if api and isinstance(api.tokens, Issuer) else []
    for key, url in given:
        if not is_local and not url.startswith("https://"):
            yield f"{key}: should begin with https://, is {url}"


def _timeouts(send: Send, lease_seconds: int, queue: Queue) -> _Lines:
    timeout, least = send.timeout_seconds, math.ceil(send.feishu_timeout_seconds + _SENDER_SPARE_SECONDS)
    hidden, least_hidden = queue.visibility_seconds, VISIBILITY_FACTOR * timeout
    if timeout < least:
        reason = f"send.feishu_timeout_seconds and {_SENDER_SPARE_SECONDS} seconds for its own work"
        yield f"send.timeout_seconds: should be at least {least}, {reason}, is {timeout}"
    if lease_seconds <= timeout:
        yield f"lease_seconds: should be more than send.timeout_seconds ({timeout}), is {lease_seconds}"
    if hidden is not None and hidden < least_hidden:
        says = f"should be at least {VISIBILITY_FACTOR} x send.timeout_seconds ({least_hidden}), is {hidden}"
        yield f"queue.visibility_seconds: {says}"


def _pointers(lease_seconds: int, queue: Queue) -> _Lines:
    if queue.retention_seconds <= lease_seconds:
        says = f"should be more than lease_seconds ({lease_seconds}), is {queue.retention_seconds}"
        yield f"queue.retention_seconds: {says}"


def _retry(retry: Retry) -> _Lines:
    if retry.cap_seconds < retry.base_seconds:
        says = f"should be at least retry.base_seconds ({retry.base_seconds:g}), is {retry.cap_seconds:g}"
        yield f"retry.cap_seconds: {says}"


def _reserved(send: Send, ingest: Ingest, kafka: Kafka) -> _Lines:
    least = send.max_concurrency + REPORTS_AT_ONCE
    if send.reserved_concurrency is not None and send.reserved_concurrency < least:
        reason = f"send.max_concurrency and {REPORTS_AT_ONCE} for reports"
        yield f"send.reserved_concurrency: should be at least {least}, {reason}, is {send.reserved_concurrency}"
    if isinstance(kafka, NewKafka) and ingest.reserved_concurrency is not None:
        partitions = kafka.new.partitions
        if ingest.reserved_concurrency < partitions:
            says = f"should be at least kafka.new.partitions ({partitions}), is {ingest.reserved_concurrency}"
            yield f"ingest.reserved_concurrency: {says}"


RULES: Sequence[Callable[..., _Lines]] = (
    _local,
    _not_local,
    _by_https,
    _timeouts,
    _pointers,
    _retry,
    network_rule,
    own_places_rule,
    database_rule,
    storage_rule,
    boundary_rule,
    _reserved,
    kafka_rule,
    brokers_rule,
    existing_msk_rule,
    relay_rule,
    memory_rule,
    outside_rule,
    lacking_snap_start,
    msk_by_its_arn_rule,
    region_rule,
    data_keys_rule,
    zones_of_region_rule,
    lacking_rule,
)
