"""Low-dose radiograph: quantum and electronic noise of the detector, seen in the displayed picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..context import ImageContext
from ..per_image import add_changes
from ..registry import Level, Parameter, register_corruption
from ..seeding import case_generator

REFERENCE_KERMA = 2.5
"""Air kerma at the detector at the full dose (dose fraction 1), in microgray, where the picture is middle grey.

Speed class 400, at which flat panels take chest radiographs: Strotzer et al. (2000, J Thorac Imaging 15:157) and Hamer
et al. (2005, Radiology 237:691). The automatic exposure control measures it behind the lungs."""

QUANTA_PER_KERMA = 31077.0
"""X-ray quanta per square millimetre and microgray of a 120 kV chest beam (RQA9, IEC 62220-1:2003, table 2)."""

DETECTIVE_QUANTUM_EFFICIENCY = 0.5
"""Share of the quanta that count, at low spatial frequency: a caesium iodide flat panel at 120 kV (Samei and Flynn,
2003, Med Phys 30:608), rounded."""

ELECTRONIC_NOISE_KERMA = 0.01
"""Air kerma, in microgray, at which the detector's electronic noise has the variance of its quantum noise.

An assumption: about 3 quanta squared in a pixel of 0.143 mm. Electronic noise of flat panels is small at
the exposures of radiography and matters at those of fluoroscopy (Siewerdsen et al., 1997, Med Phys 24:71)."""

LATITUDE = 2.0
"""Decades of exposure between the grey values 0 and 1.

