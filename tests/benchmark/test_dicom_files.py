"""What DICOM files hold comes back: Hounsfield units, radiographs, and the one meaning that a set's pixels have."""

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from biclip_bench.benchmark.datasets import DatasetSettings, open_dataset
from biclip_bench.benchmark.datasets.dicom_files import dicom_facts
from biclip_bench.benchmark.datasets.image_files import read_image, read_mask
from biclip_bench.benchmark.datasets.pixel_facts import Reading
from biclip_bench.benchmark.pixel_size import pixel_size_mm
from biclip_bench.corruptions import corrupt_image
from biclip_bench.corruptions.context import ImageContext
from biclip_bench.errors import UserError

UIDS = {"CT": "1.2.840.10008.5.1.4.1.1.2", "MR": "1.2.840.10008.5.1.4.1.1.4", "DX": "1.2.840.10008.5.1.4.1.1.1.1"}


def write_dicom(path, stored, modality="CT", **attributes):
    """Write stored values (H, W) as a scanner does; attributes replace or, if None, remove what a slice of CT has."""
    file = pydicom.Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = UIDS[modality]
    file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(path)])
    file.Modality, file.PatientID = modality, "P1"
    file.Rows, file.Columns = stored.shape[:2]
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated, file.BitsStored, file.HighBit = 16, 12, 11
    file.PixelRepresentation = int(stored.dtype.kind == "i")
    file.PixelSpacing = [0.75, 0.75]
    if modality == "CT":
        file.RescaleSlope, file.RescaleIntercept = 1, -1024
        file.WindowCenter, file.WindowWidth = [-600, 40], [1500, 400]
    file.PixelData = stored.tobytes()
    for name, value in attributes.items():
        if value is None:
            delattr(file, name)
        else:
            setattr(file, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save_as(path, enforce_file_format=True)
    return path


def units(image, low=-1024.0, high=3071.0):
    return image[0].astype(np.float64) * (high - low) + low


@pytest.fixture
def slices(tmp_path):
    """Six CT slices of six patients with PNG masks, in the general layout."""
    root = tmp_path / "data"
    (root / "masks").mkdir(parents=True)
    for number in range(6):
        stored = np.random.default_rng(number).integers(0, 2000, (12, 16)).astype(np.uint16)
        write_dicom(root / "images" / f"slice{number}.dcm", stored, PatientID=f"P{number}")
        mask = np.zeros(stored.shape, np.uint8)
        mask[2:5, number : number + 4] = 255
        Image.fromarray(mask).save(root / "masks" / f"slice{number}.png")
    return root


def open_folder(root, allow_issues=False, **options):
    given = {key: str(value) for key, value in options.items()}
    cache = root.parent / "cache"
    return open_dataset("folder", DatasetSettings(root=root, cache=cache, options=given, allow_issues=allow_issues))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), slope=st.sampled_from([1, 2]), signed=st.booleans())
def test_hounsfield_units_come_back_exactly(tmp_path_factory, seed, slope, signed):
    intercept, kind = (0, np.int16) if signed else (-1024, np.uint16)
    lowest = -512 if signed else 0
    stored = np.random.default_rng(seed).integers(lowest, 1024, (5, 7)).astype(kind)
    path = write_dicom(tmp_path_factory.mktemp("ct") / "a.dcm", stored, RescaleSlope=slope, RescaleIntercept=intercept)
    expected = stored.astype(int) * slope + intercept
    image = read_image(path)
    assert image.dtype == np.float32
    assert image.shape == (1, 5, 7)
    np.testing.assert_array_equal(np.rint(units(image)), expected)
    assert np.abs(units(image) - expected).max() < 1e-3


