"""A small HTTP server on 127.0.0.1 that takes messages, refuses them, or never answers."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from zenml.components.alerter_check import AlerterService


class HttpService(AlerterService):
    """Keeps every request; `answer` decides what becomes of it."""

    def __init__(self):
        self.requests = []
        """Path, headers and body of each request, also of those that were not taken."""
        self.taken = []
        self.answers = []
        """Status, headers and body of the next answers; with none left, 200."""
        self.mode = "take"
        self.lock = threading.Lock()
        self.ended = threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                service.handle(self)

            do_GET = do_POST

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, client_address):
                pass  # a client that gave up

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.name = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.name}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def handle(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        with self.lock:
            self.requests.append((handler.path, dict(handler.headers), body))
            planned = self.answers.pop(0) if self.answers else None
        if self.mode == "hang":
            self.drip(handler)
        elif planned == "lose":
            handler.close_connection = True
            handler.connection.close()
        elif self.mode == "refuse":
            words = f"not {handler.headers['Authorization']} {handler.path} {dict(handler.headers)}"
            self.send(handler, 403, {}, words.encode())
        elif planned is not None:
            self.send(handler, *planned)
        else:
            self.take(handler, body)

    def take(self, handler, body):
        with self.lock:
            self.taken.append(json.loads(body))
        self.send(handler, 200, {}, b"")

    def drip(self, handler):
        """Send a byte now and then, which every timeout of a socket takes for an answer."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.ended.wait(0.1):
            handler.wfile.write(b"x")

    def send(self, handler, status, headers, body):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def refuse(self):
        self.mode = "refuse"

    def hang(self):
        self.mode = "hang"

    def stop(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()
