"""The job ``adapt``: fine-tune weights on the user's own scene; write them if they are better."""

from __future__ import annotations

import copy
import os
import time
from typing import TYPE_CHECKING, Any

from ksdiff_engine import weights
from ksdiff_engine.adaptation.blocks import Blocks, ReducedScene, read_blocks
from ksdiff_engine.device import choose_device, describe, limit_threads
from ksdiff_engine.errors import OutputError
from ksdiff_engine.job import AdaptJob
from ksdiff_engine.leftovers import remove_leftovers
from ksdiff_engine.pipeline import Report, choose_weights, memory_explained, open_scene
from ksdiff_engine.raster.staging import check_target, staging_for
from ksdiff_engine.registration import registered
from ksdiff_engine.runners.compare import Candidate, fuse
from ksdiff_engine.runners.full_resolution import assess_scene
from ksdiff_engine.runners.sample import sample_window
from ksdiff_engine.scene import Scene
from ksdiff_engine.sensor_hints import sensor_keys

if TYPE_CHECKING:
    from ksdiff_engine.adaptation.tuning import Figures, Tuned
    from ksdiff_engine.model.ksdiff import KSDiff

LEAST_GAIN = 0.01  # of the ERGAS on the held-out blocks; less is no reason to have another file
SAMPLE = 0.5  # megapixels on which HQNR is measured
NOTABLE_LOSS = 0.01  # of HQNR


def run_adapt(job: AdaptJob, report: Report) -> dict[str, Any]:
    """Adapt; the result's keys are in docs/architecture.md."""
    started = time.monotonic()
    limit_threads(job.threads)
    report(0.0, "Opening the rasters")
    check_target(job.output)
    remove_leftovers(job.output)
    with open_scene(job.pan, job.ms, job.bands, job.pan_band, job.sensor, report) as scene:
        entry, reason = choose_weights(job, scene, report)
        _refuse_same_file(job.output, entry.path)
        device, remark = choose_device(job.device)
        report.warn(remark)
        # torch is imported here, after its absence would have been told.
        from ksdiff_engine.adaptation.tuning import tune
        from ksdiff_engine.model.storage import load_network

        report(0.01, f"Loading {entry.name} on {device}")
        network, _ = load_network(entry.path)
        scene, registration = registered(scene, job.register, report.share(0.02, 0.05), report.warn)
        reduced = ReducedScene(scene)
        blocks = read_blocks(reduced, job.seed, report.share(0.05, 0.12))
        with memory_explained():
            tuned = tune(
                network,
                reduced,
                blocks,
                device=device,
                seed=job.seed,
                steps=job.steps,
                seconds=60.0 * job.minutes,
                parts=job.parts,
                progress=report.share(0.12, 0.88),
            )
        helped = is_better(tuned.best.figures, tuned.before)
        hqnr: tuple[float | None, float | None] = (None, None)
        if helped:
            hqnr = _full_resolution(scene, network, tuned.network, job, report.share(0.88, 0.98))
            report.warn(_remark(*hqnr))
            report(0.98, "Writing the weights")
            _write(tuned, adapted_card(job, scene, entry, tuned, blocks, hqnr), job.output)
        return {
            "output": job.output if helped else None,
            "helped": helped,
            "verdict": verdict(tuned, entry.name),
            "weights": card_name(job) if helped else entry.name,
            "weights_file": job.output if helped else entry.path,
            "derived_from": entry.name,
            "weights_reason": reason,
            **_figures(tuned),
            "hqnr_before": hqnr[0],
            "hqnr_after": hqnr[1],
            "blocks": len(blocks.training),
            "blocks_held_out": len(blocks.held_out),
            "ratio": scene.ratio,
            "bands": scene.bands,
            **sensor_keys(scene.profile),
            **registration,
            "device": describe(device),
            "seed": job.seed,
            "seconds": round(time.monotonic() - started, 3),
            "messages": report.messages,
        }


def _figures(tuned: Tuned) -> dict[str, Any]:
    """The result's figures of the held-out part, before and after, and the way between."""
    before, after = tuned.before, tuned.best.figures
    return {
        "ergas_before": before.ergas,
        "ergas_after": after.ergas,
        "l1_before": before.l1,
        "l1_after": after.l1,
        "judgements": [
            {"step": j.step, "ergas": j.figures.ergas, "l1": j.figures.l1} for j in tuned.judgements
        ],
        "steps": tuned.steps,
    }


def is_better(after: Figures, before: Figures) -> bool:
    """Whether the new weights deserve a file: ERGAS lower by ``LEAST_GAIN``, and L1 no higher."""
    return after.ergas <= (1.0 - LEAST_GAIN) * before.ergas and after.l1 <= before.l1


