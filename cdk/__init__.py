"""Turns one stage's settings into its CloudFormation stacks."""

from cdk.build.node import use_packaged_node

use_packaged_node()  # must come before any import of aws_cdk, which starts Node
