"""How what moto's CloudFormation made goes again, where moto forgets it: a resource in, nothing left of it."""

from collections.abc import Mapping
from typing import Any

from moto.cloudformation.models import Stack

from tests.infra.account.recorded import Recorded, aws

#: kinds of which moto's CloudFormation leaves the resource: service, call and the parameter that names it
_FORGOTTEN: Mapping[str, tuple[str, str, str]] = {
    "AWS::EC2::RouteTable": ("ec2", "delete_route_table", "RouteTableId"),
    "AWS::EC2::VPCEndpoint": ("ec2", "delete_vpc_endpoints", "VpcEndpointIds"),
    "AWS::EC2::FlowLog": ("ec2", "delete_flow_logs", "FlowLogIds"),
}


def removed(kind: str, made: Any, stack: Stack) -> None:
    if isinstance(made, Recorded):
        made.delete(stack.account_id, stack.region_name)
    elif kind in _FORGOTTEN:
        service, call, parameter = _FORGOTTEN[kind]
        name = made.physical_resource_id
        getattr(aws(service), call)(**{parameter: [name] if parameter.endswith("Ids") else name})
    else:
        stack.resource_map._delete_resource(made, {"Type": kind, "Properties": {}})
