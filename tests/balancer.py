"""A load balancer on loopback: one request to one replica, the next to another."""

import http.client
import itertools
import threading
from collections import Counter
from contextlib import contextmanager
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COOKIE = "replica"
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


@contextmanager
def balanced(ports, sticky):
    """Yield the address of a balancer before servers on these ports, and how many requests each got.

    With `sticky` it sets a cookie at the first request of a browser, and sends all others to the same server,
    as HAProxy, Traefik and ingress controllers do; otherwise every request goes to the next.
    """
    turns, counts = itertools.cycle(range(len(ports))), Counter()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments):
            pass

        def handle_any(self):
            cookies = SimpleCookie(self.headers.get("Cookie", ""))
            known = sticky and COOKIE in cookies
            index = int(cookies[COOKIE].value) if known else next(turns)
            counts[index] += 1
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            server = http.client.HTTPConnection("127.0.0.1", ports[index], timeout=120)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            try:
                server.request(self.command, self.path, body or None, headers)
                self.pass_on(server.getresponse(), None if known or not sticky else index)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the browser has closed an event stream
            finally:
                server.close()
                self.close_connection = True

        do_GET = do_POST = do_HEAD = do_DELETE = handle_any

        def pass_on(self, answer, index):
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            if index is not None:
                self.send_header("Set-Cookie", f"{COOKIE}={index}; Path=/; HttpOnly")
            self.send_header("Connection", "close")
            self.end_headers()
            while part := answer.read1(1 << 16):  # as it comes: events must not wait
                self.wfile.write(part)
                self.wfile.flush()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", counts
    finally:
        server.shutdown()
        server.server_close()
