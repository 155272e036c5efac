import json
import multiprocessing
import pickle
import shutil
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from biclip_bench.benchmark.datasets import PARTS, DatasetSettings, open_dataset
from biclip_bench.benchmark.datasets.phantom import make_case, phantom_fingerprint
from biclip_bench.benchmark.datasets.report_grammar import ZONES, parse
from biclip_bench.corruptions.context import ImageContext
from biclip_bench.errors import UserError

SIZE = 96


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return DatasetSettings(image_size=SIZE, cases=(16, 3, 5), seed=3, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def phantom(settings):
    return open_dataset("phantom", settings)


@pytest.fixture(scope="module")
def made():
    """Cases with the lungs that the data set itself does not store."""
    return [make_case(3, "train", patient, number, SIZE) for patient in range(16) for number in range(3)]


def hounsfield(case):
    return case.image[0] * 2524 - 1024


def test_cases_follow_the_contract(phantom):
    assert list(phantom.index.columns) == ["case", "part", "group", "text", "lesion_fraction"]
    assert list(phantom.index["case"]) == sorted(set(phantom.index["case"]))
    assert phantom.index["part"].value_counts().to_dict() == {"train": 48, "val": 9, "test": 15}
    for row in phantom.index.itertuples():
        case = phantom.load(row.case)
        assert (case.id, case.group, case.text) == (row.case, row.group, row.text)
        assert case.image.shape == (1, SIZE, SIZE)
        assert case.image.dtype == np.float32
        assert case.image.min() >= 0
        assert case.image.max() <= 1
        assert case.mask.shape == (SIZE, SIZE)
        assert case.mask.dtype == np.bool_
        assert case.mask.mean() == row.lesion_fraction
    assert phantom.context == ImageContext("ct", (-1024.0, 1500.0), 340 / SIZE, phantom.context.window)
    assert phantom.context.window[0] == 0.0
    assert phantom.context.window[1] * 2524 - 1024 == pytest.approx(150)


def test_no_patient_stands_in_two_parts_and_each_has_three_slices(phantom):
    by_group = phantom.index.groupby("group")["part"]
    assert (by_group.nunique() == 1).all()
    assert (by_group.size() == 3).all()
    assert all(row.case.startswith(f"phantom-{row.part}-") for row in phantom.index.itertuples())


def test_slices_of_a_patient_and_patients_differ(phantom):
    images = {case: phantom.load(case).image.tobytes() for case in phantom.index["case"]}
    assert len(set(images.values())) == len(images)


def test_same_settings_same_bits_elsewhere(phantom, settings, tmp_path):
    again = open_dataset("phantom", replace(settings, cache=tmp_path))
    assert again.fingerprint == phantom.fingerprint
    assert again.index.equals(phantom.index)
    for case in phantom.index["case"][::9]:
        one, other = phantom.load(case), again.load(case)
        assert one.image.tobytes() == other.image.tobytes()
        assert one.mask.tobytes() == other.mask.tobytes()


def test_a_case_does_not_depend_on_how_many_are_made(phantom, settings, tmp_path):
    fewer = open_dataset("phantom", replace(settings, cases=(2, 1, 1), cache=tmp_path))
    assert set(fewer.index["case"]) < set(phantom.index["case"])
    assert fewer.fingerprint != phantom.fingerprint
    for case in fewer.index["case"]:
        one, other = phantom.load(case), fewer.load(case)
        assert one.text == other.text
        assert one.image.tobytes() == other.image.tobytes()
        assert one.mask.tobytes() == other.mask.tobytes()


@pytest.mark.parametrize("change", [{"seed": 4}, {"image_size": 97}, {"cases": (16, 3, 6)}])
def test_whatever_changes_the_cases_changes_the_fingerprint(settings, change):
    assert phantom_fingerprint(settings) != phantom_fingerprint(replace(settings, **change))
    assert phantom_fingerprint(settings) == phantom_fingerprint(replace(settings, cache=settings.cache / "other"))


def test_another_seed_gives_other_patients():
    assert not np.array_equal(make_case(0, "train", 0, 0, 64).slice.hu, make_case(1, "train", 0, 0, 64).slice.hu)
    assert not np.array_equal(make_case(0, "train", 0, 0, 64).slice.hu, make_case(0, "test", 0, 0, 64).slice.hu)


def test_text_states_what_the_mask_shows(made):
    """The count by an independent labelling; side and zone by each area's own pixels and the lung beneath them."""
    for case in made:
        stated = parse(case.text)
        labels, count = ndimage.label(case.slice.mask, structure=np.ones((3, 3)))
        assert stated.count == count, case.text
        seen = {1: set(), 2: set()}
        for area in range(1, count + 1):
            rows, columns = np.nonzero(labels == area)
            assert (case.slice.lungs[rows, columns] > 0).all(), "lesions lie in the lungs"
            lung = np.bincount(case.slice.lungs[rows, columns]).argmax()
            extent = np.nonzero((case.slice.lungs == lung).any(axis=1))[0]
            height = (rows - extent[0] + 0.5) / (extent[-1] - extent[0] + 1)
            for number, zone in enumerate(ZONES):
                inside = np.mean((height >= number / 3) & (height < (number + 1) / 3))
                if inside >= 0.2:
                    seen[lung].add(zone)
        assert stated.right == seen[1], case.text
        assert stated.left == seen[2], case.text


def test_the_patients_left_is_on_the_viewers_right(made):
    for case in made:
        centre = {lung: np.mean(np.nonzero(case.slice.lungs == lung)[1]) for lung in (1, 2)}
        assert centre[1] < SIZE / 2 < centre[2]
        stated, columns = parse(case.text), np.nonzero(case.slice.mask)[1]
        if stated.left and not stated.right:
            assert columns.mean() > SIZE / 2
        if stated.right and not stated.left:
            assert columns.mean() < SIZE / 2


def test_normal_cases_are_a_minority_and_say_so(phantom):
    normal = phantom.index["lesion_fraction"] == 0
    assert 0.02 < normal.mean() < 0.3
    assert all((parse(text).count == 0) == empty for text, empty in zip(phantom.index["text"], normal, strict=True))


def test_reports_are_worded_in_several_ways(phantom):
    starts = {text.split(",")[0] for text in phantom.index["text"]}
    assert len(starts) > 4
    published = phantom.index["text"].str.match(r"(Bilateral|Unilateral|No) pulmonary infection, \w+ infected area")
    assert published.mean() > 0.4


def test_tissues_have_their_hounsfield_units(made):
    """Medians over whole organs, against the ranges of the literature named in the module on tissue."""
    parenchyma, rise, fat, solid = [], [], [], 0
    for case in made:
        hu, lungs = case.slice.hu, case.slice.lungs > 0
        inner = ndimage.binary_erosion(lungs, iterations=2)
        clear = inner & ~ndimage.binary_dilation(case.slice.mask, iterations=3)
        parenchyma.append(np.median(hu[clear]))
        body = ndimage.binary_fill_holes(hu > -300)
        tissue_values = hu[ndimage.binary_erosion(body, iterations=2) & ~ndimage.binary_dilation(lungs, iterations=2)]
        soft = tissue_values[(tissue_values > -20) & (tissue_values < 120)]
        beneath_skin = hu[ndimage.binary_erosion(body, iterations=2) & ~ndimage.binary_erosion(body, iterations=4)]
        fat.append(beneath_skin[(beneath_skin > -180) & (beneath_skin < -50)])
        assert 20 < np.median(soft) < 70
        assert 350 < np.percentile(tissue_values, 99.5) < 1300, "cortical bone, thinned by partial volume"
        assert np.median(hu[:3]) == pytest.approx(-1000, abs=10)
        if case.slice.mask.sum() > 20:
            lesion = np.median(hu[case.slice.mask])
            rise.append(lesion - parenchyma[-1])
            solid += lesion > -200
    # The commonest value: partial volume with muscle pulls the mean of lean patients upwards.
    counts, edges = np.histogram(np.concatenate(fat), bins=13)
    assert -115 < edges[counts.argmax()] < edges[counts.argmax() + 1] < -85
    assert min(parenchyma) > -890
    assert max(parenchyma) < -740
    assert np.median(rise) > 60, "infection is denser than lung"
    assert np.median(rise) < 320, "most of it is ground glass"
    assert solid < 0.3 * len(rise)


def test_a_second_start_reads_the_cache(phantom, settings, monkeypatch):
    def refuse(*_):
        raise AssertionError("made again")

    monkeypatch.setattr("biclip_bench.benchmark.datasets.phantom.dataset.make_case", refuse)
    again = open_dataset("phantom", settings)
    case = phantom.index["case"][5]
    assert again.load(case).image.tobytes() == phantom.load(case).image.tobytes()


def small(cache):
    return DatasetSettings(image_size=32, cases=(1, 1, 1), cache=cache)


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: flip_a_byte(folder / "hu.npy"),
        lambda folder: flip_a_byte(folder / "masks.npy"),
        lambda folder: (folder / "hu.npy").write_bytes((folder / "hu.npy").read_bytes()[:-7]),
        lambda folder: (folder / "index.parquet").unlink(),
        lambda folder: (folder / "manifest.json").unlink(),
        lambda folder: (folder / "manifest.json").write_text("{"),
        lambda folder: (folder / "manifest.json").write_text(json.dumps({"fingerprint": "another", "files": {}})),
    ],
)
def test_a_damaged_cache_is_made_again(tmp_path, damage):
    whole = open_dataset("phantom", small(tmp_path))
    expected = [whole.load(case).image.tobytes() for case in whole.index["case"]]
    (folder,) = tmp_path.iterdir()
    damage(folder)
    mended = open_dataset("phantom", small(tmp_path))
    assert [mended.load(case).image.tobytes() for case in mended.index["case"]] == expected
    assert list(tmp_path.iterdir()) == [folder], "nothing temporary is left"