An assumption: a wide-latitude chest display, 100 to 1. Films reach 10 to 1 up to 100 to 1, digital pictures more."""

LONGER_SIDE_MM = 400.0
"""Longer side, in millimetres, of a picture without a known pixel size: a detector of 350 by 430 mm, cropped."""


@register_corruption(
    "low-dose-xray",
    family="quantum-noise",
    stage="detector",
    modalities=["radiograph"],
    summary="The radiograph is taken with fewer X-ray quanta and the same electronic noise.",
    parameters={
        "dose": Parameter(f"fraction of {REFERENCE_KERMA:g} microgray at the detector", 1e-4, 1),
        "source_dose": Parameter("the same fraction, at which the picture itself was taken", 1e-4, 1e6, 1.0),
        "scatter": Parameter("share of scattered quanta at middle grey", 0, 0.95, 0.3),
        "blur": Parameter("mm, standard deviation of the detector's blur", 0, 2, 0.15),
        "polarity": Parameter("how dense parts look", default="bright", choices=("bright", "dark")),
    },
    levels=[{"dose": 0.2}, {"dose": 0.1}, {"dose": 0.05}, {"dose": 0.02}, {"dose": 0.01}],
    source="Beer-Lambert, quantum noise with the blur of an indirect flat panel, scattered quanta, electronic noise; "
    "100% is a chest radiograph of speed class 400, 1% (25 nanogray) the exposure of one frame of fluoroscopy.",
)
def low_dose_xray(images: Tensor, level: Level, seeds: Sequence[int], contexts: Sequence[ImageContext]) -> Tensor:
    """Add the noise that a radiograph would have, had it been taken with a fraction of the dose.

    A radiograph is a projection already: nothing is reconstructed and there are no streaks. The grey value x is taken
    as the logarithm of the primary exposure behind the patient, :data:`LATITUDE` decades from 0 to 1: dense parts
    (bones, mediastinum) are bright, and middle grey is :data:`REFERENCE_KERMA` times ``dose`` at the detector. Only
    what the smaller number of quanta changes is added (see :func:`noise_image`), so the picture keeps its own
    sharpness. A displayed picture is processed in ways nobody tells, above all in its contrast: the noise is that of
    such a plain logarithmic display.

    The exposure is fixed per square millimetre. So the same severity is the same radiograph at every image size:
    made at full size and resampled, or made at the smaller size, the noise has the same standard deviation there. It
    is stronger in a picture with smaller pixels. Without a ``pixel_size_mm`` the longer side is taken as
    :data:`LONGER_SIDE_MM`.

    Images on another device are computed on the CPU and returned to it.

    Parameters
    ----------
    images
        float32 of shape (B, C, H, W) in [0, 1], on any device. Channels that are equal stay equal; in a colour
        image the mean of the channels is corrupted and the change added to each.
    level
        ``dose`` and ``source_dose``, fractions of :data:`REFERENCE_KERMA`; the picture is left as it is where
        ``dose`` is not below ``source_dose``, and a large ``source_dose`` stands for a picture without noise.
        ``scatter``, ``blur`` and ``polarity`` as in :func:`noise_image`.
    seeds
        One integer a case.
    contexts
        One a case; only ``pixel_size_mm`` is used.

    Returns
    -------
    Tensor
        Shape, dtype and device of ``images``; clipped to [0, 1].
    """
    return add_changes(images, seeds, contexts, lambda image, seed, context: noise_image(image, level, seed, context))


def noise_image(image: NDArray[np.float32], level: Level, seed: int, context: ImageContext) -> NDArray[np.float32]:
    """Compute what a lower exposure changes in one radiograph.

    With the exposure relative to middle grey, E(x) = 10^(L (1/2 - x)), L the latitude in decades, a pixel of area A
    expects N (1 - s) E(x) primary and N s scattered quanta, where N = dose K q DQE A with the module's constants. The
    scatter s N is the same everywhere: scatter spreads over several centimetres, far more evenly than the primary,
    so the dense parts have the larger share of it. With the default of 0.3 in the lungs that share is 0.73 at x = 0.9;
    in the mediastinum more than half was measured with a 12:1 grid, 0.9 without (Niklason, Sorenson and Nelson,
    1981, Med Phys 8:677). The display is assumed to have removed its grey veil; its quantum noise stays. With
    ``scatter=0`` the grey value shows all quanta, and the noise grows as exp(p / 2) with the line integral p.

    Let r = dose / source_dose. What is added has the variance that is missing when the given picture, with its own
    noise, is scaled down to the lower exposure: (1 - r) of the expected quanta, and (1 - r^2) of the electronic
    variance. (Yu et al., 2012, do the same for CT, J Comput Assist Tomogr 36:477.) The quantum part is blurred by the
    scintillator, the electronic part is not. Both are normal: the default blur gathers the quanta of 4 pi blur^2 =
    0.28 square mm, a hundred at middle grey at a hundredth of the dose, and the electronic noise covers what is left
    of the steps. The sum, relative to the primary quanta, goes through the logarithm, whose bias at few
    quanta is therefore in the result.

    Parameters
    ----------
    image
        float32 of shape (H, W) in [0, 1].
    level
        ``dose`` and ``source_dose``; ``scatter``, the share of scattered quanta s at middle grey; ``blur``, the
        standard deviation of a Gaussian in mm (the default 0.15 has a modulation transfer of one half at 1.25 cycles
        per mm, about that of a caesium iodide panel); ``polarity``, ``"bright"`` where dense parts are bright, or
        ``"dark"``.
    seed
        Seed of the case's randomness.
    context
        What the values mean.

    Returns
    -------
    numpy.ndarray
        float32 of shape (H, W), to be added to the image; not clipped.
    """
    from scipy.ndimage import gaussian_filter

    pixel_size = context.pixel_size_mm or LONGER_SIDE_MM / max(image.shape)
    nepers = LATITUDE * math.log(10) * (1 if level["polarity"] == "bright" else -1)
    per_kerma = QUANTA_PER_KERMA * DETECTIVE_QUANTUM_EFFICIENCY * pixel_size**2
    quanta = per_kerma * REFERENCE_KERMA * level["dose"]
    kept = min(level["dose"] / level["source_dose"], 1.0)
    scatter = np.float32(level["scatter"])
    primary = np.exp((image - np.float32(0.5)) * np.float32(-nepers)) * (1 - scatter)
    generator = case_generator(seed)
    reading = generator.standard_normal(image.shape, dtype=np.float32)
    reading *= np.sqrt((primary + scatter) * np.float32(quanta * (1 - kept)))
    reading = gaussian_filter(reading, level["blur"] / pixel_size)
    electronic = per_kerma * ELECTRONIC_NOISE_KERMA * (1 - kept**2)
    reading += generator.standard_normal(image.shape, dtype=np.float32) * np.float32(math.sqrt(electronic))
    exposure = 1 + reading / (primary * np.float32(quanta))
    # Less exposure than this is beyond the display whatever the pixel was, and none has no logarithm.
    lowest = np.float32(10**-LATITUDE)
    return np.asarray(np.log(np.maximum(exposure, lowest)) * np.float32(-1 / nepers))
