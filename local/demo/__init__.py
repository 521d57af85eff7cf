"""`make demo`: real events of every kind into a running stack, and an account of what became of each."""

from local.demo.run import DemoStack, run_demo

__all__ = ["DemoStack", "run_demo"]
