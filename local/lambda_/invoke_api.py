"""Lambda's Invoke API for the local functions: `POST /2015-03-31/functions/NAME/invocations`.

An SDK's Lambda client works with it (`endpoint_url`), and so does curl. Concurrent requests go to different workers.
"""

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from local.lambda_.emulator import Invoke, InvokeResult
from local.lambda_.event_sources.event_size import MAX_EVENT_BYTES

_PREFIX, _SUFFIX = "/2015-03-31/functions/", "/invocations"


def invoke_path(name: str) -> str:
    return f"{_PREFIX}{name}{_SUFFIX}"


@contextmanager
def serve_invoke_api(functions: Mapping[str, Invoke], *, port: int) -> Iterator[str]:
    """Serves for the length of the block and yields its address. `functions` has each function under all its names."""
    server = _Server(functions, port)
    thread = threading.Thread(target=server.serve_forever, name="invoke-api", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        server.asynchronous.shutdown(wait=False, cancel_futures=True)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, functions: Mapping[str, Invoke], port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.functions = functions
        self.asynchronous = ThreadPoolExecutor(4, thread_name_prefix="async-invoke")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        """Answers as Lambda does, with Lambda's error names for requests that it would refuse."""
        event = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        invoke = self.server.functions.get(self._name())
        kind = self.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        if invoke is None:
            self._refuse(HTTPStatus.NOT_FOUND, "ResourceNotFoundException", f"Function not found: {self._name()}")
        elif len(event) > MAX_EVENT_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestTooLargeException", "the event is over 6 MB")
        elif kind == "Event":
            self.server.asynchronous.submit(invoke, event or b"{}")
            self._send(HTTPStatus.ACCEPTED, b"")
        elif kind == "DryRun":
            self._send(HTTPStatus.NO_CONTENT, b"")
        else:
            self._answer(invoke(event or b"{}"))

    def _name(self) -> str:
        """The function's name, which is in the path by itself or at the end of an ARN."""
        path = self.path.partition("?")[0]
        if not (path.startswith(_PREFIX) and path.endswith(_SUFFIX)):
            return path
        name = unquote(path.removeprefix(_PREFIX).removesuffix(_SUFFIX))
        return name.rpartition(":function:")[2].partition(":")[0]

    def _answer(self, answer: InvokeResult) -> None:
        failed = {} if answer.error is None else {"X-Amz-Function-Error": "Unhandled"}
        self._send(HTTPStatus.OK, answer.payload, {"X-Amz-Executed-Version": "$LATEST", **failed})

    def _refuse(self, status: HTTPStatus, error: str, message: str) -> None:
        self._send(status, f'{{"Type":"User","Message":"{message}"}}'.encode(), {"X-Amzn-ErrorType": error})

    def _send(self, status: HTTPStatus, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Writes nothing: the functions have their own logs."""
