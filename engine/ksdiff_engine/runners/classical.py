"""The job ``classical``: pansharpen with a classical method, without torch."""

from __future__ import annotations

import time
from typing import Any

from ksdiff_engine.classical import METHODS
from ksdiff_engine.device import limit_threads
from ksdiff_engine.job import ClassicalJob
from ksdiff_engine.pipeline import Report, open_scene, scene_tags, sharpen
from ksdiff_engine.raster.writer import check_output
from ksdiff_engine.registration import registered
from ksdiff_engine.sensor_hints import sensor_keys


def run_classical(job: ClassicalJob, report: Report) -> dict[str, Any]:
    """Sharpen with ``job.method``; the result's keys are in docs/architecture.md."""
    started = time.monotonic()
    limit_threads(job.threads)
    report(0.0, "Opening the rasters")
    check_output(job.output)
    with open_scene(job.pan, job.ms, job.bands, job.pan_band, job.sensor, report) as scene:
        method = METHODS[job.method]()
        scene, registration = registered(scene, job.register, report.share(0.03, 0.08), report.warn)
        tags = {**scene_tags(scene), "KSDIFF_METHOD": method.name}
        outcome = sharpen(scene, method, job, tags, report.share(0.08, 1.0))
    return {
        **outcome,
        **registration,
        "method": method.name,
        "method_title": method.title,
        **sensor_keys(scene.profile),
        "seconds": round(time.monotonic() - started, 3),
        "messages": report.messages,
    }
