"""The HTTP server: connections in; answers out, each in one write, or in the manner of the fault that a call meets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from local.feishu.answers import Answer, complaint
from local.feishu.control import Control
from local.feishu.faults import Fault, FaultKind
from local.feishu.trigger import Reply, Trigger
from local.feishu.wire import LONGEST_HEAD, BadRequestError, Request, encode, encode_head, read_request

_BACKLOG = 1024
_CHUNK = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"


@asynccontextmanager
async def serving(trigger: Trigger, *, host: str, port: int) -> AsyncIterator[int]:
    """Serves for the length of the block, on the port given (0: a free one); connections end with it."""
    connections = Connections(trigger=trigger)
    server = await asyncio.start_server(connections.serve, host, port, limit=LONGEST_HEAD, backlog=_BACKLOG)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await connections.end()


@dataclass(slots=True, kw_only=True)
class Connections:
    trigger: Trigger
    _open: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side has had enough."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - streams run us in a task
        self._open[task] = writer
        try:
            # The caller may hang up at any byte; ending the server cancels.
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
        try:
            while (request := await read_request(reader)) and await self._answer(request, writer):
                pass
        except BadRequestError as error:
            await _write(complaint(str(error), status=error.status), writer, keep_alive=False)
            await _linger(reader, writer)

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection can take another request."""
        if request.path.startswith("/_"):
            answer = Control(trigger=self.trigger).answer(request)
            return await _write(answer, writer, keep_alive=request.keep_alive)
        reply = self.trigger.call(request)
        return await _reply(reply, writer, keep_alive=request.keep_alive)


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads what the caller still sends: closing on unread bytes resets the connection, and the answer with it."""
    writer.write_eof()
    with suppress(TimeoutError):
        async with asyncio.timeout(2):
            while await reader.read(LONGEST_HEAD):
                pass


async def _reply(reply: Reply, writer: asyncio.StreamWriter, *, keep_alive: bool) -> bool:
    fault = reply.fault
    if fault is None:
        return await _write(reply.answer, writer, keep_alive=keep_alive)
    await asyncio.sleep(fault.delay)
    match fault.kind:
        case FaultKind.CUT | FaultKind.ACCEPTED_THEN_CUT:
            writer.transport.abort()
            return False
        case FaultKind.ENDLESS_BODY:
            return await _write_endlessly(reply.answer, writer)
        case FaultKind.DRIPPING_BODY | FaultKind.DRIPPING_HEADERS:
            return await _drip(reply.answer, fault, writer, keep_alive=keep_alive)
        case _:
            return await _write(reply.answer, writer, keep_alive=keep_alive)


async def _write(answer: Answer, writer: asyncio.StreamWriter, *, keep_alive: bool) -> bool:
    # Head and body in one packet: two would wait for each other (Nagle's algorithm, delayed acknowledgements).
    writer.write(b"".join(encode(answer, keep_alive=keep_alive)))
    await writer.drain()
    return keep_alive


async def _write_endlessly(answer: Answer, writer: asyncio.StreamWriter) -> bool:
    writer.write(encode_head(answer.status, {"Content-Type": answer.content_type, "Transfer-Encoding": "chunked"}))
    writer.write(b"%x\r\n%s\r\n" % (len(answer.body), answer.body))
    while not writer.is_closing():
        writer.write(_CHUNK)
        await writer.drain()
        await asyncio.sleep(0)
    return False


async def _drip(answer: Answer, fault: Fault, writer: asyncio.StreamWriter, *, keep_alive: bool) -> bool:
    head, body = encode(answer, keep_alive=keep_alive)
    slowly, at_once = (head, body) if fault.kind is FaultKind.DRIPPING_HEADERS else (body, b"")
    if slowly is body:
        writer.write(head)
    for byte in slowly:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(fault.interval)
    writer.write(at_once)
    await writer.drain()
    return keep_alive
