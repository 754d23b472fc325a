"""Classical pansharpening: component substitution and multiresolution analysis, without a network.

One file a method, numpy and scipy only. ``METHODS`` maps each identifier to its class. TV (total
variation) is left out: it solves for the whole scene at once in hundreds of iterations, which
neither fits tiles nor the time that users give a classical method.
"""

from __future__ import annotations

from ksdiff_engine.classical.awlp import Awlp
from ksdiff_engine.classical.base import Method
from ksdiff_engine.classical.bdsd_pc import BdsdPc
from ksdiff_engine.classical.brovey import Brovey
from ksdiff_engine.classical.bt_h import BroveyHaze
from ksdiff_engine.classical.exp import Exp
from ksdiff_engine.classical.gihs import GeneralisedIhs
from ksdiff_engine.classical.gs import GramSchmidt
from ksdiff_engine.classical.gsa import GramSchmidtAdaptive
from ksdiff_engine.classical.mtf_glp import MtfGlp
from ksdiff_engine.classical.mtf_glp_fs import MtfGlpFullScale
from ksdiff_engine.classical.mtf_glp_hpm import MtfGlpHpm
from ksdiff_engine.classical.mtf_glp_hpm_r import MtfGlpHpmRegression
from ksdiff_engine.classical.sfim import Sfim

METHODS: dict[str, type[Method]] = {
    method.name: method
    for method in (
        Exp,
        Brovey,
        BroveyHaze,
        GeneralisedIhs,
        GramSchmidt,
        GramSchmidtAdaptive,
        Sfim,
        Awlp,
        MtfGlp,
        MtfGlpHpm,
        MtfGlpHpmRegression,
        MtfGlpFullScale,
        BdsdPc,
    )
}

__all__ = ["METHODS", "Method"]
