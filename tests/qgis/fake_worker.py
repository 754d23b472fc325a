"""A stand-in for ``ksdiff_engine.worker``: it speaks the same protocol and misbehaves on demand.

The tests put it in the worker's place. The environment variable KSDIFF_FAKE_WORKER says how it
behaves; see ``BEHAVIOURS``. Standard library and GDAL only.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time


def emit(event: str, **fields) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


def fuse(job: dict) -> dict:
    """Write MS on the grid of PAN by nearest neighbour, without any regard for sharpness."""
    from osgeo import gdal

    gdal.UseExceptions()
    pan = gdal.Open(job["pan"])
    stack = gdal.BuildVRT("", job["ms"], separate=len(job["ms"]) > 1)
    bands = job["bands"] or list(range(1, stack.RasterCount + 1))
    chosen = gdal.Translate("", stack, format="VRT", bandList=bands)
    west, dx, _, north, _, dy = pan.GetGeoTransform()
    bounds = (west, north + dy * pan.RasterYSize, west + dx * pan.RasterXSize, north)
    gdal.Warp(
        job["output"],
        chosen,
        outputBounds=bounds,
        width=pan.RasterXSize,
        height=pan.RasterYSize,
        creationOptions=job["creation_options"],
    )
    return {
        "output": job["output"],
        "width": pan.RasterXSize,
        "height": pan.RasterYSize,
        "bands": len(bands),
        "ratio": stack.GetGeoTransform()[1] / dx,
        "sensor": job["sensor"],
        "sensor_reason": "made up",
        "weights": job["weights"],
        "weights_sha256": "0" * 64,
        "weights_reason": "made up",
        "device": "cpu",
        "seed": job["seed"],
        "valid_fraction": 1.0,
        "seconds": 0.1,
        # As if the bands were blue, green, red and more.
        "natural_colour": [3, 2, 1] if len(bands) > 2 else [],
        "shift_x": None,
        "shift_y": None,
        "shift_confidence": 0.0,
        "registration": "made up",
        "messages": [],
    }


def good(job: dict) -> None:
    emit("progress", fraction=0.0, message="Reading")
    emit("warning", message="a fake result")
    for step in range(5, 10):
        emit("progress", fraction=step / 10, message=f"Fusing tile {step}")
    emit("done", result=fuse(job))


def noisy(job: dict) -> None:
    print("Welcome to libnoise 3.1")
    print('{"event": "balloons"}\n\n[1, 2]\n{broken', flush=True)
    good(job)


def environment(job: dict) -> None:
    """Report what the parent handed over, as the name of the weights."""
    keys = ("PYTHONHOME", "PYTHONPATH", "PYTHONNOUSERSITE", "VIRTUAL_ENV", "HTTPS_PROXY")
    seen = {"env": {key: os.environ.get(key) for key in keys}, "path": sys.path, "job": job}
    emit("done", result={**fuse(job), "weights": json.dumps(seen)})


def error(job: dict) -> None:
    emit("error", kind="weights", message="No weights fit 5 bands.", hint="Choose others.")


def obedient(job: dict) -> None:
    """Work on for ever; end when stdin is closed."""
    closed = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), closed.set()), daemon=True).start()
    step = 0
    while not closed.wait(0.05):
        step += 1
        emit("progress", fraction=min(step / 1000, 1.0), message="Fusing")
    emit("error", kind="cancelled", message="The work was cancelled.", hint="")


def stubborn(job: dict) -> None:
    """Ignore everything, and hold stdout open in a child as well."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    emit("progress", fraction=0.1, message=f"pids {os.getpid()} {child.pid}")
    time.sleep(600)


def orphan(job: dict) -> None:
    """Die, while a child holds stdout open."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    emit("progress", fraction=0.1, message=f"pid {child.pid}")
    os._exit(4)


def killed(job: dict) -> None:
    folder, name = os.path.split(os.path.realpath(job["output"]))
    os.mkdir(os.path.join(folder, f".{name}.{os.getpid()}.x.part"))
    emit("progress", fraction=0.3, message="Fusing")
    os.kill(os.getpid(), signal.SIGKILL)


def crashed(job: dict) -> None:
    print("Fatal Python error: Segmentation fault", file=sys.stderr, flush=True)
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGSEGV)


def broken(job: dict) -> None:
    raise ModuleNotFoundError("No module named 'torch'")


BEHAVIOURS = {
    behaviour.__name__: behaviour
    for behaviour in (
        *(good, noisy, environment, error),
        *(obedient, stubborn, orphan, killed, crashed, broken),
    )
}

if __name__ == "__main__":
    request = json.loads(sys.stdin.readline())
    BEHAVIOURS[os.environ.get("KSDIFF_FAKE_WORKER", "good")](request["job"])
