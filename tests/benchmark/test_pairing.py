"""Which mask and text belong to an image never depends on the order of files, and ambiguity is never guessed away."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biclip_bench.benchmark.datasets.dealing import deal_groups
from biclip_bench.benchmark.datasets.image_files import bare_name, image_suffix
from biclip_bench.benchmark.datasets.pairing import Naming, Place, pair_masks, pair_rows
from biclip_bench.benchmark.datasets.text_tables import TextRow

NAMING = Naming(prefixes=("mask_",), suffixes=("_mask",))
PLACE = Place("train", Path("images"), Path("masks"))
STEMS = st.sampled_from(["a", "b", "mask_a", "a_mask", "b_mask", "mask_b_mask", "c.v1", "c"])


def paired(images, masks, rows):
    """What is paired without an error: masks and texts by image."""
    defects = []
    by_name = {name: Path("images") / f"{name}.png" for name in images}
    mask_of = pair_masks([(bare_name(mask.name), mask) for mask in masks], by_name, NAMING, PLACE, defects)
    row_of = pair_rows(rows, by_name, NAMING, PLACE, defects)
    faulty = {case for defect in defects for case in defect.cases}
    whole = sorted(name for name in set(mask_of) & set(row_of) if PLACE.case(name) not in faulty)
    return [(name, mask_of[name], row_of[name].text) for name in whole], Counter(defect.kind for defect in defects)


@given(
    images=st.lists(STEMS, unique=True),
    masks=st.lists(st.tuples(STEMS, st.sampled_from([".png", ".tif"])), unique=True),
    rows=st.lists(st.tuples(STEMS, st.sampled_from([".png", ""])), unique=True),
    data=st.data(),
)
def test_pairs_do_not_depend_on_the_order(images, masks, rows, data):
    mask_files = [Path("masks") / f"{stem}{suffix}" for stem, suffix in masks]
    text_rows = [TextRow(Path("t.csv"), n, f"{stem}{suffix}", stem) for n, (stem, suffix) in enumerate(rows, start=2)]
    first = paired(images, mask_files, text_rows)
    again = paired(*(data.draw(st.permutations(items)) for items in (images, mask_files, text_rows)))
    assert again == first
    for name, mask, text in first[0]:
        assert bare_name(mask.name) in {name, f"mask_{name}", f"{name}_mask"}
        assert text in {name, f"mask_{name}", f"{name}_mask"}


def test_the_same_name_goes_before_the_name_without_a_mark():
    masks = [Path("masks/mask_a.png"), Path("masks/mask_mask_a.png")]
    rows = [TextRow(Path("t.csv"), 2, "mask_a", "marked"), TextRow(Path("t.csv"), 3, "a", "plain")]
    (found, kinds) = paired(["mask_a"], masks[:1], rows[:1])
    assert found == [("mask_a", masks[0], "marked")]
    assert not kinds
    (found, kinds) = paired(["a", "mask_a"], masks, rows)
    assert found == []
    assert kinds["two-masks"] == 1


def test_a_mask_that_fits_two_images_is_nobodys():
    found, kinds = paired(["b_mask", "mask_b"], [Path("masks/mask_b_mask.png")], [])
    assert found == []
    assert kinds["ambiguous-mask"] == 1


@given(sizes=st.dictionaries(st.text(min_size=1), st.integers(1, 20), min_size=3), data=st.data())
def test_dealing_keeps_whole_groups_and_does_not_depend_on_the_order(sizes, data):
    shares = {"train": 70.0, "val": 10.0, "test": 20.0}
    dealt = deal_groups(sizes, shares)
    shuffled = dict(data.draw(st.permutations(list(sizes.items()))))
    assert deal_groups(shuffled, shares) == dealt
    assert set(dealt) == set(sizes)
    assert set(dealt.values()) == set(shares)


def test_dealing_comes_close_to_the_shares_and_skips_none_wanted():
    sizes = {f"patient {n}": 1 + n % 5 for n in range(200)}
    dealt = deal_groups(sizes, {"train": 80.0, "val": 20.0, "test": 0.0})
    total = Counter()
    for group, part in dealt.items():
        total[part] += sizes[group]
    assert set(total) == {"train", "val"}
    assert total["val"] / sum(sizes.values()) == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("a.png", ".png"),
        ("A.NII.GZ", ".NII.GZ"),
        ("a.nii", ".nii"),
        ("a.gz", ""),
        (".png", ""),
        ("scan.v1.dcm", ".dcm"),
    ],
)
def test_the_suffix_of_an_image(name, suffix):
    assert image_suffix(name) == suffix
    assert bare_name(name) + suffix == name
