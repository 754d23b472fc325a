"""The job ``compare``: methods side by side on the user's own scene.

At reduced resolution the pair is degraded by its own ratio (Wald's protocol) and the real MS is the
reference; at full resolution there is none. Both on one sample of the scene of bounded size.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import ksdiff_engine
from ksdiff_engine import pipeline, weights
from ksdiff_engine.classical import METHODS
from ksdiff_engine.device import choose_device, describe, limit_threads
from ksdiff_engine.errors import Cancelled, EngineError, EnvironmentProblem, WeightsError
from ksdiff_engine.job import COMPARED_METHODS, KSDIFF, CompareJob
from ksdiff_engine.pipeline import FusionMethod, Report
from ksdiff_engine.quality import assess_against_reference
from ksdiff_engine.quality import report as page
from ksdiff_engine.quality.reference import relative_errors
from ksdiff_engine.registration import registered
from ksdiff_engine.runners import full_resolution
from ksdiff_engine.runners.full_resolution import assess_scene
from ksdiff_engine.runners.presentation import (
    Viewer,
    check_report_path,
    crop_titles,
    cut_out,
    finite_figures,
    q2n_convention,
    report_as_dict,
)
from ksdiff_engine.runners.sample import (
    InMemory,
    ReducedScene,
    WholeTile,
    reduced_scene,
    sample_window,
)
from ksdiff_engine.scene import Scene
from ksdiff_engine.sensor_hints import sensor_keys

REDUCED_KEYS = ("ergas", "sam", "q2n", "q", "scc", "psnr", "ssim", "rmse", "cc")
FULL_KEYS = full_resolution.KEYS
FULL_CROP, FULL_CROPS = 160, 2  # PAN pixels
REDUCED_CROP, REDUCED_CROPS = 96, 1  # MS pixels
CURVES = 5  # methods in a spectral profile, beside the reference


@dataclass(frozen=True)
class Candidate:
    """A method to compare. facts: what the report says about it."""

    name: str
    label: str
    title: str
    make: Callable[[], FusionMethod]
    facts: tuple[tuple[str, str], ...] = ()


@dataclass
class Outcome:
    """What became of a method at one resolution; figures are None where it failed (see note)."""

    candidate: Candidate
    figures: dict[str, float | None]
    seconds: float | None = None
    note: str = ""
    crops: list[np.ndarray] = field(default_factory=list)
    errors: np.ndarray | None = None  # (H, W) percent, NaN = invalid


def run_compare(job: CompareJob, report: Report) -> dict[str, Any]:
    """Compare; the result's keys are in docs/architecture.md."""
    started = time.monotonic()
    limit_threads(job.threads)
    check_report_path(job.html)
    report(0.0, "Opening the rasters")
    with pipeline.open_scene(job.pan, job.ms, job.bands, job.pan_band, job.sensor, report) as whole:
        whole, shift = registered(whole, job.register, report.share(0.0, 0.02), report.warn)
        window = sample_window(whole, job.megapixels)
        if (window.width, window.height) != (whole.width, whole.height):
            report.warn(
                f"The methods were run on a sample of {window.width} × {window.height} of the "
                f"{whole.width} × {whole.height} PAN pixels."
            )
        scene = Scene(whole.pair.cut(window), whole.profile)
        candidates = find_candidates(job, scene, report)
        with reduced_scene(scene, report.share(0.02, 0.06)) as reduced:
            low, low_views = compare_reduced(reduced, candidates, report.share(0.06, 0.25))
            low_size = (reduced.scene.width, reduced.scene.height)
        full, full_views = compare_full(scene, candidates, report.share(0.25, 0.97))
        refuse_total_failure([*low, *full])
        facts = _facts(job, scene, low_size, shift["registration"], candidates)
        shown = _report(low, full, facts, report)
        if job.html:
            report(0.97, "Writing the report")
            page.write(_with_pictures(shown, scene, low, low_views, full, full_views), job.html)
    return {
        **_results(low, full),
        **report_as_dict(shown),
        "sample": {
            "column": scene.pair.pan_column,
            "row": scene.pair.pan_row,
            "width": scene.width,
            "height": scene.height,
        },
        "ratio": scene.ratio,
        "bands": scene.bands,
        **sensor_keys(scene.profile),
        **shift,
        "html": job.html or None,
        "seconds": round(time.monotonic() - started, 3),
        "messages": report.messages,
    }