def test_a_run_killed_while_making_leaves_no_cache(tmp_path, monkeypatch):
    made = []

    def killed(*arguments):
        if len(made) == 4:
            raise KeyboardInterrupt
        made.append(arguments)
        return make_case(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("biclip_bench.benchmark.datasets.phantom.dataset.make_case", killed)
        with pytest.raises(KeyboardInterrupt):
            open_dataset("phantom", small(tmp_path))
    assert list(tmp_path.iterdir()) == []
    assert len(open_dataset("phantom", small(tmp_path)).index) == 9


def _open_and_digest(cache, results):
    data = open_dataset("phantom", small(cache))
    results.put(b"".join(data.load(case).image.tobytes() for case in data.index["case"]))


def test_two_processes_may_make_the_same_cache_at_once(tmp_path):
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    workers = [context.Process(target=_open_and_digest, args=(tmp_path, results)) for _ in range(3)]
    for worker in workers:
        worker.start()
    digests = {results.get(timeout=60) for _ in workers}
    for worker in workers:
        worker.join(timeout=60)
    assert len(digests) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_worker_processes_get_paths_and_not_pixels(phantom):
    case = phantom.index["case"][0]
    phantom.load(case)
    sent = pickle.dumps(phantom)
    assert len(sent) < phantom.load(case).image.nbytes * 3
    assert pickle.loads(sent).load(case).image.tobytes() == phantom.load(case).image.tobytes()


def test_an_unwritable_cache_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(UserError, match=r"cache folder .*file cannot be written"):
        open_dataset("phantom", small(blocked))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_size": 8}, "image size is 8 pixels: choose 32 to 1024"),
        ({"cases": (5, 0, 5)}, r"are \(5, 0, 5\): give three numbers of 1 or more"),
        ({"seed": -1}, "seed is -1: choose 0 or more"),
    ],
)
def test_settings_out_of_range_are_refused(settings, change, message):
    with pytest.raises(UserError, match=message):
        open_dataset("phantom", replace(settings, **change))


def test_a_data_root_is_refused(settings, tmp_path):
    with pytest.raises(UserError, match="made, not read"):
        open_dataset("phantom", replace(settings, root=tmp_path))


def test_an_unknown_case_is_named(phantom):
    with pytest.raises(UserError, match=r"no case 'phantom-train-9999-0'.*look like 'phantom-test-0000-0'"):
        phantom.load("phantom-train-9999-0")


def test_parts_are_all_there(phantom):
    assert set(phantom.index["part"]) == set(PARTS)


def test_copied_cache_serves_another_machine(phantom, settings, tmp_path, monkeypatch):
    shutil.copytree(settings.cache, tmp_path / "copy")
    monkeypatch.setattr("biclip_bench.benchmark.datasets.phantom.dataset.make_case", None)
    assert open_dataset("phantom", replace(settings, cache=tmp_path / "copy")).index.equals(phantom.index)
