"""Accepts findings of cdk-nag on a construct, so that a synthesis reports all others."""

from collections.abc import Mapping

from aws_cdk import Acknowledgment, Validations
from constructs import Construct


def accept(construct: Construct, findings: Mapping[str, str]) -> None:
    """Acknowledges findings, each by its id with a reason."""
    for finding, reason in findings.items():
        Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))
