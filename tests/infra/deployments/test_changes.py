"""Whatever a stage changes, nothing that its running functions use is taken away, renamed or closed before they move.

Each change is two versions of a stage. The states between them are those that `make deploy` goes through: the data
stack first, with what it keeps for a round, then the delivery stack, then the data stack as it is wanted.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]  # it ships no types

from cdk.deployments.refusals import refusals
from cdk.deployments.rounds import kept_for_a_round
from cdk.deployments.templates import Body, Stacks, exports, groups_used, imports, resources, rules
from cdk.deployments.wanted import wanted_stacks
from cdk.settings.context import merged, own_context
from cdk.settings.stage import stage_settings
from tests.infra.conftest import Stacks as Synthesized
from tests.infra.templates import BROKERS, MSK, MYSQL, NO_VPC, TLS_BROKERS, VPC, Template

Over = Mapping[str, Any]
Change = tuple[Over, Over]

OUTSIDE: Over = {"database": MYSQL, "kafka": BROKERS}
IN_VPC: Over = {"network": VPC, "kafka": BROKERS}
OTHER_GROUPS: Over = {**IN_VPC, "network": {**VPC, "security_group_ids": ["sg-0c0c0c0c"]}}
#: the names say what the second version has and the first has not
CHANGES: Mapping[str, Change] = {
    "endpoints": ({}, {"network": {"endpoints": True}}),
    "another's MySQL": ({}, {"database": MYSQL}),
    "another's Kafka": ({}, {"kafka": BROKERS}),
    "another's MSK": ({}, {"kafka": MSK}),
    "a third zone": ({"kafka": BROKERS}, {"kafka": BROKERS, "network": {"zones": 3}}),
    "a NAT in each zone": ({"network": {"nat": "gateway"}}, {"network": {"nat": "gateway_per_zone"}}),
    "brokers known by certificate": ({"kafka": BROKERS}, {"kafka": TLS_BROKERS}),
    "more brokers": ({}, {"kafka": {"new": {"brokers": {"per_zone": 2}}}}),
    "a longer retention": ({}, {"kafka": {"new": {"retention_hours": 200}}}),
    "storage that grows": ({}, {"kafka": {"new": {"brokers": {"storage_max_gb": 99}}}}),
    "a larger MySQL": ({}, {"database": {"new": {"instance_class": "m7g.large", "multi_az": True}}}),
    "all of it another's": ({}, {"network": VPC, **OUTSIDE}),
    "no VPC": (OUTSIDE, {"network": NO_VPC, **OUTSIDE}),
    "other groups": (IN_VPC, OTHER_GROUPS),
}
BOTH_WAYS = [pytest.param(*pair, id=name) for name, pair in CHANGES.items()]
BOTH_WAYS += [pytest.param(after, before, id=f"without {name}") for name, (before, after) in CHANGES.items()]
#: what an update may make anew: nothing refers to it, and it keeps nothing
_MADE_ANEW = {"AWS::EC2::Route", "AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress"}


def versions(before: Over, after: Over, both: Synthesized) -> tuple[Stacks, Stacks]:
    return of(both("dev", before)), of(both("dev", after))


def of(stacks: Mapping[str, Template]) -> Stacks:
    return Stacks(data=stacks["data"].body if "data" in stacks else {}, delivery=stacks["delivery"].body)


def states(deployed: Stacks, wanted: Stacks, kept: Body | None) -> Iterator[tuple[Stacks, Stacks]]:
    """Each state, with the version whose functions run in it. A data stack that nobody names stays as it is."""
    first = with_kept(wanted.data, kept) if wanted.data else deployed.data
    yield Stacks(data=first, delivery=deployed.delivery), deployed
    yield Stacks(data=first, delivery=wanted.delivery), wanted
    if wanted.data:
        yield wanted, wanted


def with_kept(data: Body, kept: Body | None) -> Body:
    if not kept:
        return data
    after = {**resources(data), **kept["Resources"]}
    for name, lists in kept["Rules"].items():
        after[name] = {**after[name], "Properties": {**after[name]["Properties"], **lists}}
    return {"Resources": after, "Outputs": {**data.get("Outputs", {}), **kept["Outputs"]}}


def missing(state: Stacks, version: Stacks) -> Iterator[str]:
    """What functions of this version have in their own data stack, use, and do not find in this one."""
    yield from imports(state.delivery) - exports(state.data).keys()
    used = groups_used(version)
    yield from (rule for rule in rules(version.data) - rules(state.data) if any(group in rule for group in used))
    for name in imports(state.delivery) & exports(state.data).keys():
        if exports(state.data)[name] != exports(version.data)[name]:
            yield f"{name} is another value"


@pytest.mark.parametrize(("before", "after"), BOTH_WAYS)
def test_functions_find_all_that_they_use_in_every_state(before: Over, after: Over, both: Synthesized) -> None:
    """Exports by name and value, and each rule that lets them reach something."""
    deployed, wanted = versions(before, after, both)
    kept = kept_for_a_round(deployed, wanted)
    assert [*refusals(deployed, wanted)] == []
    for state, version in states(deployed, wanted, kept):
        assert [*missing(state, version)] == []


@pytest.mark.parametrize(("before", "after"), BOTH_WAYS)
def test_what_stays_in_the_data_stack_is_not_made_anew(before: Over, after: Over, both: Synthesized) -> None:
    """By the schemas of CloudFormation's own types: a property that only a creation takes makes another resource."""
    deployed, wanted = versions(before, after, both)
    there, then = resources(deployed.data), resources(wanted.data)
    anew = [name for name in there.keys() & then.keys() if made_anew(there[name], then[name])]
    assert {there[name]["Type"] for name in anew} <= _MADE_ANEW


