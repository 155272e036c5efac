"""Radiodensity of thoracic tissues in Hounsfield units.

By definition (Hounsfield, "Computed medical imaging", Science 210:22-28, 1980) air is -1000 HU and water 0 HU. The
tissue values are the textbook ranges at 120 kV: W. A. Kalender, "Computed Tomography" (3rd ed., Publicis 2011), and
Hansell et al., "Fleischner Society: Glossary of Terms for Thoracic Imaging", Radiology 246:697-722, 2008, for what
the lung patterns are. Aerated lung at full inspiration lies between about -900 and -750 HU, denser where gravity
compresses it (Rosenblum et al., Radiology 137:409-416, 1980); ground-glass opacity raises it to roughly -750 to
-400 HU without hiding vessels, consolidation to about -100 to +50 HU and hides them.
"""

from __future__ import annotations

AIR = -1000.0
LUNG = -850.0
FAT = -100.0
SKIN = 20.0
MUSCLE = 50.0
BLOOD = 40.0
MYOCARDIUM = 45.0
OESOPHAGUS = 35.0
SPINAL_CORD = 30.0
CARTILAGE = 90.0
CANCELLOUS_BONE = 300.0
CORTICAL_BONE = 1000.0
CONSOLIDATION = -35.0
PATIENT_TABLE = -600.0
"""Foam core and carbon-fibre shell of the table, averaged over its thickness."""

GROUND_GLASS_RISE = (80.0, 300.0)
"""Least and greatest rise of ground-glass opacity above the patient's own parenchyma, in HU."""
