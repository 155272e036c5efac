"""A small hub on this machine, as the client of the Hugging Face hub asks it."""

import hashlib
import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

FILES = {
    "config.json": b"{}",
    "vocab.txt": b"[PAD]\n",
    "pytorch_model.bin": b"weights",
    "tf_model.h5": b"weights of another library",
    "modeling.py": b"raise AssertionError",
}
COMMIT = "0123456789012345678901234567890123456789"


class Hub(BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.partition("?")[0]
        self.server.asked.append(path)
        if path in ("/api/models/a/bert", "/api/models/a/bert/revision/main"):
            content = {"id": "a/bert", "sha": COMMIT, "siblings": [{"rfilename": name} for name in FILES]}
            self.answer(json.dumps(content).encode())
        elif path == f"/api/models/a/bert/tree/{COMMIT}":
            entries = [
                {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                for name, content in FILES.items()
            ]
            self.answer(json.dumps(entries).encode())
        elif path.startswith("/a/bert/resolve/"):
            content = FILES[path.rpartition("/")[2]]
            self.answer(content, {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha1(content).hexdigest()}"'})
        elif path == "/api/models/a/locked":
            self.answer(b"", {"X-Error-Code": "GatedRepo"}, 403)
        else:
            self.answer(b"", {"X-Error-Code": "RepoNotFound"}, 404)

    do_HEAD = do_GET  # noqa: N815

    def answer(self, content, headers=(), status=200):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **dict(headers)}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *args):
        pass


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.asked = []
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_what_is_needed_is_downloaded_once_and_a_missing_or_locked_model_is_told(hub, tmp_path):
    code = """
import json
from biclip_bench.errors import UserError
from biclip_bench.models.hf_text_encoder import _needed
from biclip_bench.models.hub import folder_files, hub_folder
for name in ("a/bert", "a/bert", "a/nothing", "a/locked"):
    try:
        folder = hub_folder(name, ["config.json"], _needed, f"The text encoder hf:{name}", "Copy it.")
        print(json.dumps(folder_files(folder)))
    except UserError as error:
        print(error)
    print("--", name)
"""
    address = f"http://127.0.0.1:{hub.server_port}"
    environment = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ | environment
    )
    first, again, nothing, locked = (part.strip() for part in done.stdout.split("-- a/")[:-1])
    assert json.loads(first) == ["config.json", "pytorch_model.bin", "vocab.txt"], done.stderr
    assert json.loads(again.partition("\n")[2]) == json.loads(first)
    assert hub.asked.count("/api/models/a/bert") == 1
    assert "the Hugging Face hub has no model a/nothing" in nothing
    assert "hf auth login" in locked
    assert "https://huggingface.co/a/locked" in locked
