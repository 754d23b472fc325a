"""What each kind of job does: ``RUNNERS`` maps its class to ``run(job, report) -> result``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ksdiff_engine import job
from ksdiff_engine.pipeline import Report, run_pansharpen
from ksdiff_engine.runners.adapt import run_adapt
from ksdiff_engine.runners.assess_against_reference import run_assess_against_reference
from ksdiff_engine.runners.assess_without_reference import run_assess_without_reference
from ksdiff_engine.runners.classical import run_classical
from ksdiff_engine.runners.compare import run_compare
from ksdiff_engine.runners.degrade import run_degrade

RUNNERS: dict[type[job.Job], Callable[[Any, Report], dict[str, Any]]] = {
    job.PansharpenJob: run_pansharpen,
    job.ClassicalJob: run_classical,
    job.DegradeJob: run_degrade,
    job.AssessWithoutReferenceJob: run_assess_without_reference,
    job.AssessAgainstReferenceJob: run_assess_against_reference,
    job.CompareJob: run_compare,
    job.AdaptJob: run_adapt,
}
