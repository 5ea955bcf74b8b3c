"""A proxy between a client and an HTTP service that loses connections, answers 503, or calls a function at chosen requests."""

import http.client
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PASS, BUSY = "pass", "busy"
CUT_BEFORE, CUT_IN_REQUEST, CUT_AFTER, CUT_IN_ANSWER = "before", "in the request", "after", "in the answer"
"""When the connection is lost: before the service hears of it, in the middle of what is sent, after it was served but before
the answer, in the middle of the answer."""


class FaultyProxy:
    """Forwards requests to a service; `decide(method, path, number)` says what happens to each."""

    def __init__(self, port):
        self.port_of_service = port
        self.decide = lambda method, path, number: PASS
        self.requests = []
        """Method and path of everything that came."""
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self):
                try:
                    super().handle_one_request()
                except (ConnectionError, TimeoutError, ValueError):
                    self.close_connection = True

            def forward(self):
                proxy._forward(self)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = forward

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # connections that are lost on purpose

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def fail(self, fault, *, times=1, method=None, part="", end=""):
        """Let the first requests that fit meet a fault."""
        left = [times]

        def decide(asked, path, number):
            if left[0] and method in (None, asked) and part in path and path.partition("?")[0].endswith(end):
                left[0] -= 1
                return fault
            return PASS

        self.requests.clear()
        self.decide = decide

    def close(self):
        """Stop; the service goes on."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _forward(self, handler):
        with self._lock:
            self.requests.append((handler.command, handler.path))
            fault = self.decide(handler.command, handler.path, len(self.requests))
        length = int(handler.headers.get("Content-Length") or 0)
        if fault == CUT_BEFORE:
            return self._cut(handler)
        if fault == CUT_IN_REQUEST:
            handler.rfile.read(length // 2)
            return self._cut(handler)
        body = handler.rfile.read(length)
        if fault == BUSY:
            words = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
            return self._answer(handler, 503, [("Content-Type", "application/xml")], words)
        status, headers, answer = self._served(handler, body)
        if callable(fault):
            fault()
        if fault == CUT_AFTER:
            return self._cut(handler)
        return self._answer(handler, status, headers, answer, is_cut=fault == CUT_IN_ANSWER)

    def _served(self, handler, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port_of_service, timeout=60)
        try:
            headers = {name: value for name, value in handler.headers.items() if name.lower() != "expect"}
            connection.request(handler.command, handler.path, body, headers)
            answer = connection.getresponse()
            kept = [
                (k, v) for k, v in answer.getheaders() if k.lower() not in {"connection", "transfer-encoding"}
            ]
            return answer.status, kept, answer.read()
        finally:
            connection.close()

    def _answer(self, handler, status, headers, body, *, is_cut=False):
        names = {name.lower() for name, _ in headers}
        handler.send_response_only(status)
        for name, value in headers:
            handler.send_header(name, value)
        if "content-length" not in names:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body[: len(body) // 2] if is_cut else body)
        if is_cut:
            self._cut(handler)

    def _cut(self, handler):
        handler.close_connection = True
        try:
            handler.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
