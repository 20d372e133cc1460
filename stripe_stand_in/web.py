"""A minimal web server: one request in, one reply out, one log line without the contents."""

import logging
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from stripe_stand_in.store import new_id

logger = logging.getLogger("stripe_stand_in")
MAX_BODY = 1024 * 1024
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: str
    headers: Message
    body: str
    id: str


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    is_lost: bool = False


Responder = Callable[[Request], Reply]


class Handler(BaseHTTPRequestHandler):
    server: "Site"
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 60

    def respond(self) -> None:
        begun = time.monotonic()
        request = self._read()
        reply = self.server.responder(request) if request else Reply(413)
        if request is None or reply.is_lost:
            self.close_connection = True
        if not reply.is_lost:
            self._write(reply)
        spent = int((time.monotonic() - begun) * 1000)
        path = urlsplit(self.path).path
        outcome = "answer lost" if reply.is_lost else str(reply.status)
        logger.debug("%s %s %s %s ms %s", self.command, path, outcome, spent, request.id if request else "")

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = do_HEAD = respond

    def _read(self) -> Request | None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit() or int(length) > MAX_BODY:
            return None
        body = self.rfile.read(int(length)).decode(errors="replace")
        address = urlsplit(self.path)
        return Request(self.command, address.path, address.query, self.headers, body, new_id("req", 14))

    def _write(self, reply: Reply) -> None:
        self.send_response(reply.status, HTTPStatus(reply.status).phrase)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the base class would log whole request lines."""


class Site(ThreadingHTTPServer):
    """One port. ``stop`` also closes connections that clients keep open."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, host: str, port: int, responder: Responder) -> None:
        self.responder = responder
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__((host, port), Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def start(self) -> None:
        self._thread = threading.Thread(target=self.serve_forever, args=(POLL_SECONDS,), name=f"stand-in:{self.port}")
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        with self._open_lock:
            for connection in self._open:
                _hang_up(connection)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is not our problem; anything else is a bug of ours."""
        logger.exception("A request failed with an error in the stand-in.")


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
