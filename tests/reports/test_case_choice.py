import pytest

from biclip_bench.reports.figures.case_choice import largest_losses, typical_cases
from biclip_bench.reports.figures.failure_gallery import failure_plans
from biclip_bench.reports.figures.style import paper_style
from biclip_bench.reports.frame import validate_frame
from biclip_bench.reports.picture_source import PictureList


@pytest.fixture
def frame(make_frame):
    return validate_frame(make_frame())


def test_typical_cases_have_small_middling_and_large_lesions_of_different_patients(frame):
    cases = frame["case"].unique().tolist()
    chosen = typical_cases(frame, cases)
    rows = frame[frame["severity"] == 0].drop_duplicates("case").set_index("case")
    area = rows["true_positive"] + rows["false_negative"]
    assert len(chosen) == 3
    assert area[chosen].is_monotonic_increasing
    assert rows.loc[chosen, "group"].nunique() == 3
    # Of every patient's smallest lesion, the quarter, the half and three quarters.
    share = area.groupby(rows["group"]).min().rank(pct=True)[rows.loc[chosen, "group"]]
    assert share.to_numpy() == pytest.approx([0.25, 0.5, 0.75], abs=0.1)


def test_typical_cases_do_not_depend_on_what_models_find(frame):
    cases = frame["case"].unique().tolist()
    worse = frame.assign(
        true_positive=0, false_negative=frame["true_positive"] + frame["false_negative"], dice=0.0, iou=0.0
    )
    assert typical_cases(worse, cases) == typical_cases(frame, cases)
    assert typical_cases(frame.sample(frac=1, random_state=1), cases) == typical_cases(frame, cases)


def test_they_are_typical_of_all_cases_and_not_of_those_with_pictures(frame):
    typical = typical_cases(frame, frame["case"].unique().tolist())
    areas = frame.drop_duplicates("case").assign(area=lambda one: one["true_positive"] + one["false_negative"])
    smallest = areas.sort_values("area")["case"].tolist()[:8]
    assert set(typical_cases(frame, smallest)) != set(typical)
    assert typical_cases(frame, [*smallest, *typical]) == typical


def test_only_cases_with_pictures_are_chosen(frame):
    assert set(typical_cases(frame, ["case-003", "case-004"])) <= {"case-003", "case-004"}
    assert typical_cases(frame, ["case-004"]) == ["case-004"]
    assert typical_cases(frame, ["elsewhere"]) == ["elsewhere"]


def test_cases_without_a_lesion_are_chosen_only_where_there_are_no_others(frame):
    healthy = frame["case"].isin(["case-000", "case-001"])
    frame.loc[healthy, ["true_positive", "false_negative"]] = 0
    assert typical_cases(frame, ["case-000", "case-001", "case-009"]) == ["case-009"]
    assert len(typical_cases(frame, ["case-000", "case-001"])) >= 1


def test_largest_losses_are_the_largest_of_each_model(frame):
    cases = frame["case"].unique().tolist()
    found = largest_losses(frame, ["model A", "model B"], cases, 6)
    assert [failure.model for failure in found] == ["model A"] * 3 + ["model B"] * 3
    for model in ("model A", "model B"):
        rows = frame[frame["model"] == model]
        clean = rows[rows["severity"] == 0].set_index("case")["dice"]
        loss = (rows["case"].map(clean) - rows["dice"]).max()
        losses = [failure.loss for failure in found if failure.model == model]
        assert losses[0] == pytest.approx(loss)
        assert losses == sorted(losses, reverse=True)
    patients = frame.drop_duplicates("case").set_index("case")["group"]
    assert len({patients[failure.case] for failure in found if failure.model == "model A"}) == 3


def test_with_more_models_than_places_those_that_lose_most_have_one_each(make_frame):
    models = [f"model {number}" for number in range(8)]
    found = largest_losses(validate_frame(make_frame(models=models)), models, [f"case-{n:03d}" for n in range(36)], 3)
    assert len(found) == 3
    assert [failure.model for failure in found] == sorted(failure.model for failure in found)


def test_a_model_that_loses_nothing_has_no_failure(make_frame):
    frame = validate_frame(make_frame(severities=(1,)))
    frame.loc[frame["severity"] == 1, "dice"] = 1.0
    assert largest_losses(frame, ["model A"], ["case-000"], 3) == []
    clean = validate_frame(make_frame(corruptions=()))
    assert largest_losses(clean, ["model A"], ["case-000"], 3) == []


def test_one_case_without_a_lesion_is_failure_enough_where_others_have_one(frame):
    normal = frame["case"].isin([f"case-{number:03d}" for number in (0, 3, 6, 9)])
    assert frame.loc[normal, "group"].nunique() == 4
    frame.loc[normal, ["true_positive", "false_negative"]] = 0
    frame.loc[normal, "dice"] = (frame.loc[normal, "severity"] < 2).astype(float)
    found = largest_losses(frame, ["model A"], frame["case"].unique().tolist(), 3)
    assert found[0].loss == 1
    assert [failure.case in set(frame.loc[normal, "case"]) for failure in found] == [True, False, False]


def test_the_trainings_looked_at_are_those_that_pictures_show(make_frame):
    frame = validate_frame(make_frame(labels=(1.0, 100.0), seeds=(3, 7)))
    shown = frame[(frame["labels"] == 100) & (frame["seed"] == 3)]
    cases = frame["case"].unique().tolist()
    assert largest_losses(frame, ["model A"], cases, 4) == largest_losses(shown, ["model A"], cases, 4)


def test_the_gallery_shows_each_failure_clean_and_corrupted_with_its_dice(frame, details, make_pictures):
    pictures = make_pictures(cases=4)
    source = PictureList(pictures)
    failures = largest_losses(frame, ["model A", "model B"], source.cases(), 4)
    with paper_style() as layout:
        (item,) = (plan(layout) for plan in failure_plans(source, failures, details, ["model A", "model B"]))
    assert item.stem == "failures"
    assert len(item.figure.axes) == 2 * len(failures)
    texts = [text.get_text() for text in item.figure.texts]
    for failure in failures:
        (corrupted,) = (
            picture for picture in pictures if (picture.case, picture.severity) == (failure.case, failure.severity)
        )
        assert f"motion {failure.severity}: {100 * corrupted.dice(failure.model):.1f}" in texts
    assert "clean: 100.0" in texts
    assert any("One area, left lung." in text for text in texts)
    assert "not typical" in item.caption


def test_failures_without_pictures_are_left_out(frame, details, make_pictures):
    failures = largest_losses(frame, ["model A"], ["case-000"], 1)
    clean = PictureList([picture for picture in make_pictures(cases=1) if picture.severity == 0])
    assert failures
    assert list(failure_plans(clean, failures, details, ["model A"])) == []
