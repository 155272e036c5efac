import re

import pytest

from biclip_bench.models import listed_models, model_registry
from biclip_bench.reports.citations import bibtex_entries


def test_a_short_reference_becomes_an_entry():
    (entry,) = bibtex_entries(["Morozov et al., MosMedData: Chest CT Scans, arXiv 2005.06465, 2020"])
    assert entry.splitlines() == [
        "@misc{morozov-2020-mosmeddata,",
        "  author = {Morozov and others},",
        "  title = {{MosMedData: Chest CT Scans}},",
        "  eprint = {2005.06465},",
        "  archiveprefix = {arXiv},",
        "  year = {2020}",
        "}",
    ]


def test_two_authors_a_venue_and_a_comma_in_the_title():
    (entry,) = bibtex_entries(["Lueddecke and Ecker, Images, Texts & Masks, CVPR 2022"])
    assert "author = {Lueddecke and Ecker}" in entry
    assert r"title = {{Images, Texts \& Masks}}" in entry
    assert "howpublished = {CVPR}" in entry


def test_what_has_no_year_is_left_out_and_nothing_comes_twice():
    assert bibtex_entries(["unpublished", "not stated", "a control of this benchmark"]) == []
    assert len(bibtex_entries(["A et al., B, C 2020; D et al., E, F 2021", "A et al., B, C 2020"])) == 2


@pytest.mark.parametrize("name", listed_models())
def test_every_models_paper_gives_entries_that_close_their_braces(name):
    for entry in bibtex_entries([model_registry.get(name).paper]):
        assert re.match(r"@misc\{[\w.-]+,\n", entry)
        assert entry.count("{") == entry.count("}")
        assert "year = {" in entry
