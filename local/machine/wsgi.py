"""Serves a WSGI application on the loopback, in threads of this process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response


@contextmanager
def serve_requests(answer: Callable[[Request], Response], *, port: int, name: str) -> Iterator[str]:
    """Serves for the length of the block and yields the address. Requests that come at once run in threads."""
    application = Request.application(answer)
    server = make_server("127.0.0.1", port, application, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, name=name, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: object) -> None:
        """Writes nothing: the functions have their own logs."""
