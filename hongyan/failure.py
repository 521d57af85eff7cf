"""What ends a command early, in one line for people and with an exit code for programs."""

DONE = 0
FAILED = 1
USAGE = 2
NOT_FOUND = 3
NOT_LET_IN = 4
INTERRUPTED = 130
#: The code with which a shell reports SIGPIPE.
OUTPUT_CLOSED = 141


class Failure(Exception):  # noqa: N818 - its message is for the operator
    """Says what is wrong and what to do about it. The message never holds a token or a secret."""

    def __init__(self, words: str, code: int = FAILED) -> None:
        super().__init__(words)
        self.code = code


class Refused(Failure):
    """The service refused and says why."""


class Unavailable(Failure):
    """The service did not answer, or asked to come back later."""
