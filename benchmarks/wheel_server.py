"""Serves the wheels in a folder as an index on the loopback interface: wheel_server.py FOLDER; prints its port."""

import hashlib
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote


class Handler(BaseHTTPRequestHandler):
    """Pages of PEP 691, and files that the kernel sends: the server must not be what is measured."""

    protocol_version = "HTTP/1.1"
    folder: Path
    pages: dict[str, bytes]

    def do_GET(self) -> None:
        """Answer with a page or a whole file."""
        kind, _, name = unquote(self.path).strip("/").partition("/")
        if kind == "simple" and name in self.pages:
            self._head(len(self.pages[name]), "application/vnd.pypi.simple.v1+json")
            self.wfile.write(self.pages[name])
        elif kind == "files" and (self.folder / name).is_file():
            with (self.folder / name).open("rb") as file:
                self._head((self.folder / name).stat().st_size, "application/octet-stream")
                self.wfile.flush()
                self.connection.sendfile(file)
        else:
            self.send_error(404)

    def _head(self, size: int, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


def make_pages(folder: Path) -> dict[str, bytes]:
    """One page for each project."""
    pages: dict[str, bytes] = {}
    for path in sorted(folder.glob("*.whl")):
        name = re.sub(r"[-_.]+", "-", path.name.partition("-")[0]).lower()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        file = {"filename": path.name, "url": f"/files/{path.name}", "hashes": {"sha256": digest}}
        page = {"meta": {"api-version": "1.1"}, "name": name, "versions": [], "files": [file]}
        pages[name] = json.dumps(page).encode()
    return pages


if __name__ == "__main__":
    Handler.folder = Path(sys.argv[1])
    Handler.pages = make_pages(Handler.folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
