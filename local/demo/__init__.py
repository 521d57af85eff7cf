"""`make demo`: publishes events of every kind to a running stack and accounts for each of them."""

from local.demo.run import DemoStack, run_demo

__all__ = ["DemoStack", "run_demo"]
