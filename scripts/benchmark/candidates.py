"""What is compared, and how each program is told to do it.

Every candidate is one command that reads a pair and writes one GeoTIFF, as a user would run it with
its defaults, but with the same compression (DEFLATE with a predictor, in tiles).
"""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ksdiff_engine.job import CLASSICAL_METHODS

from .scenes import PairFiles

Command = Callable[[PairFiles, str], list[str]]  # (pair, output) -> arguments

NETWORK = str(Path(__file__).with_name("network.py"))


@dataclass(frozen=True)
class Candidate:
    """One row of the tables.

    program: that must be installed. bands: how many it takes, from the first; 0 for all.
    refit: it changes the radiometry, so its bands are fitted to MS before quality is measured.
    self_timed: it tells its own seconds. timing: whether large scenes are timed. quality: at
    ``reduced``, ``full`` resolution, or neither.
    """

    name: str
    family: str
    command: Command
    program: str = ""
    bands: int = 0
    refit: bool = False
    self_timed: bool = False
    timing: bool = True
    quality: tuple[str, ...] = ("reduced", "full")

    @property
    def installed(self) -> bool:
        return not self.program or shutil.which(self.program) is not None


def classical() -> list[Candidate]:
    """The engine's own classical methods."""
    return [Candidate(name, "classical", _engine("classical", name)) for name in CLASSICAL_METHODS]


def networks(weights: dict[str, str], plain: str) -> list[Candidate]:
    """KSDiff: the weights that a scene gets by itself, in both scopes, and `weights` by name.

    `plain`: a file with the backbone of the default weights alone; it was not trained without the
    prior, so only its time means something.
    """
    found = [
        Candidate("ksdiff", "KSDiff", _engine("pansharpen")),
        Candidate("ksdiff-tile", "KSDiff", _engine("pansharpen", "--prior-scope", "tile")),
    ]
    found += [
        Candidate(name, "KSDiff", _engine("pansharpen", "--weights", path))
        for name, path in weights.items()
    ]
    plain_job = _engine("pansharpen", "--weights", plain)
    return [*found, Candidate("plain-backbone", "KSDiff", plain_job, quality=())]


def limits() -> list[Candidate]:
    """What the network alone costs, on pixels in memory: KSDiff's, and a diffusion step's."""
    return [
        Candidate(f"{task}", "in memory", _network(task), self_timed=True, quality=())
        for task in ("bare-network", "diffusion-step")
    ]


def diffusion(config: str, run: str) -> list[Candidate]:
    """The trained pixel-space baseline; a thousand steps of full resolution take hours."""
    return [
        Candidate(
            f"diffusion-{steps}",
            "pixel diffusion",
            _network("diffuse", "--config", config, "--run", run, "--steps", str(steps)),
            timing=False,
            quality=quality,
        )
        for steps, quality in ((25, ("reduced", "full")), (1000, ("reduced",)))
    ]


def peers() -> list[Candidate]:
    """Other programs, installed or not."""
    otb = [Candidate(f"otb-{m}", "OTB", _otb(m), _OTB) for m in ("rcs", "lmvm", "bayes")]
    otb.append(Candidate("otb-two-steps", "OTB", _otb_two_steps, _OTB))
    grass = [
        Candidate(f"grass-{m}", "GRASS", _grass(m), "grass", bands=3, refit=True)
        for m in ("brovey", "ihs", "pca")
    ]
    saga = [
        Candidate(f"saga-{name}", "SAGA", _saga(tool, bands), "saga_cmd", bands, refit=True)
        for name, tool, bands in (
            ("ihs", 4, 3),
            ("brovey", 5, 3),
            ("spectral", 6, 0),
            ("pca", 7, 0),
        )
    ]
    return [Candidate("gdal", "GDAL", _gdal, "gdal_pansharpen.py"), *otb, *grass, *saga]


_OTB = "otbcli_BundleToPerfectSensor"


def _engine(*job: str) -> Command:
    """The shift is measured, as by default, but pairs are taken as they lie, as by all others."""

    def command(pair: PairFiles, output: str) -> list[str]:
        files = ["--pan", pair.pan, "--ms", pair.ms, "--output", output, "--sensor", pair.sensor]
        return [sys.executable, "-m", "ksdiff_engine", *job, *files, "--register", "report"]

    return command


def _network(task: str, *options: str) -> Command:
    def command(pair: PairFiles, output: str) -> list[str]:
        files = ["--pan", pair.pan, "--ms", pair.ms, "--output", output, "--sensor", pair.sensor]
        return [sys.executable, NETWORK, task, *files, *options]

    return command


def _predictor(pair: PairFiles) -> str:
    return "PREDICTOR=2" if pair.data_type == "UInt16" else "PREDICTOR=3"


