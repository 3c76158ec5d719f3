#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
#
# web.py: an HTTP server at the far end, on every address: GET serves DIRECTORY, POST keeps the body
# in POSTS. For each request it adds a line of JSON to POSTS/requests: which of its addresses was
# asked, and how many bytes it read, headers included.
#
#	web.py PORT DIRECTORY POSTS
import functools
import http.server
import json
import os
import socket
import sys

port, directory, posts = int(sys.argv[1]), sys.argv[2], sys.argv[3]


class Counted:
    """What a request is read from, with a count of what was read."""

    def __init__(self, file):
        self.file, self.received = file, 0

    def readline(self, limit=-1):
        return self.count(self.file.readline(limit))

    def read(self, size=-1):
        return self.count(self.file.read(size))

    def count(self, data):
        self.received += len(data)
        return data

    def close(self):
        self.file.close()


class Handler(http.server.SimpleHTTPRequestHandler):
    def setup(self):
        super().setup()
        self.rfile = Counted(self.rfile)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(os.path.join(posts, self.asked()), "wb") as f:
            f.write(body)
        # Said before it is answered: who has the answer finds the line.
        self.tell()
        self.send_response(200)
        self.end_headers()

    def do_GET(self):
        self.tell()
        super().do_GET()

    def asked(self):
        return self.connection.getsockname()[0].removeprefix("::ffff:")

    def tell(self):
        with open(os.path.join(posts, "requests"), "a") as f:
            line = {"ip": self.asked(), "method": self.command, "path": self.path}
            print(json.dumps({**line, "received": self.rfile.received}), file=f)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True


server = Server(("::", port), functools.partial(Handler, directory=directory))
print("ready", flush=True)
server.serve_forever()
