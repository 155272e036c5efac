"""NIfTI slices are turned as viewers show them, image and mask alike, and keep their Hounsfield units."""

import nibabel
import numpy as np
import pytest

from biclip_bench.benchmark.datasets import DatasetSettings, open_dataset
from biclip_bench.benchmark.datasets.image_files import read_image, read_mask
from biclip_bench.benchmark.datasets.nifti_files import nifti_facts
from biclip_bench.benchmark.datasets.pixel_facts import Reading
from biclip_bench.errors import UserError

CT = Reading("ct")


def affine_of(codes, sizes=(0.7, 0.7, 5.0)):
    """The affine of an array whose axes run towards these directions (RAS+ world)."""
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for axis, code in enumerate(codes):
        world = {"R": 0, "L": 0, "A": 1, "P": 1, "S": 2, "I": 2}[code]
        affine[world, axis] = sizes[axis] * (1 if code in "RAS" else -1)
    return affine


def save(path, values, codes="LPS", affine=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, affine_of(codes) if affine is None else affine), path)
    return path


def picture(image):
    return np.rint(image[0] * 4095 - 1024).astype(int)


def axial(rows, columns, seed=0):
    """A slice as a viewer shows it: front up, the patient's left on the right."""
    return np.random.default_rng(seed).integers(-1000, 2000, (rows, columns)).astype(np.int16)