def made_anew(before: Body, after: Body) -> bool:
    if before["Type"] != after["Type"] or "::" not in before["Type"] or before["Type"].startswith("Custom::"):
        return bool(before["Type"] != after["Type"])
    schema: Any = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", before["Type"]).schema
    paths = [it.removeprefix("/properties/").split("/") for it in schema.get("createOnlyProperties", [])]
    return any(at(before, path) != at(after, path) for path in paths)


def at(body: Body, path: list[str]) -> Any:
    found: Any = body.get("Properties", {})
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("endpoints", {"AWS::EC2::VPCEndpoint", "AWS::EC2::SecurityGroup"}),
        ("another's MySQL", set()),  # a rule within a group that stays
    ],
)
def test_what_would_go_too_early_stays_for_a_round(name: str, kinds: set[str], both: Synthesized) -> None:
    """Without that, functions would lose what they call; this shows as well that the check sees it."""
    without, having = CHANGES[name]
    deployed, wanted = versions(having, without, both)
    kept = kept_for_a_round(deployed, wanted)
    assert kept is not None
    assert kinds <= {it["Type"] for it in kept["Resources"].values()}
    assert kinds or kept["Rules"]
    assert any([*missing(state, version)] for state, version in states(deployed, wanted, None))


def test_what_only_adds_takes_one_round(both: Synthesized) -> None:
    assert kept_for_a_round(*versions(*CHANGES["endpoints"], both)) is None


def test_a_first_deployment_and_one_that_changes_nothing_take_one_round(both: Synthesized) -> None:
    stacks = of(both("dev"))
    assert kept_for_a_round(Stacks(data={}, delivery={}), stacks) is None
    assert kept_for_a_round(stacks, stacks) is None


def test_the_data_stack_exports_what_it_has_whatever_is_used_of_it(both: Synthesized) -> None:
    """An export that goes when nobody happens to use it would hold up the next deployment."""
    new, others = exports(both("dev")["data"].body), exports(both("dev", {"kafka": MSK})["data"].body)
    assert {name for name in new if "Kafka" not in name} == set(others)
    unused = exports(both("dev", {"database": MYSQL, "kafka": MSK})["data"].body)
    assert len([name for name in unused if "Subnet" in name]) == 4


def test_the_first_round_s_template_has_what_is_kept(both: Synthesized, tmp_path: Path) -> None:
    """Synthesized as the command line does it: resources and exports by the ids that CloudFormation knows them by."""
    before, after = {"network": {"endpoints": True}}, {"database": MYSQL}
    deployed, wanted = versions(before, after, both)
    kept = kept_for_a_round(deployed, wanted)
    (file := tmp_path / "kept.json").write_text(json.dumps(kept))
    stages = merged(own_context(), {"stages": {"dev": after}})["stages"]
    made = wanted_stacks(stage_settings(stages, "dev"), stages=stages, kept=str(file))
    expected = with_kept(wanted.data, kept)
    assert without_metadata(made.data) == without_metadata(expected)
    assert exports(made.data) == exports(expected)
    assert [made.data["Transform"], made.data["Mappings"]] == [deployed.data["Transform"], deployed.data["Mappings"]]


def without_metadata(template: Body) -> Mapping[str, Any]:
    return {
        name: {key: value for key, value in body.items() if key != "Metadata"}
        for name, body in resources(template).items()
    }


REFUSED: Mapping[str, tuple[Over, Over, str]] = {
    "kind": ({}, {"kafka": {"new": {"kind": "serverless", "brokers": None}}}, "kafka.new.kind: cannot change"),
    "addresses": (OUTSIDE, {**OUTSIDE, "network": {"cidr": "10.1.0.0/16"}}, "network.cidr: cannot change"),
    "name": ({}, {"database": {"name": "another"}}, "database.name: cannot change"),
    "port": ({}, {"database": {"port": 3307}}, "database.port: cannot change"),
    "zones of brokers": ({}, {"network": {"zones": 3}}, "network: cannot change"),
    "way out": ({}, {"network": {"nat": "gateway"}}, "network.nat: a gateway and an instance cannot take over"),
    "zone": (
        {**OUTSIDE, "network": {"availability_zones": ["us-west-1a", "us-west-1c"]}},
        {**OUTSIDE, "network": {"availability_zones": ["us-west-1a", "us-west-1b"]}},
        "network.availability_zones: cannot change in a stage that runs (AWS::EC2::Subnet, AvailabilityZone); only add",
    ),
    "two at once": (
        {},
        {"kafka": {"new": {"brokers": {"per_zone": 2, "storage_gb": 30}}}},
        "kafka.new.brokers: MSK takes one change at a time; deploy a new storage_gb first, then per_zone",
    ),
    "protected": (
        {"database": {"new": {"deletion_protection": True}}, "removal_policy": "retain"},
        {"database": MYSQL, "removal_policy": "retain"},
        "database.new: is protected, and would stay although the stage no longer names it; deploy with database",
    ),
}


@pytest.mark.parametrize(("before", "after", "line"), [pytest.param(*it, id=name) for name, it in REFUSED.items()])
def test_what_cannot_be_done_is_refused_with_the_steps(before: Over, after: Over, line: str, both: Synthesized) -> None:
    """Before anything is touched, in a line that begins with the setting."""
    deployed, wanted = versions(before, after, both)
    said = [*refusals(deployed, wanted)]
    assert any(it.startswith(line) for it in said), said
