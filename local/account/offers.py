"""What AWS offers an account and moto does not say: quotas, classes of instances; and how MSK says that it has none."""

from typing import Any

from moto.core.responses import ActionResult
from moto.kafka.exceptions import NotFoundException
from moto.kafka.models import KafkaBackend
from moto.rds.responses import RDSResponse
from moto.servicequotas.models import ServiceQuotasBackend

#: AWS's defaults by service and code. cdk/doctor/capacity.py has their sources.
QUOTAS: dict[tuple[str, str], int] = {
    ("vpc", "L-F678F1CE"): 5,
    ("ec2", "L-0263D0A3"): 5,
    ("rds", "L-7B6409FD"): 40,
    ("lambda", "L-B99A9384"): 1_000,
    ("kafka", "L-EDD31C36"): 90,
}
#: Family of MySQL's classes → zones that have it. No zone has other families.
CLASSES: dict[str, str] = {"t4g": "abc", "m7g": "abc", "r7g": "abc"}
_VERSION = "8.4.10"


def install() -> None:
    known = KafkaBackend.describe_cluster_v2

    def described(backend: KafkaBackend, cluster_arn: str) -> dict[str, Any]:
        if cluster_arn not in backend.clusters:
            raise NotFoundException(f"The requested resource {cluster_arn} doesn't exist.")
        return known(backend, cluster_arn)

    for kind, name, made in (
        (KafkaBackend, "describe_cluster_v2", described),
        (ServiceQuotasBackend, "get_service_quota", _quota),
        (RDSResponse, "describe_orderable_db_instance_options", _orderable),
    ):
        setattr(kind, name, made)


def _quota(_: ServiceQuotasBackend, service_code: str, quota_code: str) -> dict[str, Any]:
    value = float(QUOTAS[service_code, quota_code])
    return {"ServiceCode": service_code, "QuotaCode": quota_code, "Value": value, "Adjustable": True}


def _orderable(response: RDSResponse) -> ActionResult:
    asked = str(response.params["DBInstanceClass"])
    zones = [{"Name": f"{response.region}{it}"} for it in CLASSES.get(asked.split(".")[1], "")]
    option = {"Engine": "mysql", "EngineVersion": _VERSION, "DBInstanceClass": asked, "AvailabilityZones": zones}
    return ActionResult({"OrderableDBInstanceOptions": [option] if zones else []})