def test_units_outside_the_range_are_clipped_and_a_stated_range_is_used(tmp_path):
    stored = np.array([[0, 1024, 4095]], np.uint16)
    path = write_dicom(tmp_path / "a.dcm", stored, RescaleIntercept=-2000)
    np.testing.assert_array_equal(np.rint(units(read_image(path))), [[-1024, -976, 2095]])
    read = read_image(path, Reading("ct", (-1000.0, 1000.0)))
    np.testing.assert_array_equal(np.rint(units(read, -1000, 1000)), [[-1000, -976, 1000]])


def test_a_radiograph_is_divided_by_its_stored_bits_and_monochrome1_inverted(tmp_path):
    stored = np.array([[0, 1000, 4095]], np.uint16)
    plain = read_image(write_dicom(tmp_path / "a.dcm", stored, "DX"))
    np.testing.assert_allclose(plain[0], stored / 4095, atol=1e-6)
    inverted = read_image(write_dicom(tmp_path / "b.dcm", stored, "DX", PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_allclose(inverted[0], 1 - stored / 4095, atol=1e-6)


def test_ct_in_monochrome1_keeps_its_units(tmp_path):
    stored = np.array([[0, 1000, 2000]], np.uint16)
    image = read_image(write_dicom(tmp_path / "a.dcm", stored, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(np.rint(units(image)), [[-1024, -24, 976]])


def test_the_window_of_a_monochrome1_radiograph_is_that_of_the_inverted_image(tmp_path):
    stored = np.zeros((2, 2), np.uint16)
    window = {"WindowCenter": 1024, "WindowWidth": 2048}
    assert dicom_facts(write_dicom(tmp_path / "a.dcm", stored, "DX", **window)).window == (0.0, 2048 / 4095)
    path = write_dicom(tmp_path / "b.dcm", stored, "DX", PhotometricInterpretation="MONOCHROME1", **window)
    assert dicom_facts(path).window == (1 - 2048 / 4095, 1.0)


def test_mr_is_spread_over_its_own_values(tmp_path):
    image = read_image(write_dicom(tmp_path / "a.dcm", np.array([[100, 200, 300]], np.uint16), "MR"))
    np.testing.assert_allclose(image[0], [[0, 0.5, 1]])


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"RescaleIntercept": None}, r"a\.dcm has no RescaleIntercept.*modality=other"),
        ({"PhotometricInterpretation": "RGB"}, r"a\.dcm holds RGB pixels"),
        ({"NumberOfFrames": 3}, r"a\.dcm holds 3 frames"),
        ({"PixelData": None}, r"pixels of .*a\.dcm cannot be decoded"),
        ({"PixelData": b"\0" * 10}, r"pixels of .*a\.dcm cannot be decoded"),
    ],
)
def test_what_is_no_grey_slice_is_named(tmp_path, attributes, message):
    path = write_dicom(tmp_path / "a.dcm", np.zeros((4, 4), np.uint16), **attributes)
    with pytest.raises(UserError, match=message):
        read_image(path)