def find_candidates(job: CompareJob, scene: Scene, report: Report) -> list[Candidate]:
    """The methods that the job names and that can be run here.

    KSDiff without torch or weights is left out with a warning, unless it is the only one.
    """
    names = tuple(dict.fromkeys(job.methods)) or COMPARED_METHODS
    candidates = []
    for name in names:
        if name != KSDIFF:
            title = METHODS[name].title
            candidates.append(Candidate(name, title.split(" (")[0], title, METHODS[name]))
            continue
        try:
            candidates.append(find_ksdiff(job, scene, report))
        except (EnvironmentProblem, WeightsError) as error:
            if names == (KSDIFF,):
                raise
            report.warn(f"KSDiff was left out: {error}")
    return candidates


def find_ksdiff(job: CompareJob, scene: Scene, report: Report) -> Candidate:
    """Load the network; raises EnvironmentProblem or WeightsError."""
    device, remark = choose_device(job.device)
    entry, reason = pipeline.choose_weights(job, scene, report)
    method = pipeline.load_method(job, entry, device)
    report.warn(remark)
    facts = (
        ("Weights", f"{entry.name} ({reason})"),
        ("SHA-256 of the weights", weights.sha256(entry.path)),
        ("Device", describe(device)),
        ("Seed", str(job.seed)),
    )
    return Candidate(KSDIFF, f"KSDiff ({entry.name})", method.title, lambda: method, facts)


@dataclass(frozen=True)
class Views:
    """Where a report looks: corners of crops (row, column), and the images that are no method's."""

    corners: list[tuple[int, int]]
    layers: tuple[tuple[str, list[np.ndarray]], ...]


def compare_reduced(
    reduced: ReducedScene, candidates: Sequence[Candidate], report: Report
) -> tuple[list[Outcome], Views]:
    """Run all methods on the reduced pair, measure them against the MS; best ERGAS first."""
    scene = reduced.scene
    scene.statistics(report.share(0.0, 0.02))
    tile = WholeTile.of(scene).tile
    corners = _detailed(tile.pan, tile.pan_low, tile.valid, REDUCED_CROP, REDUCED_CROPS)
    valid = reduced.valid & tile.valid
    mean = reduced.reference[:, valid].mean(axis=1, dtype=np.float64)
    peak = float(reduced.reference[:, valid].max(initial=0.0))
    convention = q2n_convention(scene.pair.ms.data_type)

    def measure(fused: InMemory, part: Report, outcome: Outcome) -> None:
        part(0.0, f"Measuring {outcome.candidate.label}")
        both = valid & fused.valid
        measured = assess_against_reference(
            reduced.reference,
            fused.image,
            scene.ratio,
            both,
            peak if peak > 0.0 else None,
            q2n_convention=convention,
        )
        notes = list(measured.notes)
        outcome.figures = finite_figures(measured.as_dict(), REDUCED_KEYS, notes)
        outcome.note = " ".join(notes)
        outcome.crops = cut_out(fused.image, fused.valid, corners, REDUCED_CROP)
        if (mean != 0.0).all():
            errors = relative_errors(reduced.reference, fused.image, mean)
            outcome.errors = np.where(both, errors, np.nan)

    outcomes = _run_all(scene, candidates, REDUCED_KEYS, measure, report.share(0.02, 1.0))
    reference = cut_out(reduced.reference, reduced.valid, corners, REDUCED_CROP)
    views = Views(corners, (("Reference (MS)", reference),))
    return sorted(outcomes, key=lambda outcome: _rank(outcome, "ergas", 1.0)), views