@pytest.mark.parametrize("codes", ["LPS", "RAS", "RPI", "LAS", "PLS", "ASL"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_an_axial_slice_looks_the_same_however_it_is_stored(tmp_path, codes, suffix):
    shown = axial(5, 7)
    # From the viewer's rows (towards P) and columns (towards L) to the array's own axes.
    stored = shown[:, :, None]
    world = ["P", "L", "S"]
    order = [next(i for i, code in enumerate(world) if code in pair) for pair in map(pair_of, codes)]
    stored = stored.transpose(order)
    for axis, code in enumerate(codes):
        if code not in world:
            stored = np.flip(stored, axis)
    path = save(tmp_path / f"a{suffix}", np.ascontiguousarray(stored), codes)
    np.testing.assert_array_equal(picture(read_image(path, CT)), shown)


def pair_of(code):
    return next(pair for pair in ("LR", "AP", "IS") if code in pair)


def test_coronal_and_sagittal_slices_have_the_head_up(tmp_path):
    volume = np.arange(24, dtype=np.int16).reshape(4, 1, 6)  # L, P, S: one coronal plane
    shown = picture(read_image(save(tmp_path / "c.nii", volume), CT))
    np.testing.assert_array_equal(shown, volume[:, 0, ::-1].T)
    volume = volume.reshape(1, 4, 6)
    shown = picture(read_image(save(tmp_path / "s.nii", volume), CT))
    np.testing.assert_array_equal(shown, volume[0, :, ::-1].T)


def test_two_dimensional_and_scaled_files(tmp_path):
    shown = axial(4, 6)
    path = save(tmp_path / "flat.nii", shown.T.copy(), "LPS")
    np.testing.assert_array_equal(picture(read_image(path, CT)), shown)
    scaled = nibabel.Nifti1Image(shown.T[:, :, None] / 2, affine_of("LPS"))
    scaled.header.set_data_dtype(np.int16)
    nibabel.save(scaled, tmp_path / "scaled.nii")
    np.testing.assert_allclose(read_image(tmp_path / "scaled.nii", CT)[0] * 4095 - 1024, shown / 2, atol=0.06)


def test_without_a_scale_eight_bits_keep_theirs_and_others_are_spread(tmp_path):
    eight = save(tmp_path / "a.nii", np.array([[[0], [51]], [[102], [204]]], np.uint8))
    np.testing.assert_allclose(read_image(eight)[0], [[0, 0.4], [0.2, 0.8]], atol=1e-6)
    wide = save(tmp_path / "b.nii", np.array([[[100], [200]], [[300], [500]]], np.int16))
    np.testing.assert_allclose(read_image(wide)[0], [[0, 0.5], [0.25, 1]], atol=1e-6)


def test_what_is_no_slice_is_named(tmp_path):
    with pytest.raises(UserError, match=r"vol\.nii has the shape \(4, 5, 3\): a case is one slice"):
        read_image(save(tmp_path / "vol.nii", np.zeros((4, 5, 3), np.int16)))
    holes = np.full((4, 5, 1), np.nan, np.float32)
    with pytest.raises(UserError, match=r"nan\.nii holds NaN"):
        read_image(save(tmp_path / "nan.nii", holes))
    torn = save(tmp_path / "torn.nii.gz", np.random.default_rng(0).integers(0, 99, (40, 50, 1)).astype(np.int16))
    torn.write_bytes(torn.read_bytes()[:-800])
    with pytest.raises(UserError, match=r"torn\.nii\.gz cannot be read"):
        read_image(torn)
    (tmp_path / "no.nii").write_text("hello")
    with pytest.raises(UserError, match=r"no\.nii cannot be read"):
        read_image(tmp_path / "no.nii")
    with pytest.raises(UserError, match=r"m\.nii holds the values 0, 1, 2"):
        read_mask(save(tmp_path / "m.nii", np.array([[[0], [1]], [[2], [0]]], np.uint8)))


def test_pixels_are_as_large_as_the_header_says(tmp_path):
    path = save(tmp_path / "a.nii", np.zeros((4, 5, 1), np.int16))
    assert nifti_facts(path).pixel_size_mm == pytest.approx(0.7)
    oblong = save(tmp_path / "b.nii", np.zeros((4, 5, 1), np.int16), affine=affine_of("LPS", (0.7, 0.9, 5.0)))
    assert nifti_facts(oblong).pixel_size_mm is None


@pytest.fixture
def root(tmp_path):
    for number in range(5):
        shown = axial(8, 6, number)
        save(tmp_path / "data" / "images" / f"p{number}.nii.gz", shown.T[:, :, None].copy())
        mask = (shown.T[:, :, None] > 500).astype(np.uint8)
        save(tmp_path / "data" / "masks" / f"p{number}_mask.nii.gz", mask)
    return tmp_path / "data"


def open_folder(root, **options):
    return open_dataset("folder", DatasetSettings(root=root, cache=root.parent / "cache", options=options))


def test_a_set_of_slices_with_masks(root):
    data = open_folder(root, modality="ct")
    assert data.context.hu_range == (-1024.0, 3071.0)
    assert data.context.pixel_size_mm == pytest.approx(0.7)
    assert data.context.window_hu == (-1024.0, pytest.approx(150.0))
    for name in data.index["case"]:
        case = data.load(name)
        np.testing.assert_array_equal(picture(case.image) > 500, case.mask)


def test_a_mask_stored_along_other_axes_still_fits(root):
    """Image towards the left and back, mask towards the right and front: each says so, and they lie on each other."""
    affine = affine_of("RAS")
    affine[:2, 3] = [-0.7 * 5, -0.7 * 7]
    mask = (axial(8, 6, 2).T[::-1, ::-1, None] > 500).astype(np.uint8)
    save(root / "masks" / "p2_mask.nii.gz", np.ascontiguousarray(mask), affine=affine)
    data = open_folder(root, modality="ct")
    case = data.load(next(name for name in data.index["case"] if name.endswith("p2")))
    np.testing.assert_array_equal(picture(case.image) > 500, case.mask)


def test_a_mask_that_lies_elsewhere_is_an_error(root):
    mask = np.ones((6, 8, 1), np.uint8)
    save(root / "masks" / "p2_mask.nii.gz", mask, affine=np.eye(4))
    with pytest.raises(UserError, match=r"mask of \w+/p2 lies .* mm from its image"):
        open_folder(root, modality="ct")