def test_a_torn_file_and_a_localizer_are_named(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", np.zeros((4, 4), np.uint16), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    with pytest.raises(UserError, match=r"a\.dcm is the localizer"):
        dicom_facts(path)
    path.write_bytes(b"not DICOM" * 30)
    with pytest.raises(UserError, match=r"a\.dcm cannot be read"):
        read_image(path)


def test_the_context_follows_from_the_files(slices):
    data = open_folder(slices)
    low, high = data.context.window_hu
    assert data.context.modality == "ct"
    assert data.context.hu_range == (-1024.0, 3071.0)
    assert data.context.pixel_size_mm == 0.75
    # The files name two windows, and the first counts; what lies below the stored range cannot be seen.
    assert (low, high) == (-1024.0, pytest.approx(150.0))
    stored = np.random.default_rng(0).integers(0, 2000, (12, 16))
    case = next(name for name in data.index["case"] if name.endswith("slice0"))
    np.testing.assert_array_equal(np.rint(units(data.load(case).image)), stored - 1024)
    assert data.load(case).group == "P0"


def test_low_dose_ct_acts_on_hounsfield_units(slices):
    """The same slice stored over another range gets the same noise, in Hounsfield units."""
    wide, narrow = (open_folder(slices, hu_range=text) for text in ("-1024:3071", "-1100:2000"))
    name = wide.index["case"][0]
    clean, noisy = [], []
    for data in (wide, narrow):
        image = data.load(name).image
        clean.append(units(image, *data.context.hu_range))
        corrupted = corrupt_image("low-dose-ct", image[0], 3, "a", context=data.context)
        noisy.append(units(corrupted[None], *data.context.hu_range))
    assert np.abs(noisy[0] - clean[0]).max() > 5
    # Noise that would leave the range is clipped at its end.
    inside = noisy[0] > -1020
    assert inside.mean() > 0.9
    np.testing.assert_allclose(noisy[0][inside], noisy[1][inside], atol=0.5)
    assert wide.fingerprint != narrow.fingerprint


def test_what_is_stated_wins_and_is_in_the_fingerprint(slices):
    stated = open_folder(slices, window="-160:240", pixel_size_mm=0.9, hu_range="-1000:1000")
    assert stated.context == ImageContext("ct", (-1000.0, 1000.0), 0.9, (0.42, 0.62))
    assert stated.fingerprint != open_folder(slices).fingerprint
    assert open_folder(slices, window="-160:240").fingerprint != open_folder(slices).fingerprint


def test_images_of_another_meaning_are_an_error_and_can_be_left_out(slices):
    write_dicom(slices / "images" / "slice3.dcm", np.zeros((12, 16), np.uint16), "DX")
    with pytest.raises(UserError, match=r"1 images \(.*slice3 first\) hold radiographs, and most hold CT slices"):
        open_folder(slices)
    data = open_folder(slices, allow_issues=True)
    assert len(data.index) == 5
    assert data.context.modality == "ct"


def test_a_picture_among_dicom_files_is_an_error(slices):
    (slices / "images" / "slice3.dcm").unlink()
    Image.fromarray(np.zeros((12, 16), np.uint8)).save(slices / "images" / "slice3.png")
    with pytest.raises(UserError, match="images without a stated scale, and most hold CT slices"):
        open_folder(slices)


def test_differing_pixels_and_windows_are_told_and_decided_by_rule(slices):
    for number, side in enumerate((0.6, 0.7, 0.8)):
        stored = np.zeros((12, 16), np.uint16)
        write_dicom(slices / "images" / f"slice{number}.dcm", stored, PixelSpacing=[side, side], WindowCenter=number)
    data = open_folder(slices)
    told = {defect.kind: defect for defect in data.defects}
    assert {told["mixed-pixel-size"].gravity, told["window-chosen"].gravity} == {"warning"}
    assert "from 0.6 mm" in told["mixed-pixel-size"].message
    assert data.context.pixel_size_mm == 0.75
    assert pixel_size_mm(data) is None, "a median is no case's own length"
    assert pixel_size_mm(open_folder(slices, pixel_size_mm=0.9)) == 0.9
    assert data.context.window_hu == (-1024.0, pytest.approx(150.0))
    assert "lung window" in told["window-chosen"].message


def test_a_header_that_is_torn_names_the_file(slices):
    path = slices / "images" / "slice2.dcm"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match=r"slice2\.dcm"):
        open_folder(slices)


def test_a_dicom_mask_has_two_values(tmp_path):
    truth = np.random.default_rng(0).random((6, 8)) < 0.4
    np.testing.assert_array_equal(read_mask(write_dicom(tmp_path / "m.dcm", truth.astype(np.uint16) * 3)), truth)
    path = write_dicom(tmp_path / "n.dcm", np.array([[0, 1, 2]], np.uint16))
    with pytest.raises(UserError, match=r"n\.dcm holds the values 0, 1, 2: a mask has 0 and one other"):
        read_mask(path)
