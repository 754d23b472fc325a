<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
    <context>
        <name>KSDiff</name>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>Adapt weights to a scene</source>
            <translation>Gewichte an eine Szene anpassen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>Trains KSDiff's weights for some minutes on your own scene, and keeps them if they are better.</source>
            <translation>Trainiert die Gewichte von KSDiff einige Minuten auf Ihrer eigenen Szene und behält sie, wenn sie besser sind.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>Fine-tunes weights on one scene. PAN and MS are reduced by their ratio (Wald's protocol), so that the original MS is what the network should have found; parts spread over the scene are learnt from, others are held out. Only if the held-out parts gain are the new weights written; otherwise the log says so and the old ones stay.

Sensors that the weights have never seen gain most. The new weights are in the list of weights at once; auto never takes them, as they are for this scene and others of its acquisition. Large scenes take no longer: a sample is read. The smallest scene has 144 × 144 MS pixels.</source>
            <translation>Trainiert Gewichte auf einer Szene nach. PAN und MS werden um ihr Verhältnis verkleinert (Protokoll von Wald), so dass das ursprüngliche MS das ist, was das Netz hätte finden sollen; aus Teilen, die über die Szene verteilt sind, wird gelernt, andere werden zurückgehalten. Nur wenn die zurückgehaltenen Teile gewinnen, werden die neuen Gewichte geschrieben; sonst sagt es das Protokoll, und die alten bleiben.

Am meisten gewinnen Sensoren, die die Gewichte nie gesehen haben. Die neuen Gewichte stehen sofort in der Liste der Gewichte; auto nimmt sie nie, denn sie gelten für diese Szene und andere derselben Aufnahme. Große Szenen dauern nicht länger: Gelesen wird eine Stichprobe. Die kleinste Szene hat 144 × 144 MS-Pixel.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>Name of the new weights</source>
            <translation>Name der neuen Gewichte</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>Longest training in minutes</source>
            <translation>Längste Dauer des Trainings in Minuten</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>Most training steps</source>
            <translation>Höchstzahl der Trainingsschritte</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <location filename="../../ksdiff_qgis/parameters/network.py" />
            <source>Weights file</source>
            <translation>Gewichtsdatei</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>Weights (*.safetensors)</source>
            <translation>Gewichte (*.safetensors)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>Under which they are listed. Empty: that of MS, with _adapted. What has this name in the folder of weights is replaced.</source>
            <translation>Unter dem sie aufgeführt werden. Leer: der von MS mit _adapted. Was im Ordner der Gewichte diesen Namen hat, wird ersetzt.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>The training ends earlier where the held-out parts gain no more.</source>
            <translation>Das Training endet früher, wenn die zurückgehaltenen Teile nichts mehr gewinnen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>A training that ends by its steps, not by the time, gives the same weights on every run.</source>
            <translation>Ein Training, das durch die Zahl der Schritte endet und nicht durch die Zeit, ergibt bei jedem Lauf dieselben Gewichte.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>Of the parts that are held out, the training's order and its noise.</source>
            <translation>Für die zurückgehaltenen Teile, die Reihenfolge des Trainings und sein Rauschen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>Where to write them instead of the folder ksdiff/weights of the QGIS profile; the file's name is then that of the weights.</source>
            <translation>Wohin sie geschrieben werden, statt in den Ordner ksdiff/weights des QGIS-Profils; der Name der Datei ist dann der der Gewichte.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>Whether the new weights are better</source>
            <translation>Ob die neuen Gewichte besser sind</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>The better weights, new or old</source>
            <translation>Die besseren Gewichte, neu oder alt</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>Their name</source>
            <translation>Ihr Name</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>ERGAS of the held-out part before</source>
            <translation>ERGAS des zurückgehaltenen Teils vorher</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>ERGAS of the held-out part after</source>
            <translation>ERGAS des zurückgehaltenen Teils nachher</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>HQNR of a part at full resolution before</source>
            <translation>HQNR eines Teils in voller Auflösung vorher</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>HQNR of a part at full resolution after</source>
            <translation>HQNR eines Teils in voller Auflösung nachher</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>Training steps</source>
            <translation>Trainingsschritte</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <location filename="../../ksdiff_qgis/algorithms/sharpening.py" />
            <source>Duration in seconds</source>
            <translation>Dauer in Sekunden</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <location filename="../../ksdiff_qgis/algorithms/pansharpen.py" />
            <location filename="../../ksdiff_qgis/algorithms/setup_engine.py" />
            <source>Device used</source>
            <translation>Verwendetes Gerät</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>NAME: {name!r} cannot be the name of a file.</source>
            <translation>NAME: {name!r} kann nicht der Name einer Datei sein.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>Use letters, digits, spaces and - _ . +</source>
            <translation>Verwenden Sie Buchstaben, Ziffern, Leerzeichen und - _ . +</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>NAME: {name} is the name of weights that come with the plugin.</source>
            <translation>NAME: {name} ist der Name von Gewichten, die mit der Erweiterung kommen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>Choose another name.</source>
            <translation>Wählen Sie einen anderen Namen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <location filename="../../ksdiff_qgis/algorithms/pansharpen.py" />
            <source>Weights: {weights} ({reason})</source>
            <translation>Gewichte: {weights} ({reason})</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <location filename="../../ksdiff_qgis/algorithms/pansharpen.py" />
            <location filename="../../ksdiff_qgis/engine_setup.py" />
            <source>Device: {device}</source>
            <translation>Gerät: {device}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/adapt_weights.py" />
            <source>The new weights: {file}</source>
            <translation>Die neuen Gewichte: {file}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>Assess against reference</source>
            <translation>Mit Referenz bewerten</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>Measures a sharpened raster against a reference of the same pixels.</source>
            <translation>Misst ein geschärftes Raster an einer Referenz mit denselben Pixeln.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>Measures how close a sharpened raster, made by any method, comes to a reference of the same pixels and bands. With Wald's protocol (ksdiff:degrade) the reference is the original multispectral raster.

All figures are of the common area; those of single bands are in the JSON.</source>
            <translation>Misst, wie nahe ein geschärftes Raster, gleich nach welchem Verfahren, einer Referenz mit denselben Pixeln und Kanälen kommt. Beim Wald-Protokoll (ksdiff:degrade) ist die Referenz das ursprüngliche Multispektralbild.

Alle Kennzahlen gelten für die gemeinsame Fläche; die der einzelnen Kanäle stehen in der JSON-Datei.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>SAM: spectral angle mapper in ° (0 is best)</source>
            <translation>SAM: mittlerer Spektralwinkel in ° (0 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>ERGAS: erreur relative globale adimensionnelle de synthèse (0 is best)</source>
            <translation>ERGAS: relativer dimensionsloser Gesamtfehler (0 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>Q2n: hypercomplex quality index (1 is best)</source>
            <translation>Q2n: hyperkomplexer Qualitätsindex (1 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>Q: universal image quality index (1 is best)</source>
            <translation>Q: universeller Bildqualitätsindex (1 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>SCC: spatial correlation coefficient (1 is best)</source>
            <translation>SCC: räumlicher Korrelationskoeffizient (1 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>PSNR: peak signal to noise ratio in dB (higher is better)</source>
            <translation>PSNR: Spitzen-Signal-Rausch-Verhältnis in dB (höher ist besser)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>SSIM: structural similarity (1 is best)</source>
            <translation>SSIM: strukturelle Ähnlichkeit (1 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>RMSE: root mean square error (0 is best)</source>
            <translation>RMSE: Wurzel des mittleren quadratischen Fehlers (0 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>CC: correlation coefficient (1 is best)</source>
            <translation>CC: Korrelationskoeffizient (1 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>Error map</source>
            <translation>Fehlerkarte</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <location filename="../../ksdiff_qgis/algorithms/assess_without_reference.py" />
            <source>Sharpened raster</source>
            <translation>Geschärftes Raster</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>The raster to measure, on the pixels of the reference.</source>
            <translation>Das zu bewertende Raster, auf den Pixeln der Referenz.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>Reference, or one raster a band</source>
            <translation>Referenz oder ein Raster je Kanal</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>What the sharpened raster should be. Several rasters are stacked in the order given.</source>
            <translation>Was das geschärfte Raster sein sollte. Mehrere Raster werden in der angegebenen Reihenfolge gestapelt.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>Bands of the reference</source>
            <translation>Kanäle der Referenz</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>Ratio of the pixel sizes</source>
            <translation>Verhältnis der Pixelgrößen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>PAN pixels per MS pixel of the fusion, for ERGAS. Empty: as the tags of the sharpened raster say.</source>
            <translation>PAN-Pixel je MS-Pixel bei der Fusion, für ERGAS. Leer: wie in den Metadaten (Tags) des geschärften Rasters.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>Largest possible value</source>
            <translation>Größter möglicher Wert</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>Of the sensor, for PSNR and SSIM, e.g. 2047 for 11 bits. Empty: the largest value of the reference.</source>
            <translation>Des Sensors, für PSNR und SSIM, z. B. 2047 bei 11 Bit. Leer: der größte Wert der Referenz.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>The spectral angle in degrees and the relative error in percent of each pixel.</source>
            <translation>Für jedes Pixel der Spektralwinkel in Grad und der relative Fehler in Prozent.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_against_reference.py" />
            <source>{name} errors</source>
            <translation>{name} Fehler</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_without_reference.py" />
            <source>Assess without reference</source>
            <translation>Ohne Referenz bewerten</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_without_reference.py" />
            <source>Measures a sharpened raster against the PAN and MS that it was made from.</source>
            <translation>Misst ein geschärftes Raster an PAN und MS, aus denen es entstand.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_without_reference.py" />
            <source>Measures how well a sharpened raster, made by any method, keeps what was given: the spectra of the multispectral raster (MS) and the detail of the panchromatic raster (PAN). HQNR joins both in one figure.

No reference exists at this resolution. The figures compare methods on one scene; those of different scenes, or with different sensors, cannot be compared with each other.</source>
            <translation>Misst, wie gut ein geschärftes Raster, gleich nach welchem Verfahren, das Gegebene bewahrt: die Spektren des Multispektralbilds (MS) und die Details des panchromatischen Bilds (PAN). HQNR fasst beides in einer Zahl zusammen.

In dieser Auflösung gibt es keine Referenz. Die Kennzahlen vergleichen Verfahren an einer Szene; zwischen verschiedenen Szenen oder Sensoren sind sie nicht vergleichbar.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_without_reference.py" />
            <source>HQNR: hybrid quality with no reference (1 is best)</source>
            <translation>HQNR: hybride Qualität ohne Referenz (1 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_without_reference.py" />
            <source>D_λ,K: spectral distortion of Khan (0 is best)</source>
            <translation>D_λ,K: spektrale Verzerrung nach Khan (0 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_without_reference.py" />
            <source>D_s: spatial distortion (0 is best)</source>
            <translation>D_s: räumliche Verzerrung (0 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_without_reference.py" />
            <source>QNR: quality with no reference (1 is best)</source>
            <translation>QNR: Qualität ohne Referenz (1 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_without_reference.py" />
            <source>D_λ: spectral distortion of Alparone (0 is best)</source>
            <translation>D_λ: spektrale Verzerrung nach Alparone (0 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_without_reference.py" />
            <source>D_ρ: spatial distortion by local correlation (0 is best)</source>
            <translation>D_ρ: räumliche Verzerrung nach lokaler Korrelation (0 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_without_reference.py" />
            <source>R-Q2n: reprojected Q2n (1 is best)</source>
            <translation>R-Q2n: reprojiziertes Q2n (1 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_without_reference.py" />
            <source>R-SAM: reprojected spectral angle in ° (0 is best)</source>
            <translation>R-SAM: reprojizierter Spektralwinkel in ° (0 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_without_reference.py" />
            <source>R-ERGAS: reprojected ERGAS (0 is best)</source>
            <translation>R-ERGAS: reprojiziertes ERGAS (0 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assess_without_reference.py" />
            <source>The raster to measure, on the pixels of PAN or a part of them.</source>
            <translation>Das zu bewertende Raster, auf den Pixeln von PAN oder einem Teil davon.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assessment.py" />
            <location filename="../../ksdiff_qgis/algorithms/degrade.py" />
            <source>Quality</source>
            <translation>Qualität</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assessment.py" />
            <source>Figures (JSON)</source>
            <translation>Kennzahlen (JSON)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assessment.py" />
            <source>JSON files (*.json)</source>
            <translation>JSON-Dateien (*.json)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assessment.py" />
            <source>Report (HTML)</source>
            <translation>Bericht (HTML)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assessment.py" />
            <source>HTML files (*.html)</source>
            <translation>HTML-Dateien (*.html)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assessment.py" />
            <location filename="../../resources/models/keepifbetter.model3" />
            <source>All figures, with what was compared and how, for other programs.</source>
            <translation>Alle Kennzahlen, und was wie verglichen wurde, für andere Programme.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assessment.py" />
            <location filename="../../resources/models/keepifbetter.model3" />
            <source>The figures explained, with pictures; one page, complete in itself.</source>
            <translation>Die Kennzahlen, erklärt und bebildert, auf einer in sich vollständigen Seite.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assessment.py" />
            <location filename="../../ksdiff_qgis/algorithms/compare_methods.py" />
            <source>undefined</source>
            <translation>nicht definiert</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assessment.py" />
            <source>{path} cannot be written: {reason}.</source>
            <translation>{path} kann nicht geschrieben werden: {reason}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/assessment.py" />
            <source>Check the folder's permissions and the space left.</source>
            <translation>Berechtigungen und freien Platz des Ordners prüfen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/base.py" />
            <source>From the settings of KSDiff: {chosen}.</source>
            <translation>Aus den Einstellungen von KSDiff: {chosen}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/classical_pansharpen.py" />
            <source>Pansharpen (classical methods)</source>
            <translation>Pansharpening (klassisch)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/classical_pansharpen.py" />
            <source>Sharpens multispectral bands with a panchromatic band by a classical method.</source>
            <translation>Schärft Multispektralkanäle mit einem panchromatischen Kanal nach einem klassischen Verfahren.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/classical_pansharpen.py" />
            <source>Fuses a panchromatic raster (PAN) with a multispectral one (MS) into a multispectral raster with the pixels of PAN, by a classical method: component substitution (brovey, bt-h, gihs, gs, gsa, bdsd-pc) puts PAN in the place of the brightness of MS; multiresolution analysis (sfim, awlp, mtf-glp, mtf-glp-hpm, mtf-glp-hpm-r, mtf-glp-fs) adds the fine detail of PAN to MS. exp only interpolates, as a baseline.

The result covers the common area of PAN and MS in the CRS and grid of PAN, and keeps the data type, nodata and radiometry of MS. MS in another CRS is warped. No network and no PyTorch are needed.</source>
            <translation>Fusioniert ein panchromatisches Raster (PAN) und ein multispektrales (MS) zu einem multispektralen Raster mit den Pixeln von PAN, nach einem klassischen Verfahren: Komponentensubstitution (brovey, bt-h, gihs, gs, gsa, bdsd-pc) setzt PAN an die Stelle der Helligkeit von MS; Multiskalenanalyse (sfim, awlp, mtf-glp, mtf-glp-hpm, mtf-glp-hpm-r, mtf-glp-fs) fügt die feinen Details von PAN zu MS hinzu. exp interpoliert nur, zum Vergleich.

Das Ergebnis bedeckt die gemeinsame Fläche von PAN und MS in KBS und Gitter von PAN und behält Datentyp, NoData und Radiometrie von MS. Liegt MS in einem anderen KBS, wird es transformiert. Weder Netz noch PyTorch sind nötig.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/classical_pansharpen.py" />
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <location filename="../../ksdiff_qgis/result_layer.py" />
            <location filename="../../resources/models/foldermosaic.model3" />
            <source>Method</source>
            <translation>Verfahren</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/classical_pansharpen.py" />
            <source>bt-h: Brovey with haze correction. gihs: generalised IHS. gs, gsa: Gram-Schmidt, adaptive. bdsd-pc: band-dependent spatial detail. sfim: intensity modulation. awlp: additive wavelets. mtf-glp: generalised Laplacian pyramid; -hpm with high-pass modulation, -hpm-r by regression, -fs at full scale. ksdiff:comparemethods tells which suits a scene.</source>
            <translation>bt-h: Brovey mit Dunstkorrektur. gihs: verallgemeinertes IHS. gs, gsa: Gram-Schmidt, adaptiv. bdsd-pc: kanalabhängige räumliche Details. sfim: Intensitätsmodulation. awlp: additive Wavelets. mtf-glp: verallgemeinerte Laplace-Pyramide; -hpm mit Hochpassmodulation, -hpm-r mit Regression, -fs in voller Auflösung. ksdiff:comparemethods zeigt, was zu einer Szene passt.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/compare_methods.py" />
            <source>Compare methods</source>
            <translation>Verfahren vergleichen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/compare_methods.py" />
            <source>Sharpens a sample of the scene by several methods, and ranks them.</source>
            <translation>Schärft einen Ausschnitt der Szene mit mehreren Verfahren und stellt eine Rangfolge auf.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/compare_methods.py" />
            <source>Says which method suits a scene. At reduced resolution, by Wald's protocol, PAN and MS are degraded by their ratio and each result is compared with the original MS; the methods are ranked by ERGAS. At full resolution, where there is no reference, they are ranked by HQNR.

Large scenes are represented by a sample. No raster is written: sharpen the scene with the method that is best, of which the name is an output. KSDiff needs PyTorch; without it, it is left out with a warning.</source>
            <translation>Zeigt, welches Verfahren zu einer Szene passt. In reduzierter Auflösung werden PAN und MS nach dem Wald-Protokoll um ihr Verhältnis verkleinert und jedes Ergebnis mit dem ursprünglichen MS verglichen; die Rangfolge folgt ERGAS. In voller Auflösung, wo es keine Referenz gibt, folgt sie HQNR.

Große Szenen werden durch einen Ausschnitt vertreten. Es wird kein Raster geschrieben: Die Szene ist mit dem besten Verfahren zu schärfen, dessen Name eine der Ausgaben ist. KSDiff braucht PyTorch; fehlt es, bleibt KSDiff mit einer Warnung außen vor.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/compare_methods.py" />
            <source>ERGAS of the best method at reduced resolution (0 is best)</source>
            <translation>ERGAS des besten Verfahrens in reduzierter Auflösung (0 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/compare_methods.py" />
            <source>HQNR of the best method at full resolution (1 is best)</source>
            <translation>HQNR des besten Verfahrens in voller Auflösung (1 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/compare_methods.py" />
            <source>ERGAS of KSDiff at reduced resolution (0 is best)</source>
            <translation>ERGAS von KSDiff in reduzierter Auflösung (0 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/compare_methods.py" />
            <source>HQNR of KSDiff at full resolution (1 is best)</source>
            <translation>HQNR von KSDiff in voller Auflösung (1 ist ideal)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/compare_methods.py" />
            <source>Methods</source>
            <translation>Verfahren</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/compare_methods.py" />
            <source>Size of the sample in millions of PAN pixels</source>
            <translation>Größe des Ausschnitts in Millionen PAN-Pixeln</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/compare_methods.py" />
            <source>Those of ksdiff:classicalpansharpen, and ksdiff, the network. exp, which only interpolates, is what all others should beat.</source>
            <translation>Die von ksdiff:classicalpansharpen und ksdiff, das Netz. exp, das nur interpoliert, sollten alle anderen übertreffen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/compare_methods.py" />
            <source>A smaller scene is used whole.</source>
            <translation>Eine kleinere Szene wird ganz verwendet.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/compare_methods.py" />
            <source>Best method at reduced resolution</source>
            <translation>Bestes Verfahren in reduzierter Auflösung</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/compare_methods.py" />
            <source>Best method at full resolution</source>
            <translation>Bestes Verfahren in voller Auflösung</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/compare_methods.py" />
            <source>Without {figure}: {methods}; the report says why.</source>
            <translation>Ohne {figure}: {methods}; der Bericht nennt den Grund.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/degrade.py" />
            <source>Degrade (Wald's protocol)</source>
            <translation>Verkleinern (Wald-Protokoll)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/degrade.py" />
            <source>Reduces PAN and MS by their ratio, so that the original MS becomes the reference.</source>
            <translation>Verkleinert PAN und MS um ihr Verhältnis, sodass das ursprüngliche MS zur Referenz wird.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/degrade.py" />
            <source>Reduces a panchromatic raster (PAN) and a multispectral one (MS) by the ratio of their pixel sizes, after Wald's protocol: the reduced PAN has the pixels of the original MS. Sharpen the reduced pair by any method, of any plugin, and compare the result with the original MS (ksdiff:assessagainstreference).

Each band is blurred by its own modulation transfer function, that of the sensor, before it is sampled.</source>
            <translation>Verkleinert ein panchromatisches Raster (PAN) und ein multispektrales (MS) nach dem Wald-Protokoll um das Verhältnis ihrer Pixelgrößen: Das verkleinerte PAN hat die Pixel des ursprünglichen MS. Das verkleinerte Paar lässt sich mit jedem Verfahren jeder Erweiterung schärfen und das Ergebnis mit dem ursprünglichen MS vergleichen (ksdiff:assessagainstreference).

Jeder Kanal wird vor dem Abtasten mit seiner eigenen Modulationsübertragungsfunktion geglättet, der des Sensors.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/degrade.py" />
            <source>Reference</source>
            <translation>Referenz</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/degrade.py" />
            <source>Reduced PAN</source>
            <translation>Verkleinertes PAN</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/degrade.py" />
            <source>PAN with the pixels of MS.</source>
            <translation>PAN mit den Pixeln von MS.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/degrade.py" />
            <source>Reduced MS</source>
            <translation>Verkleinertes MS</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/degrade.py" />
            <source>MS with pixels larger by the ratio.</source>
            <translation>MS mit Pixeln, die um das Verhältnis größer sind.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/degrade.py" />
            <source>The original MS, cut to the area of the reduced PAN.</source>
            <translation>Das ursprüngliche MS, zugeschnitten auf die Fläche des verkleinerten PAN.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/degrade.py" />
            <source>Width of the reduced PAN in pixels</source>
            <translation>Breite des verkleinerten PAN in Pixeln</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/degrade.py" />
            <source>Height of the reduced PAN in pixels</source>
            <translation>Höhe des verkleinerten PAN in Pixeln</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/degrade.py" />
            <source>Width of the reduced MS in pixels</source>
            <translation>Breite des verkleinerten MS in Pixeln</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/degrade.py" />
            <source>Height of the reduced MS in pixels</source>
            <translation>Höhe des verkleinerten MS in Pixeln</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/degrade.py" />
            <source>Number of bands of MS</source>
            <translation>Anzahl der Kanäle von MS</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/degrade.py" />
            <source>Ratio by which both were reduced</source>
            <translation>Verhältnis, um das beide verkleinert wurden</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/degrade.py" />
            <source>Fraction of valid MS pixels (0 to 1)</source>
            <translation>Anteil gültiger MS-Pixel (0 bis 1)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/degrade.py" />
            <source>{name} reduced</source>
            <translation>{name} verkleinert</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/degrade.py" />
            <source>{name} reference</source>
            <translation>{name} Referenz</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/described.py" />
            <source>Choices are given by name, e.g. {name}={value}.</source>
            <translation>Auswahlwerte werden mit Namen angegeben, z. B. {name}={value}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen.py" />
            <source>Pansharpen (KSDiff)</source>
            <translation>Pansharpening (KSDiff)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen.py" />
            <source>Sharpens multispectral bands with a panchromatic band by kernel-space diffusion.</source>
            <translation>Schärft Multispektralkanäle mit einem panchromatischen Kanal durch Diffusion im Raum der Faltungskerne.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen.py" />
            <source>Fuses a panchromatic raster (PAN) with a multispectral one (MS) into a multispectral raster with the pixels of PAN, by the method KSDiff: a diffusion model estimates a prior of the scene, the prior shapes the kernels of a convolutional network, and one pass of that network sharpens the bands.

The result covers the common area of PAN and MS in the CRS and grid of PAN, and keeps the data type, nodata and radiometry of MS. MS in another CRS is warped. The same inputs, weights and seed give the same result.</source>
            <translation>Fusioniert ein panchromatisches Raster (PAN) und ein multispektrales (MS) zu einem multispektralen Raster mit den Pixeln von PAN, nach dem Verfahren KSDiff: Ein Diffusionsmodell schätzt einen Prior der Szene, der Prior formt die Faltungskerne eines neuronalen Netzes, und ein einziger Durchlauf dieses Netzes schärft die Kanäle.

Das Ergebnis bedeckt die gemeinsame Fläche von PAN und MS in KBS und Gitter von PAN und behält Datentyp, NoData und Radiometrie von MS. Liegt MS in einem anderen KBS, wird es transformiert. Gleiche Eingaben, Gewichte und Startwerte ergeben das gleiche Ergebnis.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen.py" />
            <source>Weights used</source>
            <translation>Verwendete Gewichte</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <source>Pansharpen a folder</source>
            <translation>Pansharpening eines Ordners</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <source>Finds the pairs of PAN and MS in a folder, and sharpens them all.</source>
            <translation>Findet die Paare aus PAN und MS in einem Ordner und schärft sie alle.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <source>Looks for raster files in a folder and in the folders below, tells which panchromatic (PAN) and which multispectral (MS) files belong together, by bands, pixel sizes, place and names, as the action of the layers panel does, and sharpens each pair. The band files of a scene are stacked.

A pair that fails is reported, and the others go on. Results that are there already are left alone, so that an interrupted run can be repeated.</source>
            <translation>Sucht Rasterdateien in einem Ordner und in den Ordnern darunter, erkennt an Kanälen, Pixelgrößen, Lage und Namen, welche panchromatischen (PAN) und multispektralen (MS) Dateien zusammengehören, wie es die Aktion im Layerfenster tut, und schärft jedes Paar. Die Kanaldateien einer Szene werden gestapelt.

Ein Paar, das scheitert, wird gemeldet, und die übrigen folgen. Ergebnisse, die es schon gibt, bleiben unberührt, sodass sich ein abgebrochener Lauf wiederholen lässt.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>Folder</source>
            <translation>Ordner</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <source>The folder with the PAN and MS files.</source>
            <translation>Der Ordner mit den PAN- und MS-Dateien.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <source>ksdiff is the network, the others are those of ksdiff:classicalpansharpen.</source>
            <translation>ksdiff ist das Netz, die anderen sind die von ksdiff:classicalpansharpen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <location filename="../../ksdiff_qgis/parameters/scene.py" />
            <source>Bands of MS</source>
            <translation>Kanäle von MS</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <source>Leave results that exist</source>
            <translation>Vorhandene Ergebnisse behalten</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <source>A result is known by its name alone; switch this off after other choices.</source>
            <translation>Ein Ergebnis wird allein am Namen erkannt; nach einer anderen Auswahl ist dies auszuschalten.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <location filename="../../resources/models/foldermosaic.model3" />
            <source>Folder for the results</source>
            <translation>Ordner für die Ergebnisse</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <location filename="../../resources/models/foldermosaic.model3" />
            <source>Each result has the name of its MS file, and _pansharpened.tif.</source>
            <translation>Jedes Ergebnis heißt wie seine MS-Datei, mit _pansharpened.tif am Ende.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <source>Pansharpened rasters</source>
            <translation>Geschärfte Raster</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <source>Number of pairs</source>
            <translation>Anzahl der Paare</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <source>Number of pairs that failed</source>
            <translation>Anzahl der gescheiterten Paare</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <source>The folder {folder} does not exist.</source>
            <translation>Den Ordner {folder} gibt es nicht.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <source>It is there already.</source>
            <translation>Es ist schon vorhanden.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <source>Not one of the pairs could be sharpened.</source>
            <translation>Keines der Paare ließ sich schärfen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <source>{files} raster files, {pairs} pairs of PAN and MS.</source>
            <translation>{files} Rasterdateien, {pairs} Paare aus PAN und MS.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <source>In {folder}, no PAN and MS files belong together.</source>
            <translation>In {folder} gehören keine PAN- und MS-Dateien zusammen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <source>PAN needs one band and smaller pixels than MS, and must overlap it. Name the files in ksdiff:pansharpen otherwise.</source>
            <translation>PAN braucht einen einzigen Kanal und kleinere Pixel als MS und muss sich mit MS überlappen. Andernfalls sind die Dateien in ksdiff:pansharpen anzugeben.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <source>The folder {folder} cannot be made: {error}.</source>
            <translation>Der Ordner {folder} lässt sich nicht anlegen: {error}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/pansharpen_folder.py" />
            <source>Choose another.</source>
            <translation>Einen anderen wählen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/setup_engine.py" />
            <source>Set up the engine</source>
            <translation>Engine einrichten</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/setup_engine.py" />
            <source>Installs PyTorch for KSDiff beside QGIS, tests it, or removes it.</source>
            <translation>Installiert PyTorch für KSDiff neben QGIS, testet oder entfernt es.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/setup_engine.py" />
            <source>KSDiff's network needs PyTorch, which stays out of QGIS: in a virtual environment in the QGIS profile, or in a Python that is there already. install makes the environment, use takes the Python named in PYTHON, test tries the engine, remove deletes the environment.

Nothing is installed but by this. Cancelled or failed, an installation goes on where it stopped when it is started again.</source>
            <translation>Das Netz von KSDiff braucht PyTorch. Es bleibt außerhalb von QGIS: in einer virtuellen Umgebung im QGIS-Profil oder in einem schon vorhandenen Python. install legt die Umgebung an, use nimmt das in PYTHON genannte Python, test prüft die Engine, remove löscht die Umgebung.

Nur hierdurch wird etwas installiert. Eine abgebrochene oder fehlgeschlagene Installation geht beim nächsten Start dort weiter, wo sie stehen blieb.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/setup_engine.py" />
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>Engine</source>
            <translation>Engine</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/setup_engine.py" />
            <source>Action</source>
            <translation>Aktion</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/setup_engine.py" />
            <source>One of test, install, use and remove.</source>
            <translation>Eines von test, install, use und remove.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/setup_engine.py" />
            <source>Build of PyTorch</source>
            <translation>Build von PyTorch</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/setup_engine.py" />
            <source>For install: default (what the package index hands out: with CUDA on Linux, for the processor elsewhere), cpu, or cuda (the one that fits NVIDIA's driver). Other builds than the default need INDEX or WHEELS.</source>
            <translation>Für install: default (was der Paketindex ausgibt: unter Linux mit CUDA, sonst für den Prozessor), cpu oder cuda (passend zum NVIDIA-Treiber). Andere Builds als default brauchen INDEX oder WHEELS.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/setup_engine.py" />
            <source>Folder of wheels</source>
            <translation>Ordner mit Wheels</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/setup_engine.py" />
            <source>For install without a network: a folder with the wheels of torch, safetensors and of what they need.</source>
            <translation>Für install ohne Netzwerk: ein Ordner mit den Wheels von torch, safetensors und allem, was diese brauchen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/setup_engine.py" />
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>Package index</source>
            <translation>Paketindex</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/setup_engine.py" />
            <source>For install: the address of a package index for PyTorch. {build} in it stands for cpu, cu128 and so on. Empty: that of the settings, else pip's own.</source>
            <translation>Für install: die Adresse eines Paketindex für PyTorch. {build} darin steht für cpu, cu128 usw. Leer: die der Einstellungen, sonst die von pip.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/setup_engine.py" />
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>Python</source>
            <translation>Python</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/setup_engine.py" />
            <source>For use: the executable of a Python with PyTorch, safetensors, numpy, scipy and GDAL, e.g. of a conda environment.</source>
            <translation>Für use: die ausführbare Datei eines Python mit PyTorch, safetensors, numpy, scipy und GDAL, z. B. einer conda-Umgebung.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/setup_engine.py" />
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <location filename="../../ksdiff_qgis/parameters/network.py" />
            <location filename="../../ksdiff_qgis/result_layer.py" />
            <source>Device</source>
            <translation>Gerät</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/setup_engine.py" />
            <source>For test: the device to compute on.</source>
            <translation>Für test: das Gerät, auf dem gerechnet wird.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/setup_engine.py" />
            <source>Version of PyTorch</source>
            <translation>Version von PyTorch</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/setup_engine.py" />
            <source>ACTION=use needs PYTHON, the executable to use.</source>
            <translation>ACTION=use braucht PYTHON, die zu verwendende ausführbare Datei.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/setup_engine.py" />
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>The environment was removed.</source>
            <translation>Die Umgebung wurde entfernt.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/sharpening.py" />
            <source>Pansharpening</source>
            <translation>Pansharpening</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/sharpening.py" />
            <location filename="../../resources/models/keepifbetter.model3" />
            <source>Pansharpened raster</source>
            <translation>Pangeschärftes Raster</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/sharpening.py" />
            <location filename="../../resources/models/landsatndvi.model3" />
            <source>The sharpened bands: a GeoTIFF, or another format by its extension.</source>
            <translation>Die geschärften Kanäle: ein GeoTIFF oder, je nach Dateiendung, ein anderes Format.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/sharpening.py" />
            <source>Width in pixels</source>
            <translation>Breite in Pixeln</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/sharpening.py" />
            <source>Height in pixels</source>
            <translation>Höhe in Pixeln</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/sharpening.py" />
            <source>Number of bands</source>
            <translation>Anzahl der Kanäle</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/sharpening.py" />
            <location filename="../../ksdiff_qgis/result_layer.py" />
            <source>PAN pixels per MS pixel</source>
            <translation>PAN-Pixel je MS-Pixel</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/sharpening.py" />
            <source>Fraction of valid pixels (0 to 1)</source>
            <translation>Anteil gültiger Pixel (0 bis 1)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/algorithms/sharpening.py" />
            <source>{name} pansharpened</source>
            <translation>{name} pangeschärft</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_setup.py" />
            <source>The engine is not ready. {error}</source>
            <translation>Die Engine ist nicht bereit. {error}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_setup.py" />
            <source>Python: {path}</source>
            <translation>Python: {path}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_setup.py" />
            <source>PyTorch: {torch}</source>
            <translation>PyTorch: {torch}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_setup.py" />
            <source>cannot be read</source>
            <translation>nicht lesbar</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_setup.py" />
            <source>the last test failed: {problem}</source>
            <translation>der letzte Test ist fehlgeschlagen: {problem}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_setup.py" />
            <source>not tested since the start</source>
            <translation>seit dem Start nicht getestet</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_setup.py" />
            <source>none were found</source>
            <translation>keine gefunden</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_setup.py" />
            <source>Weights: {weights}</source>
            <translation>Gewichte: {weights}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_setup.py" />
            <source>{python} is no file.</source>
            <translation>{python} ist keine Datei.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_setup.py" />
            <source>Name the executable, e.g. …/bin/python.</source>
            <translation>Die ausführbare Datei angeben, z. B. …/bin/python.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_setup.py" />
            <source>The environment variable {name} is set, and chooses another Python.</source>
            <translation>Die Umgebungsvariable {name} ist gesetzt und bestimmt ein anderes Python.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Opening the rasters</source>
            <translation>Raster werden geöffnet</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Loading {weights} on {device}</source>
            <translation>{weights} wird auf {device} geladen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Comparing the places of PAN and MS</source>
            <translation>Lage von PAN und MS wird verglichen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Reading statistics</source>
            <translation>Statistik wird gelesen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Statistics at PAN resolution</source>
            <translation>Statistik in PAN-Auflösung wird berechnet</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Reading windows for the prior</source>
            <translation>Fenster für den Prior werden gelesen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Estimating the prior</source>
            <translation>Prior wird geschätzt</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Measuring the detail</source>
            <translation>Details werden gemessen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Fusing tile {number} of {count}</source>
            <translation>Kachel {number} von {count} wird fusioniert</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Reducing tile {number} of {count}</source>
            <translation>Kachel {number} von {count} wird verkleinert</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Preparing {method}</source>
            <translation>{method} wird vorbereitet</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Measuring {method}</source>
            <translation>{method} wird gemessen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Reading both images</source>
            <translation>Beide Bilder werden gelesen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Comparing with the MS at its own resolution</source>
            <translation>Vergleich mit MS in dessen Auflösung</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Measuring without a reference</source>
            <translation>Kennzahlen ohne Referenz werden berechnet</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Measuring against the reference</source>
            <translation>Kennzahlen gegen die Referenz werden berechnet</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Mapping the errors</source>
            <translation>Fehlerkarte wird geschrieben</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Writing the report</source>
            <translation>Bericht wird geschrieben</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Completing the file</source>
            <translation>Datei wird abgeschlossen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Completing the files</source>
            <translation>Dateien werden abgeschlossen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Building pyramids</source>
            <translation>Pyramiden werden erzeugt</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Taking over finished tiles</source>
            <translation>Fertige Kacheln werden übernommen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Looking for valid parts</source>
            <translation>Gültige Teile werden gesucht</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Reading blocks at reduced resolution</source>
            <translation>Blöcke werden in verringerter Auflösung gelesen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Measuring the weights as they are</source>
            <translation>Die bisherigen Gewichte werden gemessen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Step {step}: ERGAS of the held-out part {ergas}, before {before}</source>
            <translation>Schritt {step}: ERGAS des zurückgehaltenen Teils {ergas}, vorher {before}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>Writing the weights</source>
            <translation>Die Gewichte werden geschrieben</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>The adaptation helped: ERGAS on the held-out part fell from {before} to {after}, by {share} %.</source>
            <translation>Die Anpassung hat geholfen: Der ERGAS des zurückgehaltenen Teils sank von {before} auf {after}, um {share} %.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>The adaptation did not help: ERGAS on the held-out part is {before} with {weights} and {after} at best after it.</source>
            <translation>Die Anpassung hat nicht geholfen: Der ERGAS des zurückgehaltenen Teils ist {before} mit {weights} und danach bestenfalls {after}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>No file was written.</source>
            <translation>Es wurde keine Datei geschrieben.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>At full resolution HQNR fell from {before} to {after}: look at a result before you rely on these weights.</source>
            <translation>In voller Auflösung sank HQNR von {before} auf {after}: Sehen Sie sich ein Ergebnis an, bevor Sie sich auf diese Gewichte verlassen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>made for {scenes}</source>
            <translation>gemacht für {scenes}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>made for {scenes}; its training data include {sensor}</source>
            <translation>gemacht für {scenes}; die Trainingsdaten enthalten {sensor}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>made for {scenes}; its training data do not include {sensor}</source>
            <translation>gemacht für {scenes}; die Trainingsdaten enthalten {sensor} nicht</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>any number of bands, ratio {ratio}</source>
            <translation>beliebig viele Kanäle, Verhältnis {ratio}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>any number of bands, ratios {lowest} to {highest}</source>
            <translation>beliebig viele Kanäle, Verhältnisse {lowest} bis {highest}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>{count} bands, ratio {ratio}</source>
            <translation>{count} Kanäle, Verhältnis {ratio}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>{count} bands, ratios {lowest} to {highest}</source>
            <translation>{count} Kanäle, Verhältnisse {lowest} bis {highest}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>named by the user</source>
            <translation>vom Benutzer angegeben</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>the wavelengths of the bands</source>
            <translation>Wellenlängen der Kanäle</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>nothing in the files names a known sensor</source>
            <translation>nichts in den Dateien nennt einen bekannten Sensor</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>“{text}”, metadata of {file}</source>
            <translation>„{text}“, Metadaten von {file}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>“{text}”, name of the file</source>
            <translation>„{text}“, Name der Datei</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>“{text}”, name of the folder</source>
            <translation>„{text}“, Name des Ordners</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>“{text}”, description of a band</source>
            <translation>„{text}“, Beschreibung eines Kanals</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>PAN and MS lie on each other to {length} PAN pixels; {share} of {count} windows agree.</source>
            <translation>PAN und MS liegen auf {length} PAN-Pixel genau aufeinander; {share} von {count} Fenstern stimmen überein.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>PAN lies {place} of MS; {share} of {count} windows agree.</source>
            <translation>PAN ist gegen MS um {place} versetzt; {share} von {count} Fenstern stimmen überein.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>PAN may lie {place} of MS, but this is not certain: {reason}.</source>
            <translation>PAN ist gegen MS vielleicht um {place} versetzt, doch das ist nicht sicher: {reason}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>The shift between PAN and MS could not be measured: {reason}.</source>
            <translation>Der Versatz zwischen PAN und MS konnte nicht gemessen werden: {reason}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>The shift changes by {length} PAN pixels across the scene.</source>
            <translation>Der Versatz ändert sich innerhalb der Szene um {length} PAN-Pixel.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>MS was moved accordingly.</source>
            <translation>MS wurde entsprechend verschoben.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>PAN was moved accordingly.</source>
            <translation>PAN wurde entsprechend verschoben.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>MS was left where it is.</source>
            <translation>MS wurde belassen, wo es ist.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>The shift was left; register 'follow' or 'correct' takes it out.</source>
            <translation>Der Versatz wurde belassen; REGISTER „follow“ oder „correct“ beseitigt ihn.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>{x} PAN pixels right and {y} below</source>
            <translation>{x} PAN-Pixel nach rechts und {y} nach unten</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>{x} PAN pixels right and {y} above</source>
            <translation>{x} PAN-Pixel nach rechts und {y} nach oben</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>{x} PAN pixels left and {y} below</source>
            <translation>{x} PAN-Pixel nach links und {y} nach unten</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>{x} PAN pixels left and {y} above</source>
            <translation>{x} PAN-Pixel nach links und {y} nach oben</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>this was not asked for</source>
            <translation>das wurde nicht verlangt</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>it changes with every attempt</source>
            <translation>er ändert sich mit jedem Versuch</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>it changes by {length} PAN pixels across the scene</source>
            <translation>er ändert sich innerhalb der Szene um {length} PAN-Pixel</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>only {agreeing} of {count} windows agree to {length} PAN pixels</source>
            <translation>nur {agreeing} von {count} Fenstern stimmen auf {length} PAN-Pixel überein</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>its standard error is {error} PAN pixels</source>
            <translation>sein Standardfehler ist {error} PAN-Pixel</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>no part of the scene is large enough and free of invalid pixels</source>
            <translation>kein Teil der Szene ist groß genug und frei von ungültigen Pixeln</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>no part of the scene shows the same ground in both</source>
            <translation>kein Teil der Szene zeigt in beiden dasselbe Gelände</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>the scene has fewer than {width} × {height} multispectral pixels</source>
            <translation>die Szene hat weniger als {width} × {height} Multispektralpixel</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>no band grows brighter where PAN does</source>
            <translation>kein Kanal wird heller, wo PAN heller wird</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>sharpened with {weights} in {seconds} s</source>
            <translation>mit {weights} in {seconds} s geschärft</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>not sharpened: {error}</source>
            <translation>nicht geschärft: {error}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/engine_texts.py" />
            <source>not tried, as no weights were found</source>
            <translation>nicht verwendet, da keine Gewichte gefunden wurden</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/actions.py" />
            <source>Pansharpen…</source>
            <translation>Pansharpening…</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/actions.py" />
            <source>Pansharpen the selected layers with KSDiff</source>
            <translation>Ausgewählte Layer mit KSDiff pansharpen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/actions.py" />
            <source>No partner for {layers}. PAN needs one band and smaller pixels than MS, and must overlap it.</source>
            <translation>Kein Partner für {layers}. PAN braucht einen einzigen Kanal, kleinere Pixel als MS und muss MS überlappen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/actions.py" />
            <source>Pansharpen</source>
            <translation>Pansharpening</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/actions.py" />
            <source>The engine that runs the network is not ready yet.</source>
            <translation>Die Engine, die das Netz ausführt, ist noch nicht bereit.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/actions.py" />
            <source>Set Up Engine…</source>
            <translation>Engine einrichten…</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/actions.py" />
            <source>Classical Method…</source>
            <translation>Klassisches Verfahren…</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/actions.py" />
            <source>Without a partner and left out: {layers}.</source>
            <translation>Ohne Partner und ausgelassen: {layers}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/actions.py" />
            <source>Left out, as no multispectral bands: {layers}.</source>
            <translation>Weggelassen, weil keine multispektralen Kanäle: {layers}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/engine_tasks.py" />
            <source>The work was cancelled.</source>
            <translation>Die Arbeit wurde abgebrochen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/engine_tasks.py" />
            <source>Setting up the KSDiff engine</source>
            <translation>KSDiff-Engine wird eingerichtet</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>Set up engine…</source>
            <translation>Engine einrichten…</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>Test engine</source>
            <translation>Engine testen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>Copy diagnostics</source>
            <translation>Diagnose kopieren</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>Defaults, for tools that are left at “auto” or 0</source>
            <translation>Vorgaben für Werkzeuge, die auf „auto“ oder 0 stehen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>chosen by the engine</source>
            <translation>von der Engine gewählt</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source> PAN pixels</source>
            <translation> PAN-Pixel</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>Edge of a tile. It bounds the memory: half the edge takes a quarter of it.</source>
            <translation>Kantenlänge einer Kachel. Sie begrenzt den Speicher: die halbe Kante braucht ein Viertel davon.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>all</source>
            <translation>alle</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <location filename="../../ksdiff_qgis/parameters/network.py" />
            <location filename="../../ksdiff_qgis/result_layer.py" />
            <source>Weights</source>
            <translation>Gewichte</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>Memory: tile size</source>
            <translation>Speicher: Kachelgröße</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>Processor threads</source>
            <translation>Prozessor-Threads</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>Card…</source>
            <translation>Steckbrief…</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>What the weights are made for, where they were learnt, how good they are, licences</source>
            <translation>Wofür die Gewichte gemacht sind, woraus sie gelernt wurden, wie gut sie sind, Lizenzen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>Folders with further weights (*.safetensors)</source>
            <translation>Ordner mit weiteren Gewichten (*.safetensors)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>Add…</source>
            <translation>Hinzufügen…</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>Remove</source>
            <translation>Entfernen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>Looking at the engine …</source>
            <translation>Engine wird untersucht …</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>Testing the engine: PyTorch, device, a made-up scene …</source>
            <translation>Engine wird getestet: PyTorch, Gerät, eine künstliche Szene …</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>Collecting …</source>
            <translation>Daten werden gesammelt …</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>The diagnostics are on the clipboard:</source>
            <translation>Die Diagnose liegt in der Zwischenablage:</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>Folder with weights</source>
            <translation>Ordner mit Gewichten</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/options.py" />
            <source>Weights {name}</source>
            <translation>Gewichte {name}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>Set up the KSDiff engine</source>
            <translation>KSDiff-Engine einrichten</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>Download PyTorch (recommended)</source>
            <translation>PyTorch herunterladen (empfohlen)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>Install from a folder of wheels, without a network</source>
            <translation>Aus einem Ordner mit Wheels installieren, ohne Netzwerk</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>Use a Python that has PyTorch already</source>
            <translation>Ein Python verwenden, das PyTorch schon hat</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>default: what the package index hands out for this system</source>
            <translation>default: was der Paketindex für dieses System ausgibt</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>cpu: smaller, for the processor alone</source>
            <translation>cpu: kleiner, nur für den Prozessor</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>cuda: the one that fits NVIDIA's driver</source>
            <translation>cuda: passend zum NVIDIA-Treiber</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>only for other builds than the default</source>
            <translation>nur für andere Builds als default</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>The address after --index-url that PyTorch's installation page names. {build} in it stands for cpu, cu128 and so on.</source>
            <translation>Die Adresse, die auf der Installationsseite von PyTorch nach --index-url steht. {build} darin steht für cpu, cu128 usw.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>Build</source>
            <translation>Build</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>Set up</source>
            <translation>Einrichten</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>Cancel set-up</source>
            <translation>Einrichtung abbrechen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>Remove environment…</source>
            <translation>Umgebung entfernen…</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>Looking for an NVIDIA GPU …</source>
            <translation>NVIDIA-GPU wird gesucht …</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>Looking for an NVIDIA GPU</source>
            <translation>NVIDIA-GPU wird gesucht</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>This tests the Python and lets it run the engine. It needs torch, safetensors, numpy, scipy and GDAL; nothing is installed.</source>
            <translation>Das Python wird getestet und führt dann die Engine aus. Es braucht torch, safetensors, numpy, scipy und GDAL; installiert wird nichts.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>Choose the folder with the wheels of torch, safetensors and what they need.</source>
            <translation>Ordner mit den Wheels von torch, safetensors und allem, was diese brauchen, wählen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>Testing the KSDiff engine</source>
            <translation>KSDiff-Engine wird getestet</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>The engine is ready.</source>
            <translation>Die Engine ist bereit.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <location filename="../../ksdiff_qgis/worker_client.py" />
            <source>Cancelling …</source>
            <translation>Wird abgebrochen …</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>Remove the environment of the engine, and all that was downloaded for it?</source>
            <translation>Die Umgebung der Engine und alles, was dafür heruntergeladen wurde, entfernen?</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/gui/setup_dialog.py" />
            <source>Removing the KSDiff engine</source>
            <translation>KSDiff-Engine wird entfernt</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/interpreter.py" />
            <source>QGIS's own Python</source>
            <translation>das Python von QGIS</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/interpreter.py" />
            <source>named just now</source>
            <translation>eben angegeben</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/interpreter.py" />
            <source>The Python for the KSDiff engine ({origin}: {path}) lacks {missing}.</source>
            <translation>Dem Python der KSDiff-Engine ({origin}: {path}) fehlt {missing}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/interpreter.py" />
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source> and </source>
            <translation> und </translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/interpreter.py" />
            <source>environment variable {variable}</source>
            <translation>Umgebungsvariable {variable}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/interpreter.py" />
            <source>setting {setting}</source>
            <translation>Einstellung {setting}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/interpreter.py" />
            <source>environment in the QGIS profile</source>
            <translation>Umgebung im QGIS-Profil</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/interpreter.py" />
            <source>No Python executable belongs to this QGIS (looked around {folder}).</source>
            <translation>Zu diesem QGIS gehört kein ausführbares Python (gesucht um {folder}).</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/interpreter.py" />
            <source>Name one in the environment variable {variable}; see {page}.</source>
            <translation>Eines in der Umgebungsvariablen {variable} angeben; siehe {page}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/interpreter.py" />
            <source>The Python for the KSDiff engine ({origin}) cannot be used: {path}: {reason}.</source>
            <translation>Das Python der KSDiff-Engine ({origin}) kann nicht verwendet werden: {path}: {reason}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/interpreter.py" />
            <source>The Python for the KSDiff engine ({origin}: {path}) does not answer: {said}</source>
            <translation>Das Python der KSDiff-Engine ({origin}: {path}) antwortet nicht: {said}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/interpreter.py" />
            <source>Correct it, or see {page}.</source>
            <translation>Angabe berichtigen, oder siehe {page}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/interpreter.py" />
            <source>docs/engine-setup.md in the plugin's repository</source>
            <translation>docs/engine-setup.md im Repositorium der Erweiterung</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/interpreter.py" />
            <source>Set up the engine: Settings → Options → KSDiff → Set up engine…, or run the algorithm ksdiff:setupengine; see {page}.</source>
            <translation>Engine einrichten: Einstellungen → Optionen → KSDiff → Engine einrichten…, oder den Algorithmus ksdiff:setupengine ausführen; siehe {page}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/interpreter.py" />
            <source>Install them: "{path}" -m pip install {packages}; see {page}.</source>
            <translation>Installieren: "{path}" -m pip install {packages}; siehe {page}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/__init__.py" />
            <source>{name}: the folder {folder} does not exist.</source>
            <translation>{name}: Der Ordner {folder} existiert nicht.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/__init__.py" />
            <source>Create it, or choose another.</source>
            <translation>Ordner anlegen oder einen anderen wählen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/network.py" />
            <source>Scope of the prior</source>
            <translation>Reichweite des Priors</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/network.py" />
            <source>scene estimates one prior for the whole scene, so that the tiling leaves no trace; tile estimates one for every 512 pixels and blends them.</source>
            <translation>scene schätzt einen Prior für die ganze Szene, sodass die Kachelung keine Spuren hinterlässt; tile schätzt einen je 512 Pixel und blendet sie ineinander.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/network.py" />
            <source>Of the noise from which the diffusion model starts.</source>
            <translation>Des Rauschens, von dem das Diffusionsmodell ausgeht.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/network.py" />
            <source>The trained network. auto chooses by the number of bands, the ratio of the pixel sizes and the sensor, and reports its choice.</source>
            <translation>Das trainierte Netz. auto wählt nach Anzahl der Kanäle, Verhältnis der Pixelgrößen und Sensor und nennt seine Wahl.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/network.py" />
            <source>auto uses an NVIDIA GPU where one works, else the processor.</source>
            <translation>auto nimmt eine NVIDIA-GPU, wenn eine funktioniert, sonst den Prozessor.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/network.py" />
            <source>A safetensors file of weights, instead of those in the list of weights.</source>
            <translation>Eine safetensors-Datei mit Gewichten, statt derer in der Liste.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/network.py" />
            <location filename="../../ksdiff_qgis/result_layer.py" />
            <source>Seed</source>
            <translation>Startwert</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/network.py" />
            <source>Both WEIGHTS ({name}) and WEIGHTS_FILE ({path}) are given.</source>
            <translation>Sowohl WEIGHTS ({name}) als auch WEIGHTS_FILE ({path}) sind angegeben.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/network.py" />
            <source>Leave WEIGHTS at auto to use the file.</source>
            <translation>WEIGHTS auf auto lassen, um die Datei zu verwenden.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/output.py" />
            <source>Tile size</source>
            <translation>Kachelgröße</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/output.py" />
            <source>Edge of a tile in PAN pixels, at least 64; smaller tiles need less memory. In half precision (GPUs, newest processors) KSDiff keeps to its own size. 0 chooses one.</source>
            <translation>Kantenlänge einer Kachel in PAN-Pixeln, mindestens 64; kleinere Kacheln brauchen weniger Speicher. In halber Genauigkeit (GPUs, neueste Prozessoren) bleibt KSDiff bei seiner eigenen Größe. Bei 0 wird sie gewählt.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/output.py" />
            <source>Output data type</source>
            <translation>Datentyp der Ausgabe</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/output.py" />
            <source>input keeps the data type of MS. Values outside a type's range are clipped.</source>
            <translation>input behält den Datentyp von MS. Werte außerhalb des Wertebereichs eines Typs werden auf dessen Grenzen gesetzt.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/output.py" />
            <source>Build pyramids</source>
            <translation>Pyramiden erzeugen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/output.py" />
            <source>Adds overviews, so that a large result is drawn quickly at small scales. The file grows by about a third.</source>
            <translation>Fügt Übersichten hinzu, damit ein großes Ergebnis in kleinen Maßstäben schnell gezeichnet wird. Die Datei wächst um etwa ein Drittel.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/output.py" />
            <source>Additional creation options</source>
            <translation>Zusätzliche Erzeugungsoptionen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/output.py" />
            <source>Of GDAL's driver for the format, separated by |, e.g. COMPRESS=ZSTD|TILED=YES.</source>
            <translation>Des GDAL-Treibers für das Format, getrennt durch |, z. B. COMPRESS=ZSTD|TILED=YES.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/registration.py" />
            <source>Shift between PAN and MS</source>
            <translation>Versatz zwischen PAN und MS</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/registration.py" />
            <source>How far the ground in PAN lies off the same ground in MS is measured. follow resamples PAN by that, to where MS lies; correct moves MS instead, to where PAN lies, without resampling; both to a fraction of a pixel, where the measurement can be trusted. report only says it. off measures nothing.</source>
            <translation>Gemessen wird, wie weit das Gelände in PAN gegen dasselbe Gelände in MS versetzt ist. follow rechnet PAN um diesen Versatz dorthin um, wo MS liegt; correct verschiebt stattdessen MS dorthin, wo PAN liegt, ohne Resampling; beides auf Bruchteile eines Pixels, sofern der Messung zu trauen ist. report meldet den Versatz nur. off misst nichts.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/registration.py" />
            <source>PAN lies right of MS by (PAN pixels)</source>
            <translation>PAN liegt rechts von MS um (PAN-Pixel)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/registration.py" />
            <source>PAN lies below MS by (PAN pixels)</source>
            <translation>PAN liegt unterhalb von MS um (PAN-Pixel)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/registration.py" />
            <source>Confidence in the shift (0 to 1)</source>
            <translation>Sicherheit des Versatzes (0 bis 1)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/registration.py" />
            <source>Registration: {registration}</source>
            <translation>Registrierung: {registration}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/scene.py" />
            <location filename="../../resources/models/keepifbetter.model3" />
            <source>Panchromatic raster (PAN)</source>
            <translation>Panchromatisches Raster (PAN)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/scene.py" />
            <location filename="../../resources/models/keepifbetter.model3" />
            <source>The sharp raster, with a single band.</source>
            <translation>Das scharfe Raster mit einem einzigen Kanal.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/scene.py" />
            <location filename="../../resources/models/keepifbetter.model3" />
            <source>Multispectral raster (MS), or one raster a band</source>
            <translation>Multispektrales Raster (MS) oder ein Raster je Kanal</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/scene.py" />
            <source>The raster with the colours. Several rasters are stacked in the order given. Of a Landsat product all files may be given; what is no multispectral band is left out.</source>
            <translation>Das Raster mit den Farben. Mehrere Raster werden in der angegebenen Reihenfolge gestapelt. Von einem Landsat-Produkt dürfen alle Dateien angegeben werden; was kein multispektraler Kanal ist, bleibt weg.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/scene.py" />
            <source>Band of PAN</source>
            <translation>Kanal von PAN</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/scene.py" />
            <source>Which band of PAN is panchromatic, where the raster has several.</source>
            <translation>Welcher Kanal von PAN panchromatisch ist, wenn das Raster mehrere hat.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/scene.py" />
            <location filename="../../ksdiff_qgis/result_layer.py" />
            <source>Sensor</source>
            <translation>Sensor</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/scene.py" />
            <source>Whose modulation transfer function (MTF) to use. auto looks at the metadata, names and wavelengths of the files; the log says what it found. default fits any sensor. Profiles of your own belong into the folder ksdiff/sensors of the QGIS profile.</source>
            <translation>Wessen Modulationsübertragungsfunktion (MTF) gilt. auto sieht sich Metadaten, Namen und Wellenlängen der Dateien an; das Protokoll sagt, was es fand. default passt zu jedem Sensor. Eigene Profile gehören in den Ordner ksdiff/sensors des QGIS-Profils.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/scene.py" />
            <source>Which bands, in this order: numbers separated by commas, counted from 1 through the stacked rasters, e.g. 4,3,2. Empty: all bands.</source>
            <translation>Welche Kanäle, in dieser Reihenfolge: durch Kommas getrennte Nummern, gezählt ab 1 durch die gestapelten Raster, z. B. 4,3,2. Leer: alle Kanäle.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/scene.py" />
            <source>Sensor: {sensor} ({why})</source>
            <translation>Sensor: {sensor} ({why})</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/scene.py" />
            <source>Of the {name} rasters, {count} can be opened: {given}.</source>
            <translation>Von den {name}-Rastern lassen sich {count} öffnen: {given}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/scene.py" />
            <source>Check the names of the files.</source>
            <translation>Dateinamen prüfen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/scene.py" />
            <source>BANDS: {given!r} is not a list of band numbers.</source>
            <translation>BANDS: {given!r} ist keine Liste von Kanalnummern.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/parameters/scene.py" />
            <source>E.g. 4,3,2.</source>
            <translation>Z. B. 4,3,2.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/processes.py" />
            <location filename="../../ksdiff_qgis/worker_client.py" />
            <source>{command} cannot be started: {error}.</source>
            <translation>{command} kann nicht gestartet werden: {error}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/provider.py" />
            <source>KSDiff pansharpening</source>
            <translation>KSDiff-Pansharpening</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>The {role} raster cannot be opened.</source>
            <translation>Das {role}-Raster kann nicht geöffnet werden.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>Check the layer, or the file's name.</source>
            <translation>Layer oder Dateinamen prüfen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>{role}: {name!r} is not a readable raster.</source>
            <translation>{role}: {name!r} ist kein lesbares Raster.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>Choose a raster file.</source>
            <translation>Eine Rasterdatei wählen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>{role}: {name!r} comes from the provider {provider!r}, not from a raster file.</source>
            <translation>{role}: {name!r} kommt vom Datenanbieter {provider!r}, nicht aus einer Rasterdatei.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>Export the layer to GeoTIFF and use that.</source>
            <translation>Den Layer als GeoTIFF exportieren und dieses verwenden.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>PAN: {name!r} has {bands} bands; a panchromatic raster has one.</source>
            <translation>PAN: {name!r} hat {bands} Kanäle; ein panchromatisches Raster hat einen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>Name its band in PAN_BAND, or choose another raster.</source>
            <translation>Seinen Kanal in PAN_BAND angeben oder ein anderes Raster wählen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>PAN: band {band} was asked for; {name!r} has {bands}.</source>
            <translation>PAN: Kanal {band} wurde verlangt; {name!r} hat {bands}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>Band {band} was asked for; the {role} has the bands 1 to {available}.</source>
            <translation>Kanal {band} wurde verlangt; {role} hat die Kanäle 1 bis {available}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>Bands are counted from 1, through the {role} files in their order.</source>
            <translation>Kanäle werden ab 1 gezählt, der Reihe nach durch die {role}-Dateien.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>PAN {pan!r} has coarser pixels than MS {ms!r} ({ratio:.2f} MS pixels per PAN pixel).</source>
            <translation>PAN {pan!r} hat gröbere Pixel als MS {ms!r} ({ratio:.2f} MS-Pixel je PAN-Pixel).</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>PAN and MS may have been swapped.</source>
            <translation>Vielleicht wurden PAN und MS vertauscht.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>FUSED {name!r} has {count} bands; {wanted} bands are to be compared with it.</source>
            <translation>FUSED {name!r} hat {count} Kanäle; verglichen werden sollen {wanted} Kanäle.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>Name the bands that were sharpened in BANDS.</source>
            <translation>Die geschärften Kanäle in BANDS angeben.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>{role} {name!r} and {other_role} {other!r} do not overlap.</source>
            <translation>{role} {name!r} und {other_role} {other!r} überlappen nicht.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>Check that both show the same scene, and that both CRSs are right.</source>
            <translation>Prüfen, ob beide dieselbe Szene zeigen und beide KBS stimmen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>{name!r} has no CRS, while its partner has one.</source>
            <translation>{name!r} hat kein KBS, das zugehörige Raster aber eines.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>Assign the projection to the file (gdal:assignprojection), then run again.</source>
            <translation>Der Datei die Projektion zuweisen (gdal:assignprojection), dann erneut ausführen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>The extent of {name!r} cannot be transformed from {source} to {target}: {error}.</source>
            <translation>Die Ausdehnung von {name!r} lässt sich nicht von {source} nach {target} transformieren: {error}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/rasters.py" />
            <source>Check that the CRS of both rasters is right.</source>
            <translation>Prüfen, ob das KBS beider Raster stimmt.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/result_layer.py" />
            <source>SHA-256 of the weights</source>
            <translation>SHA-256 der Gewichte</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/result_layer.py" />
            <source>Registration</source>
            <translation>Registrierung</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/result_layer.py" />
            <source>, bands {bands}</source>
            <translation>, Kanäle {bands}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/result_layer.py" />
            <source>Multispectral raster at the resolution of its panchromatic one, by {maker}.</source>
            <translation>Multispektrales Raster in der Auflösung des zugehörigen panchromatischen, erzeugt mit {maker}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/result_layer.py" />
            <source>{time} sharpened by {maker}</source>
            <translation>{time} geschärft mit {maker}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/check.py" />
            <source>The test of the engine</source>
            <translation>Test der Engine</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/check.py" />
            <source>The test was cancelled.</source>
            <translation>Der Test wurde abgebrochen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/check.py" />
            <source>{doing} did not end within {minutes:.0f} minutes.</source>
            <translation>„{doing}“ endete nicht innerhalb von {minutes:.0f} Minuten.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/check.py" />
            <source>Choose cpu as the device, or restart the computer, then test again.</source>
            <translation>Als Gerät cpu wählen oder den Computer neu starten, dann erneut testen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/check.py" />
            <source> with {memory:.1f} GB of memory</source>
            <translation> mit {memory:.1f} GB Speicher</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/check.py" />
            <source>processor ({threads} threads)</source>
            <translation>Prozessor ({threads} Threads)</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/check.py" />
            <source>PyTorch {version} on the {device}.</source>
            <translation>PyTorch {version}, Gerät: {device}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/check.py" />
            <source>A made-up scene was {scene}.</source>
            <translation>Eine künstliche Szene wurde {scene}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>{path} is Python {version}; the engine needs 3.9.</source>
            <translation>{path} ist Python {version}; die Engine braucht 3.9.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>Choose a newer Python that has PyTorch.</source>
            <translation>Ein neueres Python mit PyTorch wählen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>{path} has {bits} bits; PyTorch needs 64.</source>
            <translation>{path} hat {bits} Bit; PyTorch braucht 64.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>Install QGIS for 64 bits.</source>
            <translation>QGIS für 64 Bit installieren.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>{path} cannot make virtual environments: it lacks venv or ensurepip.</source>
            <translation>{path} kann keine virtuellen Umgebungen anlegen: venv oder ensurepip fehlt.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>On Debian and Ubuntu install the package python3-venv; elsewhere choose a Python that has PyTorch already.</source>
            <translation>Unter Debian und Ubuntu das Paket python3-venv installieren; sonst ein Python wählen, das PyTorch schon hat.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>downloads {size}</source>
            <translation>lädt {size} herunter</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>downloads nothing</source>
            <translation>lädt nichts herunter</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>This makes the environment {environment} on {base}, installs PyTorch ({build}) and safetensors into it, {source} and needs {disk} of disk. QGIS itself stays as it is.</source>
            <translation>Dies legt auf {base} die Umgebung {environment} an, installiert darin PyTorch ({build}) und safetensors, {source} und braucht {disk} Plattenplatz. QGIS selbst bleibt, wie es ist.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>The set-up needs {disk} of disk; {root} has {free:.1f} GB free.</source>
            <translation>Die Einrichtung braucht {disk} Plattenplatz; {root} hat {free:.1f} GB frei.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>Free some space, or choose the CPU build.</source>
            <translation>Platz schaffen oder den CPU-Build wählen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>Free some space.</source>
            <translation>Platz schaffen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>Build {build!r} is none of {builds}.</source>
            <translation>Build {build!r} ist keiner von {builds}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>Making the environment</source>
            <translation>Umgebung anlegen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>Installing PyTorch</source>
            <translation>PyTorch installieren</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>Installing safetensors</source>
            <translation>safetensors installieren</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>On this system the package index hands out PyTorch for {kind} only; the build {tag} needs an index of its own.</source>
            <translation>Auf diesem System gibt der Paketindex nur PyTorch für {kind} aus; der Build {tag} braucht einen eigenen Index.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>Give the address that PyTorch's installation page names, or a folder of wheels.</source>
            <translation>Die Adresse von der Installationsseite von PyTorch oder einen Ordner mit Wheels angeben.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>Give the address that PyTorch's installation page names, or a folder of wheels, or take the default build.</source>
            <translation>Die Adresse von der Installationsseite von PyTorch oder einen Ordner mit Wheels angeben, oder den Build default nehmen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>There is no PyTorch with CUDA for macOS.</source>
            <translation>Für macOS gibt es kein PyTorch mit CUDA.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>Take the default build.</source>
            <translation>Den Build default nehmen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>No NVIDIA GPU was found (nvidia-smi is missing or does not answer).</source>
            <translation>Keine NVIDIA-GPU gefunden (nvidia-smi fehlt oder antwortet nicht).</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>Install NVIDIA's driver, or take the CPU build.</source>
            <translation>Den NVIDIA-Treiber installieren oder den CPU-Build nehmen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>{name} with driver {driver:g} fits no CUDA build of PyTorch.</source>
            <translation>Zu {name} mit Treiber {driver:g} passt kein CUDA-Build von PyTorch.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>Update NVIDIA's driver to 580 or newer, or take the CPU build.</source>
            <translation>Den NVIDIA-Treiber auf 580 oder neuer aktualisieren oder den CPU-Build nehmen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>This build uses the processor alone. For {name} choose the build cuda ({tag}), with the address of its index.</source>
            <translation>Dieser Build nutzt nur den Prozessor. Für {name} den Build cuda ({tag}) mit der Adresse seines Index wählen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>On Linux the package index hands out PyTorch with CUDA, though no NVIDIA GPU was found here. The smaller CPU build needs the address of its index.</source>
            <translation>Unter Linux gibt der Paketindex PyTorch mit CUDA aus, obwohl hier keine NVIDIA-GPU gefunden wurde. Der kleinere CPU-Build braucht die Adresse seines Index.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source> or take the build cuda ({tag}) from its index</source>
            <translation> oder den Build cuda ({tag}) aus dessen Index nehmen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>{name} with driver {driver:g} may not run the current build (CUDA 13, driver {needed:g} or newer): the processor would be used. Update the driver{best}.</source>
            <translation>Auf {name} mit Treiber {driver:g} läuft der aktuelle Build (CUDA 13, ab Treiber {needed:g}) womöglich nicht: Dann würde der Prozessor verwendet. Den Treiber aktualisieren{best}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>The folder {folder} holds no wheel of {packages}.</source>
            <translation>Im Ordner {folder} fehlt das Wheel von {packages}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>Fill it on a computer with a network: pip download -d FOLDER torch safetensors.</source>
            <translation>Den Ordner auf einem Computer mit Netzwerk füllen: pip download -d ORDNER torch safetensors.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source> or </source>
            <translation> oder </translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>The wheel {wheel} cannot be read: {error}.</source>
            <translation>Das Wheel {wheel} kann nicht gelesen werden: {error}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>Copy it again.</source>
            <translation>Erneut kopieren.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>up to {size:.1f} GB</source>
            <translation>bis zu {size:.1f} GB</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/environment.py" />
            <source>about {size:.0f} MB</source>
            <translation>etwa {size:.0f} MB</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>This Python cannot make virtual environments: it lacks venv or ensurepip.</source>
            <translation>Dieses Python kann keine virtuellen Umgebungen anlegen: venv oder ensurepip fehlt.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>The disk is full.</source>
            <translation>Die Platte ist voll.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>Free some space and start the set-up again; it goes on where it stopped.</source>
            <translation>Platz schaffen und die Einrichtung erneut starten; sie geht dort weiter, wo sie stehen blieb.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>A file name became too long for Windows.</source>
            <translation>Ein Dateiname wurde für Windows zu lang.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>Enable long paths (Windows group policy “Enable Win32 long paths”), then start again.</source>
            <translation>Lange Pfade erlauben (Windows-Gruppenrichtlinie „Lange Win32-Pfade aktivieren“), dann erneut starten.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>Windows refused access to a file, mostly because a virus scanner or another program holds it.</source>
            <translation>Windows verweigerte den Zugriff auf eine Datei, meist weil ein Virenscanner oder ein anderes Programm sie geöffnet hält.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>Close other QGIS windows, let the virus scanner pass over the folder, then start again.</source>
            <translation>Andere QGIS-Fenster schließen, den Virenscanner den Ordner prüfen lassen, dann erneut starten.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>The folder of the engine cannot be written.</source>
            <translation>In den Ordner der Engine kann nicht geschrieben werden.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>Check who owns the folder of the QGIS profile, then start again.</source>
            <translation>Prüfen, wem der Ordner des QGIS-Profils gehört, dann erneut starten.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>The proxy refused the connection.</source>
            <translation>Der Proxy hat die Verbindung abgelehnt.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>Give the proxy with its user name in the environment variable HTTPS_PROXY or in pip's configuration, restart QGIS and start again; or install from a folder of wheels.</source>
            <translation>Den Proxy samt Benutzername in der Umgebungsvariablen HTTPS_PROXY oder in der Konfiguration von pip angeben, QGIS neu starten und erneut beginnen; oder aus einem Ordner mit Wheels installieren.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>The package index's certificate is not trusted, mostly because a firewall puts its own in place.</source>
            <translation>Dem Zertifikat des Paketindex wird nicht vertraut, meist weil eine Firewall ihr eigenes einsetzt.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>Name your organisation's certificates in the environment variable PIP_CERT, restart QGIS and start again; or install from a folder of wheels.</source>
            <translation>Die Zertifikate der eigenen Organisation in der Umgebungsvariablen PIP_CERT angeben, QGIS neu starten und erneut beginnen; oder aus einem Ordner mit Wheels installieren.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>The package index refused to hand out the packages.</source>
            <translation>Der Paketindex gibt die Pakete nicht heraus.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>Check the address of the package index.</source>
            <translation>Die Adresse des Paketindex prüfen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>The package index cannot be reached, or the connection broke.</source>
            <translation>Der Paketindex ist nicht erreichbar, oder die Verbindung brach ab.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>Check the network and start again, what was downloaded is kept; or install from a folder of wheels.</source>
            <translation>Netzwerk prüfen und erneut starten, bereits Heruntergeladenes bleibt erhalten; oder aus einem Ordner mit Wheels installieren.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>A downloaded file is damaged.</source>
            <translation>Eine heruntergeladene Datei ist beschädigt.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>Remove the environment, then set it up again.</source>
            <translation>Die Umgebung entfernen, dann neu einrichten.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>The Python or a library was built for another kind of processor.</source>
            <translation>Das Python oder eine Bibliothek ist für eine andere Prozessorart gebaut.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>On a Mac with Apple silicon use QGIS and Python for arm64 both, elsewhere 64 bits both.</source>
            <translation>Auf einem Mac mit Apple-Prozessor QGIS und Python beide für arm64 verwenden, sonst beide mit 64 Bit.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>PyTorch is installed, but Windows cannot load its libraries.</source>
            <translation>PyTorch ist installiert, aber Windows kann seine Bibliotheken nicht laden.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>Install Microsoft's current Visual C++ Redistributable (x64), restart, then start again.</source>
            <translation>Das aktuelle Visual C++ Redistributable (x64) von Microsoft installieren, den Computer neu starten, dann erneut beginnen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>PyTorch is installed, but the system cannot load its libraries.</source>
            <translation>PyTorch ist installiert, aber das System kann seine Bibliotheken nicht laden.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>Remove the environment and set it up again; if it fails again, this system is too old for this PyTorch.</source>
            <translation>Die Umgebung entfernen und neu einrichten; schlägt es wieder fehl, ist dieses System für dieses PyTorch zu alt.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>No package was found that fits this Python and system.</source>
            <translation>Es wurde kein Paket gefunden, das zu diesem Python und System passt.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>Check the network and the address of the package index; a folder of wheels needs those of torch, safetensors and all they need, for this system and version of Python.</source>
            <translation>Netzwerk und Adresse des Paketindex prüfen; ein Ordner mit Wheels braucht die von torch, safetensors und allem, was diese brauchen, für dieses System und diese Python-Version.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>The packages exclude one another, as QGIS's own numpy and scipy must stay.</source>
            <translation>Die Pakete schließen einander aus, da numpy und scipy von QGIS bleiben müssen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>Choose a Python that has PyTorch already, e.g. of conda.</source>
            <translation>Ein Python wählen, das PyTorch schon hat, z. B. von conda.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>The environment is broken.</source>
            <translation>Die Umgebung ist defekt.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>Remove it, then set it up again.</source>
            <translation>Sie entfernen, dann neu einrichten.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>{doing} failed. {message}</source>
            <translation>„{doing}“ ist fehlgeschlagen. {message}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>{doing} was killed by the operating system, most likely because memory ran out.</source>
            <translation>„{doing}“ wurde vom Betriebssystem beendet, wahrscheinlich weil der Speicher ausging.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>Close other programs, then start again.</source>
            <translation>Andere Programme schließen, dann erneut starten.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source> (exit code {code})</source>
            <translation> (Exit-Code {code})</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>{doing} failed{ended}{said}</source>
            <translation>„{doing}“ ist fehlgeschlagen{ended}{said}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/failures.py" />
            <source>The log has the details.</source>
            <translation>Einzelheiten stehen im Protokoll.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/installer.py" />
            <source>The set-up was cancelled. Started again, it goes on where it stopped.</source>
            <translation>Die Einrichtung wurde abgebrochen. Beim nächsten Start geht sie dort weiter, wo sie stehen blieb.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/installer.py" />
            <source>Failed: {error}</source>
            <translation>Fehlgeschlagen: {error}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/installer.py" />
            <source>Done.</source>
            <translation>Fertig.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/installer.py" />
            <source>Done</source>
            <translation>Fertig</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/installer.py" />
            <source>A KSDiff job is running in this environment.</source>
            <translation>In dieser Umgebung läuft ein KSDiff-Auftrag.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/installer.py" />
            <source>Wait for its end.</source>
            <translation>Sein Ende abwarten.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/installer.py" />
            <source>An unfinished environment is there; it is completed.</source>
            <translation>Eine unvollständige Umgebung ist vorhanden; sie wird vervollständigt.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/installer.py" />
            <source>Testing the engine</source>
            <translation>Engine testen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/installer.py" />
            <source>The test of the new environment</source>
            <translation>Test der neuen Umgebung</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/installer.py" />
            <source>A KSDiff job is running; the new environment takes its place afterwards.</source>
            <translation>Ein KSDiff-Auftrag läuft; die neue Umgebung wird danach eingesetzt.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/installer.py" />
            <source>Asking {python} for its version</source>
            <translation>{python} nach seiner Version fragen</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/installer.py" />
            <source>{command} did not answer within {seconds:.0f} seconds.</source>
            <translation>{command} antwortete nicht innerhalb von {seconds:.0f} Sekunden.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/installer.py" />
            <source>Start it in a shell to see why.</source>
            <translation>In einer Shell starten, um den Grund zu sehen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/installer.py" />
            <source>Starting {command}</source>
            <translation>{command} starten</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/installer.py" />
            <source>Another set-up of the engine is running.</source>
            <translation>Die Engine wird bereits eingerichtet.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/installer.py" />
            <source>Wait for its end, or cancel it, then start again.</source>
            <translation>Das Ende abwarten oder abbrechen, dann erneut starten.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/installer.py" />
            <source>The set-up of the engine</source>
            <translation>Einrichtung der Engine</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/installer.py" />
            <source>{source} is in use and cannot be moved: {reason}.</source>
            <translation>{source} wird verwendet und kann nicht verschoben werden: {reason}.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/setup/installer.py" />
            <source>Wait for running jobs, close other QGIS windows, then start again.</source>
            <translation>Laufende Aufträge abwarten, andere QGIS-Fenster schließen, dann erneut starten.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/worker_client.py" />
            <source>The work was cancelled; no output was written.</source>
            <translation>Die Arbeit wurde abgebrochen; es wurde keine Ausgabe geschrieben.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/worker_client.py" />
            <source>The engine hung: it said nothing for {minutes:.0f} minutes.</source>
            <translation>Die Engine hängt: Seit {minutes:.0f} Minuten kam kein Lebenszeichen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/worker_client.py" />
            <source>Run it again with DEVICE set to cpu, or with a smaller TILE.</source>
            <translation>Mit DEVICE auf cpu oder mit kleinerem TILE erneut ausführen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/worker_client.py" />
            <source>The engine closed its output before it had finished.</source>
            <translation>Die Engine schloss ihre Ausgabe, bevor sie fertig war.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/worker_client.py" />
            <source>The engine was killed by the operating system, most likely because memory ran out.</source>
            <translation>Die Engine wurde vom Betriebssystem beendet, wahrscheinlich weil der Speicher ausging.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/worker_client.py" />
            <source>Choose a smaller TILE, or close other programs.</source>
            <translation>Ein kleineres TILE wählen oder andere Programme schließen.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/worker_client.py" />
            <source>signal {number}</source>
            <translation>Signal {number}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/worker_client.py" />
            <source>exit code 0x{code:08X}</source>
            <translation>Exit-Code 0x{code:08X}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/worker_client.py" />
            <source>The engine crashed ({name}) before it had finished{said}</source>
            <translation>Die Engine stürzte ab ({name}), bevor sie fertig war{said}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/worker_client.py" />
            <source>Run it again with DEVICE set to cpu; the log holds what it said last.</source>
            <translation>Mit DEVICE auf cpu erneut ausführen; im Protokoll steht, was sie zuletzt meldete.</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/worker_client.py" />
            <source>The engine stopped with exit code {code} before it had finished{said}</source>
            <translation>Die Engine endete mit Exit-Code {code}, bevor sie fertig war{said}</translation>
        </message>
        <message>
            <location filename="../../ksdiff_qgis/worker_client.py" />
            <source>The log holds what it said last.</source>
            <translation>Im Protokoll steht, was sie zuletzt meldete.</translation>
        </message>
        <message>
            <location filename="../../resources/models/foldermosaic.model3" />
            <source>Pansharpen a folder into one mosaic</source>
            <translation>Pansharpening eines Ordners zu einem Mosaik</translation>
        </message>
        <message>
            <location filename="../../resources/models/foldermosaic.model3" />
            <location filename="../../resources/models/keepifbetter.model3" />
            <location filename="../../resources/models/landsatndvi.model3" />
            <source>Examples</source>
            <translation>Beispiele</translation>
        </message>
        <message>
            <location filename="../../resources/models/foldermosaic.model3" />
            <source>Finds the PAN and MS files in a folder and in the folders below, pairs them by bands, pixel sizes, place and names, pansharpens every pair, and joins the results in one virtual raster. Made for a scene that was delivered in tiles.</source>
            <translation>Findet die PAN- und MS-Dateien in einem Ordner und in den Ordnern darunter, paart sie nach Kanälen, Pixelgrößen, Lage und Namen, schärft jedes Paar und fügt die Ergebnisse zu einem virtuellen Raster zusammen. Gedacht für eine Szene, die in Kacheln geliefert wurde.</translation>
        </message>
        <message>
            <location filename="../../resources/models/foldermosaic.model3" />
            <source>Searched with the folders below it.</source>
            <translation>Wird mitsamt den Ordnern darunter durchsucht.</translation>
        </message>
        <message>
            <location filename="../../resources/models/foldermosaic.model3" />
            <source>ksdiff is the network, the others are classical methods.</source>
            <translation>ksdiff ist das Netz, die anderen sind klassische Verfahren.</translation>
        </message>
        <message>
            <location filename="../../resources/models/foldermosaic.model3" />
            <source>Folder with PAN and MS files</source>
            <translation>Ordner mit PAN- und MS-Dateien</translation>
        </message>
        <message>
            <location filename="../../resources/models/foldermosaic.model3" />
            <source>Mosaic</source>
            <translation>Mosaik</translation>
        </message>
        <message>
            <location filename="../../resources/models/keepifbetter.model3" />
            <source>Pansharpen, kept only if better than Brovey</source>
            <translation>Pansharpening, falls besser als Brovey</translation>
        </message>
        <message>
            <location filename="../../resources/models/keepifbetter.model3" />
            <source>Pansharpens a scene with KSDiff and, for comparison, with Brovey's method, measures both without a reference, and keeps KSDiff's result only where its HQNR is higher; otherwise a warning says so and no raster is written.</source>
            <translation>Schärft eine Szene mit KSDiff und zum Vergleich mit dem Brovey-Verfahren, bewertet beide ohne Referenz und behält das Ergebnis von KSDiff nur, wenn dessen HQNR höher ist; andernfalls meldet dies eine Warnung, und es wird kein Raster geschrieben.</translation>
        </message>
        <message>
            <location filename="../../resources/models/keepifbetter.model3" />
            <source>The raster with the colours. Several rasters are stacked in the order given.</source>
            <translation>Das Raster mit den Farben. Mehrere Raster werden in der angegebenen Reihenfolge gestapelt.</translation>
        </message>
        <message>
            <location filename="../../resources/models/keepifbetter.model3" />
            <source>Figures of Brovey (JSON)</source>
            <translation>Kennzahlen von Brovey (JSON)</translation>
        </message>
        <message>
            <location filename="../../resources/models/keepifbetter.model3" />
            <source>Figures of KSDiff (JSON)</source>
            <translation>Kennzahlen von KSDiff (JSON)</translation>
        </message>
        <message>
            <location filename="../../resources/models/keepifbetter.model3" />
            <source>Report on KSDiff (HTML)</source>
            <translation>Bericht über KSDiff (HTML)</translation>
        </message>
        <message>
            <location filename="../../resources/models/landsatndvi.model3" />
            <source>Landsat bands to pansharpened NDVI</source>
            <translation>Pangeschärfter NDVI aus Landsat</translation>
        </message>
        <message>
            <location filename="../../resources/models/landsatndvi.model3" />
            <source>Pansharpens the blue, green, red and near infrared bands of a Landsat scene, one file a band as delivered, and computes the vegetation index NDVI = (NIR - red) / (NIR + red) of reflectance at the pixels of the panchromatic band.</source>
            <translation>Schärft den blauen, grünen, roten und Nahinfrarot-Kanal einer Landsat-Szene, wie geliefert eine Datei je Kanal, und berechnet auf den Pixeln des panchromatischen Kanals den Vegetationsindex NDVI = (NIR - Rot) / (NIR + Rot) der Reflektanz.</translation>
        </message>
        <message>
            <location filename="../../resources/models/landsatndvi.model3" />
            <source>Band 2 of Landsat 8 and 9, band 1 of Landsat 7.</source>
            <translation>Kanal 2 von Landsat 8 und 9, Kanal 1 von Landsat 7.</translation>
        </message>
        <message>
            <location filename="../../resources/models/landsatndvi.model3" />
            <source>Band 3 of Landsat 8 and 9, band 2 of Landsat 7.</source>
            <translation>Kanal 3 von Landsat 8 und 9, Kanal 2 von Landsat 7.</translation>
        </message>
        <message>
            <location filename="../../resources/models/landsatndvi.model3" />
            <source>Band 5 of Landsat 8 and 9, band 4 of Landsat 7.</source>
            <translation>Kanal 5 von Landsat 8 und 9, Kanal 4 von Landsat 7.</translation>
        </message>
        <message>
            <location filename="../../resources/models/landsatndvi.model3" />
            <source>5000 for Level-1 products of Landsat 8 and 9, whose reflectance is 0.00002 DN - 0.1; 0 where the digital numbers are proportional to reflectance.</source>
            <translation>5000 bei Level-1-Produkten von Landsat 8 und 9, deren Reflektanz 0,00002 DN - 0,1 ist; 0, wenn die Grauwerte der Reflektanz proportional sind.</translation>
        </message>
        <message>
            <location filename="../../resources/models/landsatndvi.model3" />
            <source>Band 8 of Landsat 7, 8 and 9.</source>
            <translation>Kanal 8 von Landsat 7, 8 und 9.</translation>
        </message>
        <message>
            <location filename="../../resources/models/landsatndvi.model3" />
            <source>Band 4 of Landsat 8 and 9, band 3 of Landsat 7.</source>
            <translation>Kanal 4 von Landsat 8 und 9, Kanal 3 von Landsat 7.</translation>
        </message>
        <message>
            <location filename="../../resources/models/landsatndvi.model3" />
            <source>Blue band</source>
            <translation>Blauer Kanal</translation>
        </message>
        <message>
            <location filename="../../resources/models/landsatndvi.model3" />
            <source>Green band</source>
            <translation>Grüner Kanal</translation>
        </message>
        <message>
            <location filename="../../resources/models/landsatndvi.model3" />
            <source>Near infrared band</source>
            <translation>Nahinfrarot-Kanal</translation>
        </message>
        <message>
            <location filename="../../resources/models/landsatndvi.model3" />
            <source>Digital number of zero reflectance</source>
            <translation>Grauwert bei Reflektanz null</translation>
        </message>
        <message>
            <location filename="../../resources/models/landsatndvi.model3" />
            <source>Panchromatic band (8)</source>
            <translation>Panchromatischer Kanal (8)</translation>
        </message>
        <message>
            <location filename="../../resources/models/landsatndvi.model3" />
            <source>Red band</source>
            <translation>Roter Kanal</translation>
        </message>
        <message>
            <location filename="../../resources/models/landsatndvi.model3" />
            <source>NDVI</source>
            <translation>NDVI</translation>
        </message>
        <message>
            <location filename="../../resources/models/landsatndvi.model3" />
            <source>Pansharpened bands</source>
            <translation>Pangeschärfte Kanäle</translation>
        </message>
    </context>
</TS>