def _gdal(pair: PairFiles, output: str) -> list[str]:
    """Weighted Brovey with equal weights, on all cores."""
    creation = ("TILED=YES", "COMPRESS=DEFLATE", _predictor(pair), "NUM_THREADS=ALL_CPUS")
    options = [word for option in creation for word in ("-co", option)]
    threads = ("-threads", "ALL_CPUS")
    return ["gdal_pansharpen.py", "-q", *threads, *options, pair.pan, pair.ms, output]


def _otb(method: str) -> Command:
    def command(pair: PairFiles, output: str) -> list[str]:
        files = ["-inp", pair.pan, "-inxs", pair.ms, "-out", *_otb_output(pair, output)]
        return [_OTB, *files, "-method", method]

    return command


def _otb_two_steps(pair: PairFiles, output: str) -> list[str]:
    """Superimpose, then Pansharpening (RCS): BundleToPerfectSensor with a file between."""
    between = f"{output}.superimposed.tif"
    return _chain(
        ["otbcli_Superimpose", "-inr", pair.pan, "-inm", pair.ms, "-out", between, "float"],
        [
            *("otbcli_Pansharpening", "-inp", pair.pan, "-inxs", between),
            *("-out", *_otb_output(pair, output)),
        ],
        ["rm", between],
    )


def _otb_output(pair: PairFiles, output: str) -> tuple[str, str]:
    """OTB's extended file name, and its name of the data type."""
    creation = ("TILED=YES", "COMPRESS=DEFLATE", _predictor(pair), "NUM_THREADS=ALL_CPUS")
    options = "".join(f"&gdal:co:{option}" for option in creation)
    return f"{output}?{options}", "uint16" if pair.data_type == "UInt16" else "float"


def _grass(method: str) -> Command:
    """i.pansharpen in a location made for the run; three bands, eight bits, whatever comes in."""

    def command(pair: PairFiles, output: str) -> list[str]:
        script = "\n".join(
            [
                "set -e",
                shlex.join(["r.in.gdal", "--quiet", f"input={pair.pan}", "output=pan"]),
                shlex.join(["r.in.gdal", "--quiet", f"input={pair.ms}", "output=ms"]),
                "i.pansharpen --quiet blue=ms.1 green=ms.2 red=ms.3 pan=pan output=sharp "
                f"method={method} bitdepth={pair.bits}",
                "g.region raster=pan",
                "i.group --quiet group=sharp input=sharp_blue,sharp_green,sharp_red",
                "r.out.gdal -cm --quiet --overwrite input=sharp type=Int16 nodata=-32768 "
                "createopt=TILED=YES,COMPRESS=DEFLATE,NUM_THREADS=ALL_CPUS "
                + shlex.quote(f"output={output}"),
            ]
        )
        return ["grass", "--tmp-location", pair.pan, "--exec", "bash", "-c", script]

    return command


def _saga(tool: int, bands: int) -> Command:
    """One of SAGA's tools, between import and export; its grids are of floats."""

    def command(pair: PairFiles, output: str) -> list[str]:
        count = bands or pair.bands
        sources = [f"ms{band + 1}.sgrd" for band in range(count)]
        if bands:
            results = ["red.sgrd", "green.sgrd", "blue.sgrd"]
            names = ("R", "G", "B")
            grids = [
                w for name, grid in zip(names, sources, strict=True) for w in (f"-{name}", grid)
            ]
            grids += [
                w for name, g in zip(names, results, strict=True) for w in (f"-{name}_SHARP", g)
            ]
        else:
            results = [f"sharp{band + 1}.sgrd" for band in range(count)]
            grids = ["-GRIDS", ";".join(sources), "-SHARPEN", "sharp.sgrd"]
        creation = "TILED=YES COMPRESS=DEFLATE PREDICTOR=3 NUM_THREADS=ALL_CPUS"
        export = ["-GRIDS", ";".join(results), "-FILE", output, "-OPTIONS", creation]
        return _chain(
            ["saga_cmd", "-f=s", "io_gdal", "0", "-FILES", pair.pan, "-GRIDS", "pan.sgrd"],
            [
                *("saga_cmd", "-f=s", "io_gdal", "0", "-FILES", pair.ms),
                *("-GRIDS", "ms.sgrd", "-MULTIPLE", "0"),
            ],
            ["saga_cmd", "-f=s", "imagery_tools", str(tool), "-PAN", "pan.sgrd", *grids],
            ["saga_cmd", "-f=s", "io_gdal", "2", *export],
        )

    return command


def _chain(*commands: Sequence[str]) -> list[str]:
    return ["sh", "-c", " && ".join(shlex.join(command) for command in commands)]
