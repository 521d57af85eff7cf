"""References in a template: all are found, and each is replaced by the value that a deployment would put there."""

import pytest

from local.template.intrinsics import expressions, key, references, replaced


@pytest.mark.parametrize(
    ("node", "names"),
    [
        ({"Ref": "Queue"}, {"Queue"}),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, {"Queue"}),
        ({"Fn::GetAtt": "Queue.Arn"}, {"Queue"}),
        ({"Fn::Sub": "${Queue.Arn}/${AWS::Region}/${!Literal}/${Other}"}, {"Queue", "Other"}),
        ({"Fn::Sub": ["${Name}-${Queue}", {"Name": {"Ref": "Other"}}]}, {"Name", "Queue", "Other"}),
        ({"Fn::Join": ["", ["a", {"Ref": "AWS::Region"}, {"Fn::GetAtt": ["Queue", "Arn"]}]]}, {"Queue"}),
        ({"Fn::If": ["Wanted", {"Ref": "One"}, [{"Ref": "Two"}]]}, {"One", "Two"}),
        ({"Environment": {"Variables": {"A": {"Ref": "Queue"}, "B": 1}}}, {"Queue"}),
        ({"Ref": "AWS::NoValue"}, set()),
        ("Ref", set()),
    ],
)
def test_all_references_are_found(node: object, names: set[str]) -> None:
    """In every function that can hold one, however deep; pseudo parameters are no resources."""
    assert set(references(node)) == names


def test_an_expression_is_replaced_whole() -> None:
    """What it contains goes with it, and everything else stays as it is."""
    join = {"Fn::Join": ["", ["https://", {"Ref": "Host"}]]}
    node = {"Url": join, "List": [{"Ref": "Queue"}, 1], "Plain": {"Key": "value"}}
    assert list(expressions(node)) == [join, {"Ref": "Queue"}]
    values = {key(join): "https://here", key({"Ref": "Queue"}): "q"}
    assert replaced(node, values) == {"Url": "https://here", "List": ["q", 1], "Plain": {"Key": "value"}}


def test_an_expression_without_a_value_stays() -> None:
    """Such as a layer's, which is for the local stack to follow."""
    assert replaced([{"Ref": "Layer"}], {}) == [{"Ref": "Layer"}]
