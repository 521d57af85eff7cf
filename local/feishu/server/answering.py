"""Writes an answer to a connection: whole and in one packet, or in the way that the call's fault asks for."""

import asyncio
import socket
import struct
from collections.abc import Mapping
from http import HTTPStatus

from local.feishu.answers import Answer
from local.feishu.faults import Fault, FaultKind
from local.feishu.receiver import Reply

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_CHUNK = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
_NO_LINGER = struct.pack("ii", 1, 0)


async def write_reply(reply: Reply, writer: asyncio.StreamWriter, *, keep_alive: bool) -> bool:
    """Writes the reply, and returns whether the connection can take another request."""
    fault = reply.fault
    if fault is None:
        return await write_answer(reply.answer, writer, keep_alive=keep_alive)
    await asyncio.sleep(fault.delay)
    match fault.kind:
        case FaultKind.CUT | FaultKind.ACCEPTED_THEN_CUT:
            writer.transport.abort()
            return False
        case FaultKind.RESET_WHEN_IDLE:
            return _reset(writer)
        case FaultKind.ENDLESS_BODY:
            return await _write_endlessly(reply.answer, writer)
        case FaultKind.DRIPPING_BODY | FaultKind.DRIPPING_HEADERS:
            return await _drip(reply.answer, fault, writer, keep_alive=keep_alive)
        case _:
            return await write_answer(reply.answer, writer, keep_alive=keep_alive)


async def write_answer(answer: Answer, writer: asyncio.StreamWriter, *, keep_alive: bool) -> bool:
    # Head and body in one packet: two would wait for each other (Nagle's algorithm, delayed acknowledgements).
    writer.write(b"".join(_encode(answer, keep_alive=keep_alive)))
    await writer.drain()
    return keep_alive


def _reset(writer: asyncio.StreamWriter) -> bool:
    # A socket that must not linger is closed with a reset (RST), as by a NAT gateway that has forgotten the connection.
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.transport.abort()
    return False


async def _write_endlessly(answer: Answer, writer: asyncio.StreamWriter) -> bool:
    writer.write(_encode_head(answer.status, {"Content-Type": answer.content_type, "Transfer-Encoding": "chunked"}))
    writer.write(b"%x\r\n%s\r\n" % (len(answer.body), answer.body))
    while not writer.is_closing():
        writer.write(_CHUNK)
        await writer.drain()
        await asyncio.sleep(0)
    return False


async def _drip(answer: Answer, fault: Fault, writer: asyncio.StreamWriter, *, keep_alive: bool) -> bool:
    head, body = _encode(answer, keep_alive=keep_alive)
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


def _encode(answer: Answer, *, keep_alive: bool) -> tuple[bytes, bytes]:
    lines = {
        **answer.headers,
        "Content-Type": answer.content_type,
        "Content-Length": str(len(answer.body)),
        "Connection": "keep-alive" if keep_alive else "close",
    }
    return _encode_head(answer.status, lines), answer.body


def _encode_head(status: int, lines: Mapping[str, str]) -> bytes:
    headers = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} {_PHRASES.get(status, 'Unknown')}\r\n{headers}\r\n".encode("latin-1")
