"""What the demo publishes: every kind, and each event as the contract judges it."""

from collections import Counter

import pytest

from delivery.domain.contract import Accepted, NotOurs, Rejected
from local.demo.publishing.event_kinds import OF_OUTBOX, Kind
from local.demo.publishing.scenario import build_scenario
from local.feishu.fault_form import parse_fault
from tests.unit.demo.accounts import NOW
from tests.unit.samples import judge


@pytest.fixture(scope="module")
def scenario():
    return build_scenario(run="run-1", first_user_id=5000, partitions=3, now=NOW)


def test_a_few_hundred_events_of_every_kind_are_published(scenario):
    """No kind is missing or rare."""
    counts = Counter(event.kind for event in scenario.events)
    assert set(counts) == set(Kind)
    assert min(counts.values()) >= 6
    assert 300 <= counts.total() <= 500


def test_the_contract_judges_each_event_as_the_demo_expects(scenario):
    """Rejects with their codes, events for other services as not ours, all others as notifications.

    A rolled-back one would be a notification, too, if it were not for the transaction.
    """
    for event in (it for it in scenario.events if it.kind is not Kind.UNREADABLE):
        verdict = judge(event.value)
        if event.expected.reject:
            assert isinstance(verdict, Rejected)
            assert verdict.code is event.expected.reject
        elif event.expected.status or event.kind is Kind.ROLLED_BACK:
            assert isinstance(verdict, Accepted)
            assert verdict.record.dedupe_key == event.dedupe_key
        else:
            assert isinstance(verdict, NotOurs)


def test_only_duplicates_share_a_dedupe_key(scenario):
    """Every notification of another kind is published once."""
    copies = Counter(event.dedupe_key for event in scenario.events if event.dedupe_key)
    repeated = {event.kind for event in scenario.events if copies[event.dedupe_key] > 1}
    assert repeated == {Kind.DUPLICATE}


def test_another_run_has_other_keys_and_other_users(scenario):
    """So that its notifications are told apart, in a database that keeps both."""
    other = build_scenario(run="run-2", first_user_id=9000, partitions=3, now=NOW)
    keys = [{event.dedupe_key for event in one.events if event.dedupe_key} for one in (scenario, other)]
    users = [{user.user_id for user in one.users} for one in (scenario, other)]
    assert keys[0].isdisjoint(keys[1])
    assert users[0].isdisjoint(users[1])


def test_the_same_run_is_the_same_twice(scenario):
    """An order that showed a mistake can be published again."""
    assert build_scenario(run="run-1", first_user_id=5000, partitions=3, now=NOW) == scenario


def test_each_partition_ends_with_an_event_that_leaves_a_trace(scenario):
    """It proves that the events for other services before it were read."""
    assert [event.partition for event in scenario.waves[1][-3:]] == [0, 1, 2]
    assert {event.kind for event in scenario.waves[1][-3:]} == {Kind.GOOD}


def test_the_outbox_ends_with_a_row_that_leaves_a_trace(scenario):
    """It proves that nothing came of those that were rolled back before it; they come first."""
    of_outbox = [[event.kind for event in wave if event.kind in OF_OUTBOX] for wave in scenario.waves]
    assert Kind.ROLLED_BACK in of_outbox[0]
    assert of_outbox[1] == [Kind.COMMITTED]


def test_slow_ones_come_when_the_senders_are_at_work(scenario):
    """The second wave is theirs."""
    assert Kind.SLOW not in {event.kind for event in scenario.waves[0]}
    assert Kind.SLOW in {event.kind for event in scenario.waves[1]}


def test_the_faults_of_the_users_can_be_set(scenario):
    """The simulator takes each of them, and only users of failing kinds have one."""
    faults = {user.kind: parse_fault(user.fault_document) for user in scenario.users if user.fault}
    assert set(faults) == {Kind.FAILING_ONCE, Kind.FAILING_FOR_EVER, Kind.RATE_LIMITED, Kind.SLOW}


def test_some_good_users_have_a_token_and_refused_ones_a_wrong_one(scenario):
    """A channel with a bearer token is used, and checked."""
    tokens = {kind: [user for user in scenario.users if user.kind is kind and user.required_token] for kind in Kind}
    assert all(user.bearer_token == user.required_token for user in tokens[Kind.GOOD])
    assert all(user.bearer_token != user.required_token for user in tokens[Kind.REFUSED])
    assert tokens[Kind.GOOD]
    assert tokens[Kind.REFUSED]
