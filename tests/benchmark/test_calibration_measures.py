import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.signal import convolve2d
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from biclip_bench.benchmark.calibration import compare_images, measure_cases, spread_cases, structural_similarity_index
from biclip_bench.benchmark.calibration_report import calibrate
from biclip_bench.benchmark.datasets.base import Case
from biclip_bench.corruptions import Corruption, ImageContext, Parameter, corrupt, parse_spec
from biclip_bench.corruptions.spec import CorruptionSpec, SpecPart
from biclip_bench.errors import UserError

SIDE = 32
CONTEXT = ImageContext("ct", (-1000.0, 1000.0))


@dataclass
class SmoothImages:
    """Smooth random images of many patients, each unlike the others."""

    patients: int = 10
    shape: tuple[int, int, int] = (1, SIDE, SIDE)
    context: ImageContext = CONTEXT
    part: str = "test"
    name = "smooth"
    fingerprint = "0123456789abcdef"

    @property
    def index(self) -> pd.DataFrame:
        names = [f"case-{number:02d}" for number in range(2 * self.patients)]
        groups = [f"patient-{number // 2:02d}" for number in range(2 * self.patients)]
        return pd.DataFrame({"case": names, "part": self.part, "group": groups, "lesion_fraction": 0.1, "text": ""})

    def load(self, case: str) -> Case:
        number = int(case[-2:])
        noise = np.random.default_rng(number).normal(size=self.shape)
        smooth = gaussian_filter(noise, (0, 2, 2), mode="wrap")
        image = (0.5 + 0.15 * smooth / smooth.std()).clip(0.02, 0.98).astype(np.float32)
        return Case(case, image, image[0] > 0.7, "", f"patient-{number // 2:02d}")


def made_spec(name, function, levels):
    """Make a corruption that is not registered: its function gets images, the level's number and a generator a case."""

    def apply(images, level, seeds, contexts):
        changed = [
            function(image.numpy(), level["amount"], np.random.default_rng(seed))
            for image, seed in zip(images, seeds, strict=True)
        ]
        return torch.from_numpy(np.stack(changed).clip(0, 1).astype(np.float32))

    table = tuple({"amount": amount} for amount in levels)
    corruption = Corruption(
        name, "made", "image", (), "Made for a test.", {"amount": Parameter("", 0, 1e3)}, table, "", 1, {}, apply
    )
    return CorruptionSpec((SpecPart(name, corruption, table),))


def brighter(image, amount, generator):
    return image + amount


def noisier(image, amount, generator):
    return image + amount * generator.normal(size=image.shape)


def flatter(image, amount, generator):
    """Leave a share of the image's contrast."""
    return 0.5 + amount * (image - 0.5)


def test_ssim_is_wangs_formula_written_out():
    generator = np.random.default_rng(0)
    x = gaussian_filter(generator.random((40, 30)), 1)
    y = np.clip(x + generator.normal(0, 0.05, x.shape), 0, 1)
    places = np.arange(-5, 6)
    kernel = np.exp(-(places[:, None] ** 2 + places**2) / (2 * 1.5**2))
    kernel /= kernel.sum()

    def mean(values):
        return convolve2d(values, kernel, mode="valid")

    mu_x, mu_y = mean(x), mean(y)
    var_x, var_y, cov = mean(x * x) - mu_x**2, mean(y * y) - mu_y**2, mean(x * y) - mu_x * mu_y
    c1, c2 = 0.01**2, 0.03**2
    expected = (2 * mu_x * mu_y + c1) * (2 * cov + c2) / ((mu_x**2 + mu_y**2 + c1) * (var_x + var_y + c2))
    assert structural_similarity_index(x[None], y[None]) == pytest.approx(expected.mean(), abs=1e-12)


def test_measures_of_two_images_agree_with_scikit_image_and_numpy():
    generator = np.random.default_rng(1)
    clean = generator.random((3, 24, 32))
    corrupted = np.clip(clean + generator.normal(0.05, 0.2, clean.shape), 0, 1)
    found = compare_images(corrupted, clean)
    assert found["psnr_db"] == pytest.approx(peak_signal_noise_ratio(clean, corrupted, data_range=1))
    assert found["rmse"] == pytest.approx(255 * np.linalg.norm(corrupted - clean) / math.sqrt(clean.size))
    assert found["change_sd"] == pytest.approx(255 * np.std(corrupted - clean))
    assert found["rmse"] > found["change_sd"]
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    channels = [structural_similarity(a, b, **options) for a, b in zip(corrupted, clean, strict=True)]
    assert found["ssim"] == pytest.approx(np.mean(channels))
    assert found["clipped"] == np.isin(corrupted, [0, 1]).mean()


def test_values_that_were_clipped_before_are_not_counted():
    clean = np.full((1, 16, 16), 0.5)
    clean[:, :4], clean[:, 4:6] = 0.0, 1.0
    corrupted = clean.copy()
    corrupted[:, 8:12] = 1.0
    assert compare_images(corrupted, clean)["clipped"] == 4 / 16