def compare_full(
    scene: Scene, candidates: Sequence[Candidate], report: Report
) -> tuple[list[Outcome], Views]:
    """Run all methods on the pair itself and measure without a reference; best HQNR first."""
    scene.statistics(report.share(0.0, 0.02))
    whole = WholeTile.of(scene)
    tile = whole.tile
    corners = _detailed(tile.pan, tile.pan_low, tile.valid, FULL_CROP, FULL_CROPS)

    def measure(fused: InMemory, part: Report, outcome: Outcome) -> None:
        measured = assess_scene(scene, fused, part, whole.part)
        notes = list(measured.notes)
        outcome.figures = finite_figures(measured.as_dict(), FULL_KEYS, notes)
        outcome.note = " ".join(notes)
        outcome.crops = cut_out(fused.image, fused.valid, corners, FULL_CROP)

    outcomes = _run_all(scene, candidates, FULL_KEYS, measure, report.share(0.02, 1.0))
    layers = (
        ("PAN", cut_out(tile.pan[None], tile.valid, corners, FULL_CROP)),
        ("MS, interpolated", cut_out(tile.ms_up, tile.valid, corners, FULL_CROP)),
    )
    return sorted(outcomes, key=lambda o: _rank(o, "hqnr", -1.0)), Views(corners, layers)


def _run_all(
    scene: Scene,
    candidates: Sequence[Candidate],
    keys: Sequence[str],
    measure: Callable[[InMemory, Report, Outcome], None],
    report: Report,
) -> list[Outcome]:
    outcomes = []
    for number, candidate in enumerate(candidates):
        part = report.share(number / len(candidates), (number + 1) / len(candidates))
        outcome = Outcome(candidate, dict.fromkeys(keys))
        try:
            fused, outcome.seconds = fuse(scene, candidate, part.share(0.0, 0.6))
            measure(fused, part.share(0.6, 1.0), outcome)
        except Cancelled:
            raise
        except EngineError as error:
            outcome.note = str(error)
        outcomes.append(outcome)
    return outcomes


def fuse(scene: Scene, candidate: Candidate, report: Report) -> tuple[InMemory, float]:
    """Run a method on a scene, whose statistics are known; return the image and the seconds."""
    method = candidate.make()
    fused = InMemory(scene.bands, scene.height, scene.width)
    started = time.monotonic()
    with pipeline.memory_explained():
        report(0.0, f"Preparing {candidate.label}")
        method.prepare(scene, report.share(0.0, 0.2))
        windows = pipeline.tile_plan(scene, method)
        pipeline.fuse_tiles(scene, method, fused, windows, report.share(0.2, 1.0))
    return fused, time.monotonic() - started


def refuse_total_failure(outcomes: Sequence[Outcome]) -> None:
    """Raise the reason of the first method when none has brought a single figure."""
    if not any(f is not None for outcome in outcomes for f in outcome.figures.values()):
        raise EngineError(f"No method could be run: {outcomes[0].note}", kind="input")


def _rank(outcome: Outcome, key: str, sign: float) -> float:
    value = outcome.figures[key]
    return np.inf if value is None else sign * value


def _detailed(
    pan: np.ndarray, pan_low: np.ndarray, valid: np.ndarray, size: int, count: int
) -> list[tuple[int, int]]:
    """Corners of the windows with the most detail that the MS lacks: there methods differ."""
    return page.most_different([pan[None], pan_low[None]], size, count, valid)


def _results(low: Sequence[Outcome], full: Sequence[Outcome]) -> dict[str, Any]:
    """The part of the result that front ends read: figures by method, and the rankings."""
    figures: dict[str, dict[str, float | None]] = {}
    for outcome in (*low, *full):
        figures.setdefault(outcome.candidate.name, {}).update(outcome.figures)
    return {
        "figures": figures,
        "methods": {outcome.candidate.name: outcome.candidate.title for outcome in low},
        "ranking_reduced": [outcome.candidate.name for outcome in low],
        "ranking_full": [outcome.candidate.name for outcome in full],
        "seconds_full": {
            o.candidate.name: None if o.seconds is None else round(o.seconds, 3) for o in full
        },
    }


