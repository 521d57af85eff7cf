"""Models of what delivers, made through moto's own API: functions, layers, event sources, queue policies and alarms."""

import json

from local.account.resources.kafka_source import add_kafka_mapping
from local.account.resources.recorded import Recorded, aws


class Layer(Recorded):
    def create(self) -> str:
        self._versions: dict[str, str] = {}
        return self._version()

    def update(self) -> None:
        """A version never changes. A new one replaces it, and a rollback returns to the old one."""
        self.physical_resource_id = self._version()

    def _version(self) -> str:
        content = json.dumps(self.properties, sort_keys=True)
        if content not in self._versions:
            version = aws("lambda").publish_layer_version(LayerName=self.name, **self.properties)
            self._versions[content] = str(version["LayerVersionArn"])
        return self._versions[content]


class Function(Recorded):
    end = ("lambda", "delete_function", "FunctionName")

    def create(self) -> str:
        return str(aws("lambda").create_function(FunctionName=self.name, **self.tagged())["FunctionName"])

    def update(self) -> None:
        rest = {name: value for name, value in self.properties.items() if name not in ("Code", "Tags", "Architectures")}
        aws("lambda").update_function_code(FunctionName=self.name, **self.properties["Code"])
        aws("lambda").update_function_configuration(FunctionName=self.name, **rest)

    def get_cfn_attribute(self, name: str) -> str:
        return str(aws("lambda").get_function(FunctionName=self.name)["Configuration"][f"Function{name}"])


class EventSource(Recorded):
    def create(self) -> str:
        if "Topics" in self.properties:
            return add_kafka_mapping(self.tagged())
        return str(aws("lambda").create_event_source_mapping(**self.tagged())["UUID"])

    def update(self) -> None:
        """Sets the concurrency, which moto's update does not change."""
        self.delete()
        self.physical_resource_id = self.create()

    def delete(self) -> None:
        aws("lambda").delete_event_source_mapping(UUID=self.physical_resource_id)


class InvokeConfig(Recorded):
    def create(self) -> str:
        aws("lambda").put_function_event_invoke_config(**self.properties)
        return self.name


class Schedule(Recorded):
    end = ("scheduler", "delete_schedule", "Name")

    def create(self) -> str:
        aws("scheduler").create_schedule(Name=self.name, **self.properties)
        return self.name


class QueuePolicy(Recorded):
    def create(self) -> str:
        for url in self.properties["Queues"]:
            policy = json.dumps(self.properties["PolicyDocument"])
            aws("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return self.name


class Alarm(Recorded):
    end = ("cloudwatch", "delete_alarms", "AlarmNames")

    def create(self) -> str:
        aws("cloudwatch").put_metric_alarm(**self.properties)
        return str(self.properties["AlarmName"])

    update = create  # type: ignore[assignment]
