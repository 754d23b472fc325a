"""Rasters that are no local files: in an archive, on a web server, in an object store.

The servers are threads of the test. What GDAL makes of the paths is its own affair; here, jobs have
to pass them on, over a cluster as well, and give the bytes that local files give.
"""

from __future__ import annotations

import re
import threading
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

import pytest
from osgeo import gdal

from ksdiff_engine import batch
from ksdiff_engine.job import ClassicalJob, PansharpenJob
from ksdiff_engine.pipeline import run_job


class ObjectStore(BaseHTTPRequestHandler):
    """As much of S3 as GDAL uses for files of one request; reading serves as a web server too."""

    protocol_version = "HTTP/1.1"
    objects: dict[str, bytes]  # by "bucket/key"

    def do_HEAD(self):
        self.answer_object()

    def do_GET(self):
        address = urlsplit(self.path)
        query = parse_qs(address.query)
        if "delimiter" in query or "prefix" in query:
            self.answer(200, self.listing(self.key, query))
        else:
            self.answer_object()

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        source = self.headers.get("x-amz-copy-source")
        self.objects[self.key] = self.objects[unquote(source).strip("/")] if source else body
        self.answer(200, b"<CopyObjectResult/>" if source else b"")

    def do_DELETE(self):
        self.objects.pop(self.key, None)
        self.answer(204)

    def do_POST(self):
        """Delete several objects."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        bucket = self.key.strip("/")
        for key in re.findall("<Key>(.*?)</Key>", body):
            self.objects.pop(f"{bucket}/{unescape(key)}", None)
        self.answer(200, b"<DeleteResult/>")

    @property
    def key(self):
        return unquote(urlsplit(self.path).path)[1:]

    def listing(self, bucket, query):
        prefix = query.get("prefix", [""])[0]
        bucket = bucket.strip("/")
        keys = [k[len(bucket) + 1 :] for k in self.objects if k.startswith(f"{bucket}/{prefix}")]
        folders = {k[: k.index("/", len(prefix)) + 1] for k in keys if "/" in k[len(prefix) :]}
        files = [k for k in keys if "/" not in k[len(prefix) :]]
        parts = [
            f"<Contents><Key>{escape(k)}</Key><Size>{len(self.objects[f'{bucket}/{k}'])}</Size>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            for k in files
        ]
        parts += [f"<CommonPrefixes><Prefix>{escape(f)}</Prefix></CommonPrefixes>" for f in folders]
        head = f"<Prefix>{escape(prefix)}</Prefix>"
        return f"<ListBucketResult>{head}{''.join(parts)}</ListBucketResult>".encode()

    def answer_object(self):
        content = self.objects.get(self.key)
        if content is None:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is None:
            self.answer(200, content)
            return
        start, end = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
        self.answer(206, content[start : end + 1], f"bytes {start}-{end}/{len(content)}")

    def answer(self, status, body=b"", content_range=""):
        self.send_response(status)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.send_header("Content-Length", str(len(body)))
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def store():
    """The objects of a store by their names, and its address, host:port."""
    handler = type("Store", (ObjectStore,), {"objects": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield handler.objects, f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def files(pair_files):
    return [Path(path) for path in pair_files(size=(64, 64))]


@pytest.fixture
def served(store, files):
    """Names of PAN and MS on the server."""
    objects, address = store
    objects.update({f"bucket/{file.name}": file.read_bytes() for file in files})
    return [f"/vsicurl/http://{address}/bucket/{file.name}" for file in files]


@pytest.fixture
def bucket(store, served):
    """The store as GDAL's /vsis3/bucket."""
    _, address = store
    settings = {
        "AWS_S3_ENDPOINT": address,
        "AWS_HTTPS": "NO",
        "AWS_VIRTUAL_HOSTING": "FALSE",
        "AWS_NO_SIGN_REQUEST": "YES",
    }
    for name, value in settings.items():
        gdal.SetConfigOption(name, value)
    yield "/vsis3/bucket"
    for name in settings:
        gdal.SetConfigOption(name, None)
    gdal.VSICurlClearCache()


def test_a_scene_from_a_web_server_over_a_cluster(
    tmp_path, files, served, network_weights, small_tiles, scheduler
):
    local = PansharpenJob(
        *(str(files[0]), (str(files[1]),), str(tmp_path / "local.tif")),
        weights=network_weights,
        tile=small_tiles,
        threads=1,
    )
    run_job(local)
    there = {"pan": served[0], "ms": (served[1],), "output": str(tmp_path / "remote.tif")}
    run_job(replace(local, **there, scheduler=scheduler))
    assert (tmp_path / "remote.tif").read_bytes() == (tmp_path / "local.tif").read_bytes()


def test_lists_with_archives_and_web_servers(tmp_path, files, served, scheduler):
    with zipfile.ZipFile(tmp_path / "scene.zip", "w") as archive:
        for file in files:
            archive.write(file, f"delivery/{file.name}")
    inside = [f"/vsizip/{tmp_path}/scene.zip/delivery/{file.name}" for file in files]
    rows = [(*files, "local.tif"), (*inside, "zip.tif"), (*served, "web.tif")]
    lines = ["pan,ms,output,method,threads", *(",".join([*map(str, r), "gsa", "1"]) for r in rows)]
    (tmp_path / "list.csv").write_text("\n".join(lines))
    listed = batch.read_list(str(tmp_path / "list.csv"))
    for expected in ("done", "skipped"):
        with batch.Record(str(tmp_path / "record"), resume=expected == "skipped") as record:
            ended = list(batch.outcomes(listed, record, scheduler=scheduler))
        assert [(outcome.state, outcome.error) for outcome in ended] == [(expected, "")] * 3
    results = {(tmp_path / name).read_bytes() for *_, name in rows}
    assert len(results) == 1


def test_from_and_to_an_object_store(tmp_path, files, store, bucket):
    local = ClassicalJob(str(files[0]), (str(files[1]),), str(tmp_path / "fused.tif"), "gsa")
    run_job(local)
    objects, _ = store
    before = set(objects)
    paths = {"pan": f"{bucket}/pan.tif", "ms": (f"{bucket}/ms.tif",)}
    run_job(replace(local, **paths, output=f"{bucket}/results/fused.tif"))
    assert set(objects) - before == {"bucket/results/fused.tif"}
    assert objects["bucket/results/fused.tif"] == Path(local.output).read_bytes()
