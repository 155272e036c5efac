from dataclasses import replace

import pandas as pd
import pytest

from biclip_bench.errors import UserError
from biclip_bench.reports.details_file import read_details, write_details
from biclip_bench.reports.frame import validate_frame
from biclip_bench.reports.material import CASES_FILE, DETAILS_FILE, read_material, write_material
from biclip_bench.reports.merging import Part, merge_folders

PROVENANCE = {"Data set": "d" * 64, "Images, motion 1": "e" * 64}


@pytest.fixture
def split_run(tmp_path, make_frame, make_details):
    """One run's scores in two folders, a model each, as two machines would have written them."""
    frame, details = make_frame(dataset="Simulated scores"), make_details()
    folders = []
    for name, model in (("one", "model A"), ("two", "model B")):
        own = replace(
            details,
            models=tuple(note for note in details.models if note.name == model),
            provenance=PROVENANCE | {f"Model {model}": name},
            settings={**details.settings, "Seeds": name},
        )
        write_material(frame[frame["model"] == model], own, tmp_path / name)
        folders.append(tmp_path / name)
    return folders, frame


def parts(folders, **names):
    return [Part(folder, names.get(folder.name, {})) for folder in folders]


def test_details_survive_the_file(tmp_path, details):
    notes = tuple(replace(note, levels=tuple(note.levels)) for note in details.corruptions)
    told = replace(
        details, corruptions=notes, provenance=PROVENANCE, methods=("We trained.",), citations=("A et al., B, C 2020",)
    )
    assert read_details(write_details(told, tmp_path / "details.json")) == told


def test_two_machines_make_the_report_of_one(split_run):
    folders, frame = split_run
    merged = merge_folders(parts(folders))
    pd.testing.assert_frame_equal(merged.frame, validate_frame(frame), check_dtype=False, check_categorical=False)
    assert [note.name for note in merged.details.models] == ["model A", "model B"]
    assert "one" in merged.details.settings["Seeds"]
    assert "two" in merged.details.settings["Seeds"]
    assert merged.details.settings["Image size"] == "96 px"
    assert merged.details.provenance["Model model B"] == "two"


def test_the_order_of_the_folders_does_not_matter_for_the_scores(split_run):
    folders, _ = split_run
    pd.testing.assert_frame_equal(merge_folders(parts(folders)).frame, merge_folders(parts(folders[::-1])).frame)


def test_shared_rows_count_once_if_they_are_the_same_and_are_an_error_if_not(split_run, tmp_path):
    folders, _ = split_run
    again = read_material(folders[0])
    write_material(again.frame, again.details, tmp_path / "three")
    assert len(merge_folders(parts([folders[0], tmp_path / "three"])).frame) == len(again.frame)
    other = again.frame.copy()
    lost = other.index[other["severity"] == 5][3]
    case = {"true_positive": 0, "false_negative": other.loc[lost, ["true_positive", "false_negative"]].sum()}
    other.loc[lost, [*case, "dice", "iou"]] = [*case.values(), 0.0, 0.0]
    write_material(other, again.details, tmp_path / "three")
    with pytest.raises(UserError, match=r"other scores of the same training: model 'model A' .* motion 5"):
        merge_folders(parts([folders[0], tmp_path / "three"]))
    renamed = merge_folders(parts([folders[0], tmp_path / "three"], three={"model A": "model A, laptop"}))
    assert set(renamed.frame["model"]) == {"model A", "model A, laptop"}
    assert "Model model A, laptop" in renamed.details.provenance


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("Data set", r"one and .*two differ in 'Data set', so their scores cannot stand in one table"),
        ("Images, motion 1", "differ in 'Images, motion 1'"),
        ("Model model A", r"a model called 'model A', with other settings .* --rename '.*two:model A=model A-2'"),
    ],
)
def test_what_cannot_stand_in_one_table_is_told(split_run, key, says):
    folders, _ = split_run
    material = read_material(folders[1])
    write_material(
        material.frame, replace(material.details, provenance={**material.details.provenance, key: "x"}), folders[1]
    )
    with pytest.raises(UserError, match=says):
        merge_folders(parts(folders))


def test_other_true_masks_are_told(split_run):
    folders, _ = split_run
    material = read_material(folders[1])
    frame = material.frame.copy()
    frame["false_negative"] = frame["false_negative"] + 1
    total = 2 * frame["true_positive"] + frame["false_positive"] + frame["false_negative"]
    frame["dice"] = 2 * frame["true_positive"] / total
    frame["iou"] = frame["true_positive"] / (total - frame["true_positive"])
    write_material(frame, material.details, folders[1])
    with pytest.raises(UserError, match="do not have the same true masks"):
        merge_folders(parts(folders))


def test_other_data_sets_are_told(split_run):
    folders, _ = split_run
    material = read_material(folders[1])
    write_material(material.frame.assign(dataset="another"), replace(material.details, dataset="another"), folders[1])
    with pytest.raises(UserError, match=r"of several .*one: Simulated scores; .*two: another"):
        merge_folders(parts(folders))


def test_a_folder_that_is_none_and_a_damaged_one_are_named(split_run, tmp_path):
    folders, _ = split_run
    with pytest.raises(UserError, match="elsewhere is not the folder of a report"):
        read_material(tmp_path / "elsewhere")
    (folders[0] / DETAILS_FILE).write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"details\.json is missing or damaged"):
        read_material(folders[0])
    (folders[1] / CASES_FILE).write_bytes(b"")
    with pytest.raises(UserError, match=r"cases\.parquet are damaged"):
        read_material(folders[1])


def test_a_model_to_rename_that_is_not_there_is_told(split_run):
    folders, _ = split_run
    with pytest.raises(UserError, match=r"no model 'model C' to rename\. Known: model A"):
        merge_folders(parts(folders[:1], one={"model C": "x"}))
