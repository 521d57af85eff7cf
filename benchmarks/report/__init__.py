"""The figures, and where they are shown: the terminal, latest.json and docs/performance.md."""
