"""What the command line tells of data sets, and a run on CT slices in DICOM files with a table of texts."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from biclip_bench.benchmark.datasets import dataset_registry


def test_the_list_names_every_data_set(within, tmp_path):
    done = within("datasets", "list", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(dataset_registry.names()) <= set(done.stdout.split())
    assert "5,716 / 1,429 /" in done.stdout


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "qata",
            ["Train Set/", "Ground-truths/", "validation_share", "20.0", "kaggle.com", "Licence:", "Cite: Degerli"],
        ),
        ("folder", ["texts.csv", "hu_range", "LOW:HIGH or none", "mask_,_mask,-mask", "whole patients are dealt"]),
        ("kvasir-seg", ["anns/train.json", "prompt", "p6", "800 / 100 / 100", "Jha et al."]),
        ("phantom", ["It has no options", "made on this machine"]),
    ],
)
def test_a_data_set_is_shown(within, tmp_path, name, told):
    done = within("datasets", "show", name, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for text in told:
        assert text in done.stdout


def test_an_unknown_data_set_is_refused_with_a_near_name(within, tmp_path):
    done = within("datasets", "show", "quata", cwd=tmp_path)
    assert done.returncode == 2
    assert "Did you mean 'qata'?" in done.stderr


def write_slice(path: Path, patient: int) -> np.ndarray:
    generator = np.random.default_rng(patient)
    lesion = np.zeros((40, 40), bool)
    lesion[10 + patient : 20 + patient, 12:24] = True
    units = np.clip(generator.normal(-800, 40, lesion.shape) + 500 * lesion, -1024, 3071).astype(np.int16)
    file = pydicom.Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(path)])
    file.Modality, file.PatientID = "CT", f"P{patient}"
    file.Rows, file.Columns, file.SamplesPerPixel, file.PhotometricInterpretation = 40, 40, 1, "MONOCHROME2"
    file.BitsAllocated = file.BitsStored = 16
    file.HighBit, file.PixelRepresentation = 15, 1
    file.PixelSpacing, file.RescaleSlope, file.RescaleIntercept = [0.8, 0.8], 1, 0
    file.WindowCenter, file.WindowWidth = -600, 1500
    file.PixelData = units.tobytes()
    file.save_as(path, enforce_file_format=True)
    return lesion


def test_the_main_job_runs_on_dicom_slices(cli, tmp_path):
    root = tmp_path / "data"
    for folder in ("scans", "truth"):
        (root / folder).mkdir(parents=True)
    rows = ["file;finding"]
    for patient in range(10):
        lesion = write_slice(root / "scans" / f"p{patient}.dcm", patient)
        Image.fromarray(np.where(lesion, 255, 0).astype(np.uint8)).save(root / "truth" / f"p{patient}-seg.png")
        rows.append(f"p{patient}.dcm;One consolidation, right lung.")
    (root / "texts.csv").write_text("\n".join(rows), encoding="utf-8-sig")
    options = {
        "images": "scans", "masks": "truth", "mask_affix": "-seg", "texts": "texts.csv", "image_column": "file",
        "text_column": "finding", "fractions": "60:20:20",
    }  # fmt: skip
    given = [word for key, value in options.items() for word in ("--data-option", f"{key}={value}")]
    done = cli(
        "run", "--dataset", "folder", "--data-root", root, *given, "--model", "ef-unet", "--corruption", "low-dose-ct",
        "--severity", "3", "--image-size", "32", "--width", "4", "--epochs", "1", "--accelerator", "cpu",
        "--output", tmp_path / "results",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "6 training, 2 validation and 2 test cases" in done.stdout
    (report,) = tmp_path.glob("results/folder-quick-*/report.html")
    told = " ".join(report.read_text(encoding="utf-8").split())
    assert "made by biclip-bench: whole groups dealt 60:20:20" in told
    # They are CT slices in Hounsfield units, which is what low-dose-ct is made for.
    assert "models the physics of CT slices, and this data set holds" not in told