def test_an_unchanged_image_has_ssim_1_and_an_infinite_psnr():
    image = np.random.default_rng(2).random((1, 16, 16))
    expected = {"ssim": 1.0, "psnr_db": math.inf, "rmse": 0.0, "change_sd": 0.0, "clipped": 0.0}
    assert compare_images(image, image) == expected


def test_hounsfield_units_are_taken_before_the_window_and_grey_levels_after_it():
    dataset = SmoothImages(context=dataclasses.replace(CONTEXT, window=(0.25, 0.75)))
    table = measure_cases(dataset, [made_spec("brighter", brighter, [0.01])], [1], spread_cases(dataset, 4))
    changed = table[table["corruption"] == "brighter"]
    np.testing.assert_allclose(changed["rmse_hu"], 20.0, rtol=1e-4)
    np.testing.assert_allclose(changed["change_sd_hu"], 0.0, atol=1e-3)
    for row in changed.itertuples():
        image = dataset.load(row.case).image.astype(np.float64)
        before, after = (np.clip((values - 0.25) / 0.5, 0, 1) for values in (image, image + 0.01))
        assert row.rmse == pytest.approx(255 * np.sqrt(np.mean((after - before) ** 2)), rel=1e-4)
    without = measure_cases(dataclasses.replace(dataset, context=ImageContext()), [], [1], spread_cases(dataset, 4))
    assert without["rmse_hu"].isna().all()


def test_every_case_is_measured_under_every_condition_in_one_order():
    dataset = SmoothImages()
    specs = [parse_spec("motion"), made_spec("brighter", brighter, [0.1])]
    table = measure_cases(dataset, specs, [2, 5], spread_cases(dataset, 7))
    conditions = [("clean", 0), ("motion", 2), ("motion", 5), ("brighter", 1)]
    assert list(dict.fromkeys(zip(table["corruption"], table["severity"], strict=True))) == conditions
    assert table.groupby(["corruption", "severity"]).size().tolist() == [7] * 4
    row = table[(table["corruption"] == "motion") & (table["severity"] == 5)].iloc[3]
    image = torch.from_numpy(dataset.load(row["case"]).image)[None]
    changed = corrupt("motion", image, 5, [row["case"]], dataset.context)
    expected = compare_images(changed[0].double().numpy(), image[0].double().numpy())
    assert {key: row[key] for key in expected} == expected


def test_the_other_image_is_of_another_patient_and_of_the_same_shape():
    dataset = SmoothImages(patients=3)
    names = spread_cases(dataset, 6)
    table = measure_cases(dataset, [], [1], names).set_index("case")
    for name, partner in (("case-00", "case-02"), ("case-01", "case-02"), ("case-05", "case-00")):
        pair = (dataset.load(key).image.astype(np.float64) for key in (name, partner))
        assert table.loc[name, "ssim_other"] == pytest.approx(structural_similarity_index(*pair))
    alone = SmoothImages(patients=1)
    assert measure_cases(alone, [], [1], spread_cases(alone, 2))["ssim_other"].isna().all()


def test_measured_cases_are_spread_over_all_patients():
    dataset = SmoothImages(patients=20)
    names = spread_cases(dataset, 20)
    assert len(set(names)) == 20
    assert {names[0], names[-1]} == {"case-00", "case-39"}
    assert len({dataset.load(name).group for name in names}) == 20
    assert spread_cases(dataset, 1000) == dataset.index["case"].tolist()


def test_a_set_without_test_cases_and_an_image_below_the_window_are_refused():
    with pytest.raises(UserError, match="'smooth' has no test cases"):
        spread_cases(SmoothImages(part="train"), 3)
    small = SmoothImages(shape=(1, 10, 20))
    with pytest.raises(UserError, match=r"'case-00' has an image of 20 x 10 pixels.*at least 11"):
        measure_cases(small, [], [1], spread_cases(small, 3))


def test_a_corruption_that_approaches_a_flat_image_levels_off_and_one_of_pure_noise_is_at_its_floor():
    even = made_spec("even", flatter, [0.8, 0.6, 0.4, 0.2, 0.05])
    ending = made_spec("ending", flatter, [0.5, 0.25, 0.1, 0.09, 0.08])
    drowned = made_spec("drowned", noisier, [0.02, 0.05, 0.1, 2.0, 50.0])
    graded = made_spec("graded", noisier, [0.02, 0.04, 0.06, 0.09, 0.13])
    result = calibrate(SmoothImages(), [even, ending, drowned, graded], (1, 2, 3, 4, 5), 20)
    text = {verdict.corruption: verdict.text for verdict in result.verdicts}
    assert text["graded"] == "Every step is real."
    assert "it levels off, the step to 5 is" in text["ending"]
    assert "at severity 4 it is at its floor" in text["drowned"]
    assert "levels off" not in text["even"]


def test_level_columns_say_what_a_level_is():
    result = calibrate(SmoothImages(), [parse_spec("motion+low-dose-ct")], (1, 5), 20)
    strongest = result.levels.iloc[-1]
    assert strongest["level"] == "length 15 px, dose 2.5%"
    assert strongest["parameters"] == "motion length=15.0; low-dose-ct dose=0.025"
    assert "20 test cases" in result.details.sample
    assert "A model sees -1000 to 1000 HU" in result.details.sample
