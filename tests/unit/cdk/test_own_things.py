"""What a team already has, as settings: keys, names, tags, a boundary, places, a snapshot; and what clashes."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.cdk.stages import KEY, LEAST, NEW, PLACES, VPC, lines, over, settings

SNAPSHOT = "arn:aws:rds:eu-west-1:111111111111:snapshot:rds:hongyan-prod-2026-11-25-03-07"
BOUNDARY = "arn:aws:iam::111111111111:policy/boundary"


@pytest.mark.parametrize(
    ("stage", "changes", "line"),
    [
        (
            NEW,
            {"database": {"new": {"storage_gb": 25, "storage_max_gb": 27}}},
            "database.new.storage_max_gb: should be ",
        ),
        (
            NEW,
            {"database": {"new": {"snapshot_arn": SNAPSHOT, "storage_key_arn": KEY}}},
            "database.new.storage_key_arn: does not go with database.new.snapshot_arn, whose own key is used",
        ),
        (
            NEW,
            {"permissions_boundary_arn": BOUNDARY},
            "database.new.rotation_days: should be 0 with permissions_boundary_arn: AWS's rotation function makes a",
        ),
        (LEAST, {"send": {"reserved_concurrency": 6}}, "send.reserved_concurrency: should be at least 7, send.max_co"),
        (
            NEW,
            {"ingest": {"reserved_concurrency": 5}},
            "ingest.reserved_concurrency: should be at least kafka.new.part",
        ),
        (
            {**NEW, "network": {**VPC, "data_subnet_ids": ["subnet-0e0e0e0e"]}},
            {},
            "network.data_subnet_ids: should be at least 2 subnets, each in a zone of its own",
        ),
    ],
)
def test_what_aws_would_refuse_is_one_line_that_names_the_key(stage: Any, changes: Any, line: str) -> None:
    """Before anything is made."""
    [found] = lines(over(stage, changes))
    assert found.startswith(line)


def test_an_arn_deep_in_a_section_is_in_the_stage_s_region_too() -> None:
    """A key elsewhere encrypts nothing here."""
    keys = {
        "database": {"secret_key_arn": KEY, "new": {"storage_key_arn": KEY}},
        "kafka": {"new": {"brokers": {"storage_key_arn": KEY}}},
        "log_key_arn": KEY,
    }
    stage = over({**NEW, "region": "eu-central-1"}, keys)
    assert [line.partition(":")[0] for line in lines(stage)] == [
        "database.secret_key_arn",
        "database.new.storage_key_arn",
        "kafka.new.brokers.storage_key_arn",
        "log_key_arn",
    ]
    assert settings({**stage, "region": "eu-west-1"}).log_key_arn == KEY


def test_a_team_s_own_things_go_together() -> None:
    """At the ends of what the rules allow."""
    own: Mapping[str, Any] = {
        "network": PLACES,
        "database": {"new": {"storage_gb": 25, "storage_max_gb": 28, "rotation_days": 0, "snapshot_arn": SNAPSHOT}},
        "permissions_boundary_arn": BOUNDARY,
        "send": {"reserved_concurrency": 7},
        "ingest": {"reserved_concurrency": 6},
    }
    assert settings({**NEW, **own}).permissions_boundary_arn == BOUNDARY


@pytest.mark.parametrize("day", ["2026-02-30", "2026-13-01"])
def test_a_day_that_no_calendar_has_is_refused(day: str) -> None:
    """It would fail the deployment after a restore, when time is short."""
    [line] = lines(over(NEW, {"database": {"hold_open_before": f"{day}T03:07:00Z"}}))
    assert line.startswith("database.hold_open_before: should be a moment in UTC such as 2026-11-25T03:07:00Z, is ")


@pytest.mark.parametrize(
    "tags",
    [{"service": "x"}, {"AWS:x": "y"}, {"": "y"}, {"k": "v" * 257}, {"k" * 129: "v"}, {"k": "价"}, {"k": 1}],
)
def test_a_tag_that_not_every_service_takes_is_refused(tags: Mapping[str, Any]) -> None:
    """Whichever resource comes first would fail."""
    [line] = lines({**LEAST, "tags": tags})
    assert line.startswith("tags: should be an object of up to 48 tags, ")


def test_there_is_room_for_48_tags_beside_ours() -> None:
    """AWS takes 50."""
    many = {f"tag-{number}": "" for number in range(49)}
    assert len(lines({**LEAST, "tags": many})) == 1
    assert len(settings({**LEAST, "tags": dict([*many.items()][:48])}).tags) == 48


@pytest.mark.parametrize("prefix", ["Team", "a--b", "a-", "-a", "1a", "a" * 21, ""])
def test_a_prefix_that_rds_would_refuse_is_refused(prefix: str) -> None:
    """A name of RDS's begins with a letter and has no two dashes in a row."""
    [line] = lines({**LEAST, "name_prefix": prefix})
    assert line.startswith(
        "name_prefix: should be a name of up to 20 lower-case letters, digits and single dashes, is "
    )
