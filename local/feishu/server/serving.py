"""Accepts connections and answers their requests, until the server ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic

from local.feishu.answers import complaint
from local.feishu.control import Control
from local.feishu.receiver import Receiver
from local.feishu.server.answering import write_answer, write_reply
from local.feishu.server.requests import BadRequestError, Request, RequestReader

_BACKLOG = 1024
_LINGER_SECONDS = 2


@asynccontextmanager
async def serving(receiver: Receiver, *, host: str, port: int) -> AsyncIterator[int]:
    """Serves for the length of the block and yields the port; with port 0 the system chooses a free one."""
    connections = Connections(receiver=receiver)
    server = await asyncio.start_server(connections.serve, host, port, backlog=_BACKLOG)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await connections.end()


@dataclass(slots=True, kw_only=True)
class Connections:
    receiver: Receiver
    _open: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection until either side closes it."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - streams run us in a task
        self._open[task] = writer
        try:
            # The client may hang up at any byte, and ending the server cancels this task.
            with suppress(ConnectionError, asyncio.CancelledError):
                await self._serve_requests(reader, writer)
        finally:
            del self._open[task]
            writer.close()

    async def end(self) -> None:
        tasks = list(self._open)
        for task, writer in self._open.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve_requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests, quiet_since = RequestReader(reader), monotonic()
        try:
            while request := await requests.next():
                if not await self._answer(request, writer, idle_for=monotonic() - quiet_since):
                    return
                quiet_since = monotonic()
        except BadRequestError as error:
            await write_answer(complaint(str(error), status=error.status), writer, keep_alive=False)
            await _linger(reader, writer)

    async def _answer(self, request: Request, writer: asyncio.StreamWriter, *, idle_for: float) -> bool:
        """Answers one request, and returns whether the connection can take another."""
        if request.path.startswith("/_"):
            answer = Control(receiver=self.receiver).answer(request)
            return await write_answer(answer, writer, keep_alive=request.keep_alive)
        reply = self.receiver.receive(request, idle_for=idle_for)
        return await write_reply(reply, writer, keep_alive=request.keep_alive)


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads what the client still sends: closing on unread bytes resets the connection, and the answer with it."""
    writer.write_eof()
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while await reader.read(64 * 1024):
                pass
