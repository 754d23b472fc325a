"""The learning curves of a stage as a small picture."""

from __future__ import annotations

from pathlib import Path

from .csv_log import read_rows

NOT_CURVES = ("step", "seconds", "waited")


def plot_curves(folder: Path, title: str) -> Path:
    """Draw `log.csv` and `validation.csv` of `folder` over the steps into `curves.png`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for source, name, style in (
        ("training", "log.csv", "-"),
        ("held out", "validation.csv", ".--"),
    ):
        rows = read_rows(folder / name)
        steps = [int(row["step"]) for row in rows]
        for key in [key for key in rows[0] if key not in NOT_CURVES] if rows else []:
            values = [float(row[key]) for row in rows]
            axes.plot(steps, values, style, linewidth=1, label=f"{key}, {source}")
    axes.set_yscale("log")
    axes.set_xlabel("step")
    axes.set_ylabel("loss or error")
    axes.set_title(title)
    axes.grid(alpha=0.3, which="both")
    if axes.lines:
        axes.legend(fontsize="small")
    figure.tight_layout()
    path = folder / "curves.png"
    figure.savefig(path)
    return path
