"""A stand-in for Feishu: it checks requests and answers as Feishu does, and fails when it is told to."""

from local.feishu.calls import Call
from local.feishu.fault_form import FaultError
from local.feishu.faults import Fault, FaultKind
from local.feishu.simulator import FeishuSimulator

__all__ = ["Call", "Fault", "FaultError", "FaultKind", "FeishuSimulator"]
