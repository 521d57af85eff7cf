"""The infrastructure: one stage's settings in, its CloudFormation stacks out."""

from cdk.build.node import use_packaged_node

use_packaged_node()  # before any module of ours imports aws_cdk, which starts Node at import
