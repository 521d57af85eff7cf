"""A stand-in for Feishu's Flow webhook trigger: checks requests and answers as Feishu does, and fails when told to."""

from local.feishu.calls import Call
from local.feishu.fault_form import FaultError
from local.feishu.faults import Fault, FaultKind
from local.feishu.simulator import FeishuSimulator

__all__ = ["Call", "Fault", "FaultError", "FaultKind", "FeishuSimulator"]
