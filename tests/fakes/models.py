"""Models for tests: a server of their files, and files in their formats."""

import hashlib
import pickle
import threading
import zipfile
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pipeline.stages.models.registry import File, Model


class Server:
    """A loopback server of files, with ranges, a list of requests, and injected errors.

    Attributes:
        files: content by path.
        requests: paths asked for.
        ranges: the header ``Range`` of each request.
        breaks_after: bytes after which answers break off.
        status: status of answers; 200 serves files.
        resumes: whether it honours ranges.
    """

    def __init__(self, files):
        self.files = dict(files)
        self.requests = []
        self.ranges = []
        self.breaks_after = None
        self.status = 200
        self.resumes = True
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                owner.answer(self)

            def log_message(self, *_):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=partial(self._http.serve_forever, 0.01))
        self._thread.start()

    def answer(self, handler):
        name = handler.path.lstrip("/")
        asked = handler.headers.get("Range")
        self.requests.append(name)
        self.ranges.append(asked)
        content = self.files.get(name)
        if self.status != 200 or content is None:
            handler.send_response(self.status if self.status != 200 else 404)
            handler.end_headers()
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.resumes else 0
        if start >= len(content) > 0:
            handler.send_response(416)
            handler.end_headers()
            return
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        rest = content[start:]
        handler.send_header("Content-Length", str(len(rest)))
        handler.end_headers()
        handler.wfile.write(rest if self.breaks_after is None else rest[: self.breaks_after])

    def stop(self):
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def published(name, content, url):
    """Return the pin of a file that a server has."""
    return File(name, len(content), hashlib.sha256(content).hexdigest(), f"{url}/{name}")


def one_file(file, content, url, **changes):
    """Return a model of one file."""
    given = {"name": file, "path": file, "kind": "speech", "form": "torch", "licence": "MIT"}
    return Model(source="test", files=(published(file, content, url),), **(given | changes))


def folder(name, files, url, **changes):
    """Return a model that is a folder of files."""
    given = {"kind": "speech", "form": "ctranslate2", "path": name, "licence": "MIT"}
    pins = tuple(published(file, content, url) for file, content in files.items())
    return Model(name=name, source="test", files=pins, **(given | changes))


def place(model, at: Path):
    """Write empty files where those of a model belong: it is here, but not the pinned one."""
    for file in model.files:
        path = at / model.path / file.name if model.is_folder else at / file.name
        path.parent.mkdir(exist_ok=True)
        path.touch()


def checkpoint(path: Path, text: str = "", tokens: int = 51_864):
    """Write a file in the format of torch, with the dimensions of a Whisper model."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", pickle.dumps({"dims": {"n_vocab": tokens}, "x": text}))
