from hypothesis import given
from hypothesis import strategies as st

from biclip_bench.benchmark.release.names import case_stems, condition_folder, safe_stem
from biclip_bench.corruptions import corruption_registry

FORBIDDEN = set('<>:"/\\|?*=+ ,')
NAMES = st.text(st.characters(codec=None, exclude_categories=()), max_size=100)
CONFUSING = st.text("aA/-. äÄ:", max_size=4)


def is_portable(stem: str) -> bool:
    device = stem.split(".")[0].upper() in {"CON", "PRN", "AUX", "NUL", "COM1", "LPT9"}
    return stem.isascii() and stem.isprintable() and not FORBIDDEN & set(stem) and stem[0] not in ".-" and not device


@given(NAMES)
def test_a_stem_means_the_same_on_every_file_system(name):
    stem = safe_stem(name)
    assert is_portable(stem)
    assert stem[-1] != "."
    assert len(stem) <= 66


@given(st.lists(st.one_of(CONFUSING, NAMES), unique=True, max_size=12), st.randoms())
def test_no_two_cases_share_a_stem_and_their_order_does_not_matter(cases, random):
    stems = case_stems(cases)
    assert len({stem.casefold() for stem in stems.values()}) == len(cases)
    assert all(is_portable(stem) for stem in stems.values())
    shuffled = random.sample(cases, len(cases))
    assert case_stems(shuffled) == stems


def test_an_id_that_looks_like_anothers_stem_gets_one_of_its_own():
    clash = case_stems(["a b", "a:b"])
    stems = case_stems(["a b", "a:b", clash["a b"]])
    assert len(set(stems.values())) == 3


def test_an_id_that_is_safe_alone_is_its_own_stem():
    assert case_stems(["phantom-test-0001-2", "S10"]) == {"phantom-test-0001-2": "phantom-test-0001-2", "S10": "S10"}
    assert safe_stem("test/Röntgen 1") == "test-Rontgen-1"
    assert safe_stem("con") == "x-con"
    assert safe_stem("Nul.old") == "x-Nul.old"


def test_registered_corruptions_keep_their_name():
    names = corruption_registry.names()
    assert [condition_folder(name) for name in names] == names


@given(st.lists(st.text("motinMO:=/+-.12,", min_size=1, max_size=8), unique=True, max_size=10))
def test_no_two_specifications_share_a_folder(names):
    folders = [condition_folder(name) for name in names]
    assert len({folder.casefold() for folder in folders}) == len(names)
    assert all(is_portable(folder) for folder in folders)


def test_a_condition_never_takes_a_folder_of_the_release():
    assert not {condition_folder(name) for name in ("clean", "masks", "overview")} & {"clean", "masks", "overview"}
