"""Names that moved between QGIS 3.22 and 4.x."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import (
    Qgis,
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsRaster,
    QgsSingleBandGrayRenderer,
    QgsSingleBandPseudoColorRenderer,
)

if hasattr(Qgis, "ProcessingParameterFlag"):  # 3.36
    ADVANCED = Qgis.ProcessingParameterFlag.Advanced
    RASTER = Qgis.ProcessingSourceType.Raster
    INTEGER = Qgis.ProcessingNumberParameterType.Integer
    DOUBLE = Qgis.ProcessingNumberParameterType.Double
    FOLDER = Qgis.ProcessingFileParameterBehavior.Folder
    HIDDEN_FROM_MODELS = Qgis.ProcessingAlgorithmFlag.HideFromModeler
else:
    ADVANCED = QgsProcessingParameterDefinition.Flag.FlagAdvanced
    RASTER = QgsProcessing.SourceType.TypeRaster
    INTEGER = QgsProcessingParameterNumber.Type.Integer
    DOUBLE = QgsProcessingParameterNumber.Type.Double
    FOLDER = QgsProcessingParameterFile.Behavior.Folder
    HIDDEN_FROM_MODELS = QgsProcessingAlgorithm.Flag.FlagHideFromModeler

if hasattr(Qgis, "RasterColorInterpretation"):  # 3.30
    ALPHA = Qgis.RasterColorInterpretation.AlphaBand
else:
    ALPHA = QgsRaster.ColorInterpretation.AlphaBand

# GDAL's algorithms had a Python widget for creation options until the native one replaced it.
if Qgis.QGIS_VERSION_INT >= 34000:
    CREATION_OPTIONS_WIDGET = {"widget_type": "rasteroptions"}
else:
    CREATION_OPTIONS_WIDGET = {
        "class": "processing.algs.gdal.ui.RasterOptionsWidget.RasterOptionsWidgetWrapper"
    }


def band_setter(
    renderer: QgsSingleBandGrayRenderer | QgsSingleBandPseudoColorRenderer,
) -> Callable[[int], object]:
    """Return what sets the band, from 1, that a renderer of one band shows."""
    if hasattr(renderer, "setInputBand"):  # 3.38
        return renderer.setInputBand
    grey = isinstance(renderer, QgsSingleBandGrayRenderer)
    return renderer.setGrayBand if grey else renderer.setBand
