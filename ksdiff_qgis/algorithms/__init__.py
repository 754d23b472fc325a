"""The provider's algorithms, one file each."""

from __future__ import annotations

from .adapt_weights import AdaptWeightsAlgorithm
from .assess_against_reference import AssessAgainstReferenceAlgorithm
from .assess_without_reference import AssessWithoutReferenceAlgorithm
from .classical_pansharpen import ClassicalPansharpenAlgorithm
from .compare_methods import CompareMethodsAlgorithm
from .degrade import DegradeAlgorithm
from .pansharpen import PansharpenAlgorithm
from .pansharpen_folder import PansharpenFolderAlgorithm
from .setup_engine import SetupEngineAlgorithm

ALGORITHMS = (
    PansharpenAlgorithm,
    ClassicalPansharpenAlgorithm,
    PansharpenFolderAlgorithm,
    AdaptWeightsAlgorithm,
    AssessWithoutReferenceAlgorithm,
    AssessAgainstReferenceAlgorithm,
    DegradeAlgorithm,
    CompareMethodsAlgorithm,
    SetupEngineAlgorithm,
)
