"""An event source of Kafka in moto's Lambda, which has the class but refuses the service."""

import os
from typing import Any

from moto.awslambda.models import EventSourceMapping, lambda_backends

from local.servers.aws import ACCOUNT


class KafkaMapping(EventSourceMapping):
    """Can be listed and disabled as on AWS. Nothing polls it, so its last result never changes."""

    last_result = "No records processed"

    def _get_service_source_from_arn(self, event_source_arn: str | None = None) -> str:
        return "kinesis"  # Kafka has the same batch limits

    def get_configuration(self) -> dict[str, Any]:
        told: dict[str, Any] = super().get_configuration()
        return {name: it for name, it in {**told, "LastProcessingResult": self.last_result}.items() if it != ""}


def add_kafka_mapping(spec: dict[str, Any]) -> str:
    """Adds the mapping and returns its UUID."""
    account, region = os.environ.get("MOTO_ACCOUNT_ID", ACCOUNT), os.environ["AWS_REGION"]
    backend = lambda_backends[account][region]
    function = backend.get_function(spec["FunctionName"]).function_arn
    place = {"AccountId": account, "RegionName": region, "FunctionArn": function}
    make: Any = KafkaMapping  # CloudFormation's abstract methods, which nothing calls
    mapping = make({"EventSourceArn": "", **spec, **place})
    vars(backend)["_event_source_mappings"][mapping.uuid] = mapping
    return str(mapping.uuid)
