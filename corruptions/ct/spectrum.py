"""The many energies of an X-ray beam: what a detector measures where a scanner assumes one energy."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

TUBE_VOLTAGE = 120.0
"""Tube voltage in kV: the highest photon energy in keV."""

FILTER_MM = 3.0
"""Thickness of aluminium, in millimetres, that stands for tube, filter and bow tie: the half-value layer is 7.2."""

ENERGIES = np.arange(20.0, 120.0, 10.0)
"""Photon energies in keV, each for the ten around it; the filter leaves next to nothing below 15 keV."""

_ALUMINIUM_DENSITY = 2.699
_TABLE_KEV = (20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0)
_MASS_ATTENUATION = {  # cm2/g; Hubbell and Seltzer, NISTIR 5632, tables 3 and 4
    "water": (0.8096, 0.3756, 0.2683, 0.2269, 0.2059, 0.1837, 0.1707, 0.1505),
    "aluminium": (3.441, 1.128, 0.5685, 0.3681, 0.2778, 0.2018, 0.1704, 0.1378),
    "iron": (25.68, 8.176, 3.629, 1.958, 1.205, 0.5952, 0.3717, 0.1964),
}


def mass_attenuation(material: str) -> NDArray[np.float64]:
    """Give a material's mass attenuation coefficient at each of :data:`ENERGIES`, in square centimetres per gram.

    Between the tabulated energies the logarithms are interpolated linearly.

    Parameters
    ----------
    material
        ``"water"``, ``"aluminium"`` or ``"iron"``.
    """
    logarithm = np.interp(np.log(ENERGIES), np.log(_TABLE_KEV), np.log(_MASS_ATTENUATION[material]))
    return np.asarray(np.exp(logarithm))


@lru_cache(maxsize=1)
def spectrum_weights() -> NDArray[np.float64]:
    """Give the share of each of :data:`ENERGIES` in the signal of an unattenuated ray; they add up to 1.

    Bremsstrahlung of a thick target (Kramers, 1923): photons at energy E in proportion to (V - E) / E; behind the
    filter exp(-mu(E) d) of them are left; and a detector that integrates energy counts each with its energy E. So
    w(E) is proportional to (V - E) exp(-mu(E) d). Characteristic lines are left out.
    """
    filtered = np.exp(-mass_attenuation("aluminium") * _ALUMINIUM_DENSITY * FILTER_MM / 10)
    weights = (TUBE_VOLTAGE - ENERGIES) * filtered
    return np.asarray(weights / weights.sum())


@lru_cache(maxsize=4)
def relative_attenuation(material: str) -> NDArray[np.float64]:
    """Give a material's attenuation at each of :data:`ENERGIES` over its mean in the unattenuated beam.

    A thin layer then attenuates as the line integral says.
    """
    coefficients = mass_attenuation(material)
    return np.asarray(coefficients / (spectrum_weights() @ coefficients))


def polychromatic(water: NDArray[np.floating], metal: NDArray[np.floating] | None = None) -> NDArray[np.float64]:
    """Give what a detector measures behind water, and metal, with the whole spectrum.

    p' = -ln sum_k w_k exp(-c_k p_water - m_k p_metal), with the coefficients of :func:`relative_attenuation` (Brooks
    and Di Chiro, 1976, "Beam hardening in X-ray reconstructive tomography", Phys. Med. Biol. 21, 390).

    Parameters
    ----------
    water
        Line integrals of the tissue, attenuating as water does, for a thin object; at least 0, of any shape.
    metal
        Those of iron in addition, of the same shape; None for none.

    Returns
    -------
    numpy.ndarray
        float64 of the same shape, at most the sum of both.
    """
    p_water = np.asarray(water, dtype=np.float64)
    p_metal = None if metal is None else np.asarray(metal, dtype=np.float64)
    # Weighted against the most penetrating energy, so that a long path does not underflow.
    tissue, iron = relative_attenuation("water"), relative_attenuation("iron")
    signal = np.zeros_like(p_water)
    for weight, c, m in zip(spectrum_weights(), tissue - tissue[-1], iron - iron[-1], strict=True):
        exponent = -c * p_water
        if p_metal is not None:
            exponent -= m * p_metal
        signal += weight * np.exp(exponent)
    measured = tissue[-1] * p_water - np.log(signal)
    if p_metal is not None:
        measured += iron[-1] * p_metal
    return np.asarray(measured)


def water_corrected(measured: NDArray[np.floating]) -> NDArray[np.float64]:
    """Undo the hardening of water, as every scanner does: the thickness of water that would measure the same.

    Parameters
    ----------
    measured
        What :func:`polychromatic` returns, of any shape.

    Returns
    -------
    numpy.ndarray
        float64 of the same shape: exactly the line integral for water alone, up to a relative error below 1e-6.
    """
    top = max(float(np.max(measured, initial=0.0)), 0.1) / relative_attenuation("water")[-1]
    thickness = np.linspace(0.0, top, 8192)
    return np.asarray(np.interp(measured, polychromatic(thickness), thickness))
