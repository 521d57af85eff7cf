"""Where this checkout keeps what the local stack makes."""

from pathlib import Path

#: this checkout's data, caches, logs, ports and lock
HOME = Path(__file__).resolve().parent.parent / ".local"
