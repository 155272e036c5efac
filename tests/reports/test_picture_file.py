import numpy as np
import pytest

from biclip_bench.errors import UserError
from biclip_bench.reports import Picture
from biclip_bench.reports.picture_file import LARGEST_SIDE, PictureFile, pictures_identity, write_pictures


def grouped(pictures):
    cases = dict.fromkeys(picture.case for picture in pictures)
    return [[picture for picture in pictures if picture.case == case] for case in cases]


def test_pictures_come_back_as_they_were(tmp_path, pictures):
    path = write_pictures(tmp_path / "pictures.parquet", grouped(pictures), "made from these")
    file = PictureFile([path])
    assert pictures_identity(path) == "made from these"
    assert file.cases() == ["case-000", "case-001"]
    for case in file.cases():
        read = file.pictures(case)
        assert [picture.severity for picture in read] == [0, 1, 2, 3, 4, 5]
        for picture, before in zip(read, [one for one in pictures if one.case == case], strict=True):
            assert (picture.text, picture.corruption) == (before.text, before.corruption)
            assert np.array_equal(picture.truth, before.truth)
            assert np.abs(picture.image - before.image).mean() < 0.02
            for model, mask in before.predictions.items():
                assert np.array_equal(picture.predictions[model], mask)
                assert picture.dice(model) == before.dice(model)


def test_a_large_image_is_shrunk_and_keeps_the_dice_of_its_native_grid(tmp_path):
    generator = np.random.default_rng(0)
    truth, found = (generator.random((2, 300, 1200)) < 0.5)[:]
    large = Picture("a", "", "clean", 0, generator.random((300, 1200)), truth, {"m": found})
    (small,) = PictureFile([write_pictures(tmp_path / "p.parquet", [[large]])]).pictures("a")
    assert small.image.shape == (LARGEST_SIDE // 4, LARGEST_SIDE)
    assert small.dice("m") == large.dice("m")


def test_files_of_several_machines_put_a_cases_models_together(tmp_path, make_pictures):
    first, second = make_pictures(models=("a",)), make_pictures(models=("b", "c"))
    paths = [write_pictures(tmp_path / name, grouped(one)) for name, one in (("1", first), ("2", second))]
    merged = PictureFile(paths, [{}, {"c": "c, wide"}])
    assert {model for picture in merged.pictures("case-000") for model in picture.predictions} == {"a", "b", "c, wide"}
    moved = make_pictures(models=("d",), size=40)
    with pytest.raises(UserError, match="another truth of case 'case-000'"):
        PictureFile([paths[0], write_pictures(tmp_path / "3", grouped(moved))]).pictures("case-000")


def test_the_same_pictures_give_the_same_bytes(tmp_path, pictures):
    first, second = (write_pictures(tmp_path / name, grouped(pictures)).read_bytes() for name in "ab")
    assert first == second


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "pictures.parquet"
    path.write_bytes(b"no parquet")
    assert pictures_identity(path) is None
    with pytest.raises(UserError, match=r"pictures\.parquet are damaged"):
        PictureFile([path])
