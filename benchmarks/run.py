"""The steps of a run, in their order."""

from benchmarks.deployed import cold_start, processor_time
from benchmarks.flow import flow_rate
from benchmarks.operating import listing, redriving
from benchmarks.report.figures import (
    CLAIM_GROWTH,
    CLAIM_VS_ROWS,
    COLD_START,
    COLD_START_OF,
    COLD_START_OF_API,
    FLOW_RATE,
    INGEST_PROCESSOR_MS,
    INGEST_VS_RAW,
    INGEST_VS_ROWS,
    LIFE_VS_ROWS,
    LIST_GROWTH,
    REDRIVE_SECONDS,
    SEND_EFFICIENCY,
    SEND_EFFICIENCY_128,
    SEND_PROCESSOR_MS,
)
from benchmarks.sending import efficiency
from benchmarks.steps import Step
from benchmarks.storing import claiming, ingesting, living

STEPS = (
    Step(
        "ingest", "recording: sets of 500, bare PyMySQL, row by row", ingesting.measure, (INGEST_VS_ROWS, INGEST_VS_RAW)
    ),
    Step("claim", "claiming: sets of 500, row by row", claiming.measure_against_rows, (CLAIM_VS_ROWS,)),
    Step("growth", "claiming from small and large tables", claiming.measure_growth, (CLAIM_GROWTH,)),
    Step("life", "a record's life: in sets, row by row", living.measure, (LIFE_VS_ROWS,)),
    Step(
        "send",
        "sending to a Feishu that takes 100 ms: 32 and 128 calls at once",
        efficiency.measure,
        (SEND_EFFICIENCY, SEND_EFFICIENCY_128),
    ),
    Step("list", "an operator's lists of small and large tables", listing.measure, (LIST_GROWTH,)),
    Step("redrive", "redriving 100,000 dead records", redriving.measure, (REDRIVE_SECONDS,)),
    Step(
        "processor",
        "the processor time of a notification, in the deployed functions",
        processor_time.measure,
        (INGEST_PROCESSOR_MS, SEND_PROCESSOR_MS),
    ),
    Step(
        "start",
        "cold starts of the deployed functions",
        cold_start.measure,
        (COLD_START, *COLD_START_OF.values(), COLD_START_OF_API),
    ),
    Step("flow", "20,000 events from Kafka to Feishu on the local stack", flow_rate.measure, (FLOW_RATE,)),
)