def _table(title: str, keys: tuple[str, ...], outcomes: Sequence[Outcome], caption: str) -> Any:
    rows = tuple(
        page.TableRow(
            outcome.candidate.label,
            outcome.figures,
            None if outcome.seconds is None else round(outcome.seconds, 3),
            outcome.note,
        )
        for outcome in outcomes
    )
    return page.Table(title, keys, rows, caption)


def _facts(
    job: CompareJob,
    scene: Scene,
    reduced: tuple[int, int],
    registration: str,
    candidates: Sequence[Candidate],
) -> tuple[tuple[str, str], ...]:
    gains = ", ".join(f"{gain:g}" for gain in scene.gains)
    published = "" if scene.profile.gains_published else ", not published for this sensor"
    return (
        ("PAN", job.pan),
        ("MS", "; ".join(job.ms)),
        (
            "Full resolution",
            f"{scene.width} × {scene.height} PAN pixels from column {scene.pair.pan_column}, row "
            f"{scene.pair.pan_row} on, {scene.bands} bands",
        ),
        ("Reduced resolution", f"{reduced[0]} × {reduced[1]} pixels, reference: the MS"),
        ("Ratio", f"{scene.ratio:.6g}"),
        ("Registration", registration),
        ("Sensor", f"{scene.profile.title} ({scene.profile.reason})"),
        ("MTF gains at Nyquist", gains + published),
        *(fact for candidate in candidates for fact in candidate.facts),
        ("Version", f"ksdiff_engine {ksdiff_engine.__version__}"),
    )


def _report(
    low: Sequence[Outcome],
    full: Sequence[Outcome],
    facts: tuple[tuple[str, str], ...],
    report: Report,
) -> page.Report:
    return page.Report(
        title="Comparison of pansharpening methods",
        summary=(
            f"Closest to the real MS at reduced resolution, by ERGAS: {_best(low, 'ergas', 3)}. "
            f"Best kept spectra and detail at full resolution, by HQNR: {_best(full, 'hqnr', 4)}."
            "\n\nBoth are needed: the first is exact but at another scale, the second at the right "
            "scale but without a truth to compare with."
        ),
        facts=facts,
        tables=(
            _table("Reduced resolution, against the real MS", REDUCED_KEYS, low, _REDUCED),
            _table("Full resolution, without a reference", FULL_KEYS, full, _FULL),
        ),
        notes=tuple(report.messages),
    )


_REDUCED = "PAN and MS were degraded by their ratio (Wald's protocol). Sorted by ERGAS."
_FULL = "Sorted by HQNR. The time is that of preparing the method and fusing the sample."


def _best(outcomes: Sequence[Outcome], key: str, digits: int) -> str:
    value = outcomes[0].figures[key]
    return "none" if value is None else f"{outcomes[0].candidate.label}, {value:.{digits}f}"


def _with_pictures(
    shown: page.Report,
    scene: Scene,
    low: Sequence[Outcome],
    low_views: Views,
    full: Sequence[Outcome],
    full_views: Views,
) -> page.Report:
    """Add crops of both resolutions, and spectra and error maps of the reduced one."""
    viewer = Viewer.of(scene.pair.ms, scene.profile)
    low_titles = crop_titles(low_views.corners, (0, 0), "Reduced resolution")
    place = (scene.pair.pan_column, scene.pair.pan_row)
    full_titles = crop_titles(full_views.corners, place, "Full resolution")
    low_layers = _layers(low, low_views)
    maps = tuple(
        page.ErrorMap(outcome.candidate.label, outcome.errors, "%")
        for outcome in low
        if outcome.errors is not None
    )
    return replace(
        shown,
        crops=(
            *viewer.crops(full_titles, _layers(full, full_views)),
            *viewer.crops(low_titles, low_layers),
        ),
        profiles=viewer.spectra(low_titles, low_layers[: CURVES + 1]),
        error_maps=maps,
    )


def _layers(outcomes: Sequence[Outcome], views: Views) -> list[tuple[str, Sequence[np.ndarray]]]:
    methods = [(outcome.candidate.label, outcome.crops) for outcome in outcomes if outcome.crops]
    return [*views.layers, *methods]
