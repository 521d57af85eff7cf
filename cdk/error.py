"""The error for a person who has to correct settings. It imports nothing, since every command needs it."""


class SettingsError(Exception):
    """A person must correct settings. The message has a line for each."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(" ".join(line.split()) for line in lines))  # keys may hold line breaks
