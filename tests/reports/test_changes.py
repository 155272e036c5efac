from dataclasses import replace

from biclip_bench.reports.changes import changes


def test_nothing_differs_from_itself(details):
    assert changes(details, details) == []


def test_settings_versions_models_and_digests_that_differ_are_listed(details):
    after = replace(
        details,
        settings={**details.settings, "Image size": "224 px", "Seeds": "0, 1"},
        versions={"biclip-bench": "0.2.0"},
        models=(replace(details.models[0], parameters=5), details.models[1]),
        provenance={"Data set": "b" * 64},
    )
    before = replace(details, provenance={"Data set": "a" * 64})
    found = {change.what: (change.before, change.after) for change in changes(before, after)}
    assert found == {
        "Image size": ("96 px", "224 px"),
        "Seeds": ("–", "0, 1"),  # noqa: RUF001
        "Version of biclip-bench": ("0.1.0", "0.2.0"),
        "model A: parameters": ("1234567", "5"),
        "Digest: Data set": ("a" * 12, "b" * 12),
    }
