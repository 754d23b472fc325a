"""The plugin's end of the worker's protocol: progress, noise, failure, cancel, death."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable

import pytest

from ksdiff_engine.errors import Cancelled, EngineError, EnvironmentProblem
from ksdiff_engine.job import PansharpenJob


def job_for(scene, **others) -> PansharpenJob:
    output = str(scene.folder / "result.tif")
    return PansharpenJob(pan=scene.pan, ms=(scene.ms,), output=output, **others)


def run(scene, feedback, **others):
    from ksdiff_qgis import interpreter, worker_client

    return worker_client.run_job(job_for(scene, **others), interpreter.find(), feedback)


def cancel_at_work(feedback) -> list[float]:
    """Cancel at the worker's first progress; return the list that receives the moment."""
    moments: list[float] = []

    def cancel(_percent: float) -> None:
        moments.append(time.monotonic())
        feedback.cancel()

    feedback.progressChanged.connect(cancel)
    return moments


def is_running(pid: int) -> bool:
    """Whether the process exists; one that ended and was not yet collected does not count."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def assert_end(pids: Iterable[int]) -> None:
    """Fail unless the processes end within two seconds."""
    left = set(pids)
    deadline = time.monotonic() + 2.0
    while left and time.monotonic() < deadline:
        left = {pid for pid in left if is_running(pid)}
        time.sleep(0.05)
    assert not left


def test_relays_progress_warnings_and_result(scene, feedback, fake_worker):
    fake_worker("good")
    result = run(scene, feedback)
    assert (result["width"], result["height"], result["bands"]) == (96, 80, 4)
    assert feedback.progress() == 90.0
    assert feedback.texts == ["Reading", "Fusing tile 5"]
    assert "a fake result" in feedback.textLog()


def test_lines_that_are_no_events_go_to_the_log(scene, feedback, fake_worker):
    fake_worker("noisy")
    assert run(scene, feedback)["width"] == 96
    for noise in ("libnoise", "balloons", "{broken"):
        assert noise in feedback.textLog()


def test_a_failure_keeps_its_kind_and_hint(scene, feedback, fake_worker):
    fake_worker("error")
    with pytest.raises(EngineError) as caught:
        run(scene, feedback)
    assert (caught.value.kind, caught.value.hint) == ("weights", "Choose others.")


def test_cancel_reaches_a_worker_that_listens(scene, feedback, fake_worker):
    fake_worker("obedient")
    cancelled = cancel_at_work(feedback)
    with pytest.raises(Cancelled):
        run(scene, feedback)
    assert time.monotonic() - cancelled[0] < 3.0
    assert feedback.progress() > 0


def test_a_worker_that_ignores_cancel_is_killed_with_its_children(
    scene, feedback, fake_worker, monkeypatch
):
    from ksdiff_qgis import worker_client

    fake_worker("stubborn")
    monkeypatch.setattr(worker_client, "GRACE", 1.0)
    cancelled = cancel_at_work(feedback)
    with pytest.raises(Cancelled):
        run(scene, feedback)
    assert time.monotonic() - cancelled[0] < 4.0
    assert_end(int(word) for word in feedback.texts[0].split()[1:])


def test_a_silent_worker_counts_as_hung(scene, feedback, fake_worker, monkeypatch):
    from ksdiff_qgis import worker_client

    fake_worker("stubborn")
    monkeypatch.setattr(worker_client, "SILENCE", 1.0)
    with pytest.raises(EnvironmentProblem, match="said nothing"):
        run(scene, feedback)


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("killed", "memory ran out"),
        ("crashed", r"crashed \(signal 11\) .*Segmentation fault"),
        ("broken", "exit code 1 .*No module named 'torch'"),
        ("orphan", "exit code 4"),
    ],
)
def test_death_is_told_in_one_sentence(scene, feedback, fake_worker, behaviour, message):
    fake_worker(behaviour)
    begin = time.monotonic()
    with pytest.raises(EnvironmentProblem, match=message) as caught:
        run(scene, feedback)
    assert caught.value.hint
    assert time.monotonic() - begin < 5.0
    assert_end(int(text.split()[1]) for text in feedback.texts if text.startswith("pid "))


def test_what_a_dead_worker_said_is_in_the_log(scene, feedback, fake_worker):
    fake_worker("broken")
    with pytest.raises(EnvironmentProblem):
        run(scene, feedback)
    assert "Traceback" in feedback.textLog()


def test_the_environment_is_scrubbed_and_the_user_s_folder_hides_nothing(
    scene, feedback, fake_worker, monkeypatch
):
    from ksdiff_qgis import _paths

    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("VIRTUAL_ENV", "/nowhere")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    (scene.folder / "json.py").write_text("raise SystemExit('hidden')")
    monkeypatch.chdir(scene.folder)
    fake_worker("environment")
    seen = json.loads(run(scene, feedback)["weights"])
    assert seen["env"] == {
        "PYTHONHOME": None,
        "PYTHONPATH": str(_paths.ENGINE),
        "PYTHONNOUSERSITE": "1",
        "VIRTUAL_ENV": None,
        "HTTPS_PROXY": "http://proxy.example:3128",
    }
    assert str(scene.folder) not in seen["path"]


def test_names_with_spaces_and_other_letters_arrive_whole(feedback, fake_worker, tmp_path):
    from tests.qgis.conftest import make_scene

    fake_worker("good")
    scene = make_scene(tmp_path / "Übersicht Łódź 東京")
    result = run(scene, feedback)
    assert os.path.isfile(result["output"])


def test_a_python_that_cannot_be_started(scene, feedback, qgis):
    from ksdiff_qgis import worker_client
    from ksdiff_qgis.interpreter import Interpreter

    nowhere = Interpreter("/no/such/python", own=False, shares_libraries=False)
    with pytest.raises(EnvironmentProblem, match="/no/such/python"):
        worker_client.run_job(job_for(scene), nowhere, feedback)
