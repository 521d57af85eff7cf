"""One sender and a Feishu that takes its time."""
