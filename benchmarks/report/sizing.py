"""Says which settings of a stage follow from the measured figures, with the defaults that the stage has."""

from collections.abc import Mapping

from cdk.settings.sections.functions import Ingest, Send

#: A function with this much memory has one whole processor (AWS Lambda developer guide, "Configure Lambda function
#: memory").
_MB_A_PROCESSOR = 1769
#: Feishu's response time, as in docs/costs.md.
_FEISHU_SECONDS = 0.2


def sizing(numbers: Mapping[str, float]) -> str:
    """A table in Markdown. It takes Lambda's processors to be as fast as this machine's."""
    rows = [
        *_ingest(Ingest.model_validate({}), numbers["ingest_processor_ms"]),
        *_send(Send.model_validate({}), numbers["send_processor_ms"]),
    ]
    head = ["| setting | default | what follows |", "|---|---:|---|"]
    return "\n".join([*head, *(f"| `{name}` | {default} | {follows} |" for name, default, follows in rows)])


def _ingest(stage: Ingest, milliseconds: float) -> list[tuple[str, int, str]]:
    share, most = _share(stage.memory_mb), _most(stage.memory_mb, milliseconds)
    return [("ingest.memory_mb", stage.memory_mb, f"{share}: at {milliseconds:g} ms each {most:,.0f}/s a partition")]


def _send(stage: Send, milliseconds: float) -> list[tuple[str, int, str]]:
    share, most = _share(stage.memory_mb), _most(stage.memory_mb, milliseconds)
    waiting = stage.concurrency / _FEISHU_SECONDS
    rate = min(waiting, most)
    enough = most * _FEISHU_SECONDS
    calls = f"at {1000 * _FEISHU_SECONDS:.0f} ms each {waiting:,.0f}/s, {waiting / most:.0%} of what the memory allows"
    return [
        ("send.memory_mb", stage.memory_mb, f"{share}: at {milliseconds:g} ms each {most:,.0f}/s at most"),
        ("send.concurrency", stage.concurrency, f"{calls}; more than {enough:.0f} calls at once gain nothing"),
        ("send.max_concurrency", stage.max_concurrency, f"all senders together {stage.max_concurrency * rate:,.0f}/s"),
    ]


def _share(memory_mb: int) -> str:
    return f"{memory_mb / _MB_A_PROCESSOR:.2f} of a processor"


def _most(memory_mb: int, milliseconds: float) -> float:
    """The most notifications a second for this share of a processor."""
    return memory_mb / _MB_A_PROCESSOR / (milliseconds / 1000)
