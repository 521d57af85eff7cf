"""How every function is made: from its own folder and both layers, observed, sized and placed by the stage."""

from collections.abc import Mapping

import pytest

from tests.infra.conftest import Synthesis
from tests.infra.templates import BROKERS, FUNCTIONS, VPC, Template


def test_functions_run_the_stage_s_python_on_the_stage_s_processor(synth: Synthesis) -> None:
    """The layers were built for these two; another pair could not import them."""
    template = synth("dev", {"python": "3.12", "architecture": "x86_64"})
    for function in map(template.function, FUNCTIONS):
        assert (function["Runtime"], function["Architectures"]) == ("python3.12", ["x86_64"])
    for layer in template.all("AWS::Lambda::LayerVersion"):
        assert (layer["CompatibleRuntimes"], layer["CompatibleArchitectures"]) == (["python3.12"], ["x86_64"])


@pytest.mark.parametrize("word", FUNCTIONS)
def test_by_default_a_function_runs_python_3_13_on_arm64(word: str, stages: Mapping[str, Template]) -> None:
    """The runtime that the layers are built for, on Lambda's cheaper processor."""
    for name in ("dev", "prod"):
        function = stages[name].function(word)
        assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
        assert function["Handler"] == "handler.handler"


def test_functions_share_two_layers_and_those_that_speak_to_kafka_a_third(dev: Template, synth: Synthesis) -> None:
    """Our code once and the third-party packages once; the Kafka client is for the relay and for what makes topics."""
    shared, *others = [dev.function(word)["Layers"] for word in FUNCTIONS if word != "relay"]
    assert others == [shared] * len(others)
    assert len(shared) == 2
    *those, client = dev.function("relay")["Layers"]
    assert those == shared
    assert dev.named(client)["Description"] == "The Kafka client"
    assert dev.function("topic")["Layers"] == dev.function("relay")["Layers"]
    assert len(dev.all("AWS::Lambda::LayerVersion")) == 3
    without = synth("dev", {"relay": None, "kafka": BROKERS})
    assert len(without.all("AWS::Lambda::LayerVersion")) == 2


def test_time_outs_and_memory_are_the_stage_s(synth: Synthesis) -> None:
    """Each function's own section."""
    sizes = {"ingest": (31, 310), "claim": (32, 320), "send": (33, 330), "prune": (34, 340), "relay": (35, 350)}
    over = {word: {"timeout_seconds": timeout, "memory_mb": memory} for word, (timeout, memory) in sizes.items()}
    template = synth("dev", over)
    made = {word: (template.function(word)["Timeout"], template.function(word)["MemorySize"]) for word in sizes}
    assert made == sizes


@pytest.mark.parametrize("word", FUNCTIONS)
def test_a_function_is_traced_and_its_log_is_kept_as_long_as_the_stage_says(
    word: str, stages: Mapping[str, Template]
) -> None:
    """A log group of Lambda's own making would be kept for ever."""
    for name, days in (("dev", 7), ("prod", 90), ("local", 1)):
        function = stages[name].function(word)
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert stages[name].named(function["LoggingConfig"]["LogGroup"])["RetentionInDays"] == days


@pytest.mark.parametrize("word", FUNCTIONS)
def test_functions_run_in_the_stage_s_network_or_in_none(word: str, beside: Template, placed: Template) -> None:
    """Existing subnets and security groups, by id."""
    assert "VpcConfig" not in beside.function(word)
    place = placed.function(word)["VpcConfig"]
    assert (place["SubnetIds"], place["SecurityGroupIds"]) == (VPC["subnet_ids"], VPC["security_group_ids"])


def test_the_outputs_name_what_a_person_looks_for(stages: Mapping[str, Template]) -> None:
    """The queues, the key and the functions of this stage."""
    names = ["SendQueueUrl", "DeadLetterQueueUrl", "ReportQueueUrl", "DeadReportQueueUrl", "DataKeyArn", "KafkaSource"]
    names += ["IngestFunctionName", "ClaimFunctionName", "SendFunctionName", "RelayFunctionName", "PruneFunctionName"]
    for stage, template in stages.items():
        own = ["ApiFunctionName", "ApiUrl"] if stage == "local" else ["MigrateFunctionName", "TopicFunctionName"]
        own += ["Endpoints"] if stage == "prod" else []
        assert sorted(template.body["Outputs"]) == sorted([*names, *own])


def test_the_template_needs_no_parameters(stages: Mapping[str, Template]) -> None:
    """Anything can create it: the command line, a pipeline, a simulator on one machine."""
    for template in stages.values():
        assert "Parameters" not in template.body


def test_region_and_account_are_the_stage_s_when_it_names_them(synth: Synthesis) -> None:
    """Without them the template goes wherever the caller's credentials point."""
    named = synth("dev", {"account": "333333333333", "region": "eu-west-1"})
    layer = named.all("AWS::Lambda::LayerVersion")[0]
    assert layer["Content"]["S3Bucket"] == "cdk-hnb659fds-assets-333333333333-eu-west-1"
