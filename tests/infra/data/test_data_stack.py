"""The delivery stack finds what the data stack made, and in prod none of that can be lost by mistake."""

import pytest

from tests.infra.conftest import Stacks
from tests.infra.templates import DEPLOYED, environment, stands_in, tagged, told


def test_functions_stand_in_the_new_vpc_s_private_subnets_and_find_the_new_mysql(both: Stacks) -> None:
    """They take subnets and host from the data stack's outputs; a function elsewhere would never reach MySQL."""
    data, delivery = both("dev")["data"], both("dev")["delivery"]
    for word in DEPLOYED:
        subnets = stands_in(word, both("dev"), "SubnetIds")
        assert [tagged(it, "aws-cdk:subnet-type") for it in subnets] == ["Private", "Private"]
        function = delivery.function(word)
        assert data.kind_of(told(data, environment(function)["DATABASE_HOST"])) == "AWS::RDS::DBInstance"


def test_prod_s_data_outlives_a_slip_of_the_hand(both: Stacks) -> None:
    """Deleting is refused; if it happens anyway, a snapshot and its key remain."""
    data = both("prod")["data"]
    resources = data.body["Resources"].values()
    policies = {it["Type"]: it.get("DeletionPolicy") for it in resources if it["Type"] == "AWS::RDS::DBInstance"}
    assert policies == {"AWS::RDS::DBInstance": "Snapshot"}
    instance = data.one("AWS::RDS::DBInstance")
    assert (instance["DeletionProtection"], instance["MultiAZ"]) == (True, True)
    (key,) = [it for it in resources if it.get("Properties") == data.named(instance["KmsKeyId"])]
    assert key["DeletionPolicy"] == "RetainExceptOnCreate"


def test_dev_s_database_goes_with_its_stack(both: Stacks) -> None:
    """A development stage comes and goes: no snapshot and no key remains to be paid for."""
    resources = both("dev")["data"].body["Resources"].values()
    (instance,) = [it for it in resources if it["Type"] == "AWS::RDS::DBInstance"]
    assert instance["Properties"]["DeletionProtection"] is False
    assert {it.get("DeletionPolicy", "Delete") for it in resources} == {"Delete"}


def test_whether_a_stage_s_data_is_kept_is_its_own_setting(both: Stacks) -> None:
    """A development stage may have rows that somebody would miss."""
    kept = both("dev", {"removal_policy": "retain"})["data"].body["Resources"].values()
    assert [it["DeletionPolicy"] for it in kept if it["Type"] == "AWS::RDS::DBInstance"] == ["Snapshot"]


def test_at_first_nothing_keeps_a_failed_creation_from_being_taken_back(both: Stacks) -> None:
    """As `make deploy` has it made: no protection of the stack or of MySQL, and no snapshot of an empty one."""
    first, later = both("prod", first=True)["data"], both("prod")["data"]
    assert (first.protected, later.protected) == (False, True)
    for stack, policy, protected in ((first, "Delete", False), (later, "Snapshot", True)):
        (instance,) = [it for it in stack.body["Resources"].values() if it["Type"] == "AWS::RDS::DBInstance"]
        assert (instance["DeletionPolicy"], instance["UpdateReplacePolicy"]) == (policy, policy)
        assert instance["Properties"]["DeletionProtection"] is protected
        assert instance["Properties"]["DeleteAutomatedBackups"] is not protected
    assert both("prod", first=True)["delivery"].body == both("prod")["delivery"].body


@pytest.mark.parametrize("stage", ["prod", "dev"])
def test_prod_s_data_stack_cannot_be_deleted_by_one_command(stage: str, both: Stacks) -> None:
    """CloudFormation itself refuses."""
    assert both(stage)["data"].protected is (stage == "prod")
