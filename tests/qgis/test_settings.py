"""Settings speak where a job leaves the choice open, and nowhere else."""

from __future__ import annotations

import pytest

from ksdiff_engine.job import DegradeJob, PansharpenJob


@pytest.fixture
def settings(qgis):
    from qgis.core import QgsSettings

    from ksdiff_qgis import settings

    yield settings
    QgsSettings().remove("ksdiff")


def job(**fields) -> PansharpenJob:
    return PansharpenJob(pan="p.tif", ms=("m.tif",), output="o.tif", **fields)


def test_nothing_set_changes_nothing(settings):
    assert settings.load() == settings.Defaults()
    assert settings.applied(job(seed=3)) == (job(seed=3), ())


def test_open_choices_follow_the_settings(settings):
    settings.save(settings.Defaults(device="cpu", weights="mine", tile=512, threads=3))
    done, words = settings.applied(job())
    assert done == job(device="cpu", weights="mine", tile=512, threads=3)
    assert words == ("device cpu", "weights mine", "tile 512", "threads 3")


def test_choices_of_the_job_win(settings):
    settings.save(settings.Defaults(device="cpu", weights="mine", tile=512))
    chosen = job(device="cuda", weights="/x.safetensors", tile=128)
    assert settings.applied(chosen) == (chosen, ())


def test_jobs_without_the_field_are_left_alone(settings):
    settings.save(settings.Defaults(device="cpu", weights="mine", tile=512, threads=2))
    plain = DegradeJob(pan="p.tif", ms=("m.tif",), output_pan="a.tif", output_ms="b.tif")
    done, words = settings.applied(plain)
    assert (done.threads, words) == (2, ("threads 2",))


@pytest.mark.parametrize(
    ("key", "value"),
    [("device", "tpu"), ("tile", "12"), ("tile", "many"), ("threads", "-1"), ("weights", "")],
)
def test_nonsense_counts_as_not_set(settings, key, value):
    from qgis.core import QgsSettings

    QgsSettings().setValue(f"ksdiff/default_{key}", value)
    assert settings.load() == settings.Defaults()


def test_folders_of_weights_are_searched(settings, tmp_path):
    from ksdiff_qgis import weights_choice

    settings.save_weights_folders([str(tmp_path), "", "/no/such/folder"])
    assert settings.weights_folders() == (str(tmp_path), "/no/such/folder")
    # The profile's own folder comes first once it exists.
    assert weights_choice.folders()[-1:] == (str(tmp_path),)
    settings.save_weights_folders([str(tmp_path)])
    assert settings.weights_folders() == (str(tmp_path),)


def test_the_page_shows_the_card_of_the_weights(settings):
    from qgis.PyQt.QtWidgets import QComboBox, QPlainTextEdit, QPushButton

    from ksdiff_qgis.gui.options import OptionsPage, card_dialog

    page = OptionsPage()
    (button,) = (b for b in page.findChildren(QPushButton) if b.text() == "Card…")
    (choice,) = (c for c in page.findChildren(QComboBox) if c.findText("vhr_x4") >= 0)
    assert not button.isEnabled()  # auto is no file
    choice.setCurrentText("vhr_x4")
    assert button.isEnabled()
    dialog = card_dialog("vhr_x4", page)
    assert dialog.windowTitle() == "Weights vhr_x4"
    text = dialog.findChild(QPlainTextEdit).toPlainText()
    for part in ("Limits:", "licence: public domain", "IKONOS: blue 445–516 nm", "ERGAS"):
        assert part in text
    text = card_dialog("gone", page).findChild(QPlainTextEdit).toPlainText()
    assert "There are no weights named 'gone'." in text


def test_an_algorithm_applies_them_and_says_so(settings, algorithm, scene, fake_worker, feedback):
    from qgis.core import QgsProcessingContext

    fake_worker("good")
    settings.save(settings.Defaults(threads=2, tile=256))
    context = QgsProcessingContext()
    assert algorithm.prepare(scene.parameters(), context, feedback)
    assert "From the settings of KSDiff: tile 256, threads 2." in feedback.textLog()