def verdict(tuned: Tuned, name: str) -> str:
    """What came of it, in a sentence or two."""
    before, after = tuned.before.ergas, tuned.best.figures.ergas
    if is_better(tuned.best.figures, tuned.before):
        share = f"{100.0 * (1.0 - after / before):.1f}"
        return (
            f"The adaptation helped: ERGAS on the held-out part fell from {before:.4f} to "
            f"{after:.4f}, by {share} %."
        )
    return (
        f"The adaptation did not help: ERGAS on the held-out part is {before:.4f} with {name} and "
        f"{after:.4f} at best after it. No file was written."
    )


def card_name(job: AdaptJob) -> str:
    """The new weights' name: the file's."""
    return os.path.basename(job.output)[: -len(weights.SUFFIX)]


def _full_resolution(
    scene: Scene, before: KSDiff, after: KSDiff, job: AdaptJob, report: Report
) -> tuple[float | None, float | None]:
    """HQNR of a part of the scene, sharpened with the old and with the new weights."""
    from ksdiff_engine.fusion import KSDiffMethod

    device, _ = choose_device(job.device)
    part = Scene(scene.pair.cut(sample_window(scene, SAMPLE)), scene.profile)

    def hqnr(network: KSDiff, share: Report) -> float | None:
        method = KSDiffMethod(copy.deepcopy(network), device=device, seed=job.seed)
        candidate = Candidate(method.name, method.title, method.title, lambda: method)
        fused, _ = fuse(part, candidate, share.share(0.0, 0.8))
        return assess_scene(part, fused, share.share(0.8, 1.0)).hqnr

    return hqnr(before, report.share(0.0, 0.5)), hqnr(after, report.share(0.5, 1.0))


def _remark(before: float | None, after: float | None) -> str:
    """A warning where the gain does not show at full resolution, else an empty text."""
    if before is None or after is None or after >= before - NOTABLE_LOSS:
        return ""
    return (
        f"At full resolution HQNR fell from {before:.4f} to {after:.4f}: look at a result before "
        "you rely on these weights."
    )


def adapted_card(
    job: AdaptJob,
    scene: Scene,
    entry: weights.CatalogueEntry,
    tuned: Tuned,
    blocks: Blocks,
    hqnr: tuple[float | None, float | None],
) -> dict[str, Any]:
    """The card of the new weights: that of the old ones, with what has changed."""
    card = copy.deepcopy(entry.card)
    name, files = card_name(job), [os.path.basename(path) for path in (job.pan, *job.ms)]
    ratio = round(scene.ratio)
    seconds = round(tuned.seconds)
    return {
        **card,
        "name": name,
        "title": f"{entry.title}, adapted to {files[1]}",
        "description": f"The weights {entry.name}, fine-tuned on one scene at reduced resolution.",
        "ratio": [ratio, ratio],
        "sensors": [scene.profile.name],
        weights.ADAPTED: {
            "derived_from": entry.name,
            "sha256": weights.sha256(entry.path),
            "files": files,
            "sensor": scene.profile.name,
            "bands": scene.bands,
            "width": scene.width,
            "height": scene.height,
            "blocks": len(blocks.training),
            "blocks_held_out": len(blocks.held_out),
            "steps": tuned.best.step,
            "seconds": seconds,
            "seed": job.seed,
        },
        "metrics": [
            {
                "scene": f"{files[1]}, held-out part",
                "ratio": ratio,
                "method": method,
                "ERGAS": round(figures.ergas, 4),
                "L1": round(figures.l1, 4),
                "HQNR": None if value is None else round(value, 4),
            }
            for method, figures, value in zip(
                (entry.name, name), (tuned.before, tuned.best.figures), hqnr
            )
        ],
        "limits": f"Adapted to one scene: for others use {entry.name}. The figures are of parts of "
        "that scene that were not learnt from, but decided when to stop.",
    }


def _refuse_same_file(output: str, path: str) -> None:
    if os.path.exists(output) and os.path.samefile(output, path):
        raise OutputError(
            f"The output {output} holds the very weights that are to be adapted.",
            hint="Choose another name: the old weights are kept.",
        )


def _write(tuned: Tuned, card: dict[str, Any], output: str) -> None:
    """Write the file beside its place, then move it there. Raises OutputError."""
    from ksdiff_engine.model.storage import save_network

    staging = staging_for(output)
    try:
        save_network(tuned.network, card, staging.path())
        staging.publish()
    except OSError as error:
        raise OutputError(
            f"{output} cannot be written: {error.strerror or error}.",
            hint="Check the space on the disk and the permissions.",
        ) from error
    finally:
        staging.discard()
