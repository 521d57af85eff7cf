"""What a stage's settings name that somebody else made: networks, secrets, clusters, keys, by their ids or ARNs."""

import re
from collections.abc import Iterator

from pydantic import BaseModel

from cdk.settings.sections.database import rds_region
from cdk.settings.stage import StageSettings

#: A setting's key in cdk.json, and its value.
Named = tuple[str, str]

_IDS = {"vpc": r"vpc-[0-9a-f]+", "subnet": r"subnet-[0-9a-f]+", "group": r"sg-[0-9a-f]+"}
_ARNS = {
    "secret": "secretsmanager:.+",
    "key": "kms:.+",
    "cluster": "kafka:[^:]+:[0-9]+:cluster/.+",
    "snapshot": "rds:[^:]+:[0-9]+:snapshot:.+",
    "topic": "sns:.+",
}
_PATTERNS = {
    **{kind: re.compile(pattern) for kind, pattern in _IDS.items()},
    **{kind: re.compile(f"arn:aws[a-z-]*:{rest}") for kind, rest in _ARNS.items()},
}


def named(stage: StageSettings, kind: str) -> list[Named]:
    """The named things of one kind: vpc, subnet, group, secret, key, cluster, snapshot or topic (of SNS)."""
    return [(key, value) for key, value in _texts(stage, "") if _PATTERNS[kind].fullmatch(value)]


def region_of(stage: StageSettings) -> str | None:
    """The stage's region: its own setting, or that of the first thing that it names."""
    if stage.region:
        return stage.region
    arns = [value.split(":")[3] for _, value in _texts(stage, "") if value.startswith("arn:")]
    hosts = [rds_region(value) for key, value in _texts(stage, "") if key == "database.endpoint"]
    return next(filter(None, [*arns, *hosts]), None)


def _texts(value: object, key: str) -> Iterator[Named]:
    if isinstance(value, BaseModel):
        for name, inner in value:
            yield from _texts(inner, f"{key}.{name}".removeprefix("."))
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _texts(inner, key)
    elif isinstance(value, str):
        yield key, value
