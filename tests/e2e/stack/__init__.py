"""The local stack as people run it, in processes and containers of its own."""
