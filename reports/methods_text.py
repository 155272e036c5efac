"""The methods section that a paper may take over: what was done, in sentences, from the report's own facts."""

from __future__ import annotations

from .details import ReportDetails
from .frame import CLEAN
from .inference.analysis import Analysis
from .inference.comparisons import METHODS
from .inference.resampling import MINIMUM_GROUPS
from .tables.markup import escape_markdown
from .wording import few_patients, few_trainings, interval_factors, sample_text


def methods_paragraphs(analysis: Analysis, details: ReportDetails) -> tuple[str, ...]:
    """Write the paragraphs: data, training and corruptions as the details tell them, then scores and statistics."""
    return (*details.methods, scoring_paragraph(analysis, details), statistics_paragraph(analysis))


def methods_markdown(analysis: Analysis, details: ReportDetails) -> str:
    """Write the paragraphs as a Markdown file, with what it is and what it is not."""
    return "\n\n".join(
        [
            "# Methods",
            "*Written from the configuration of the run. It names what was done; why it was done is yours to say. "
            "`references.bib` has what to cite.*",
            *(escape_markdown(paragraph) for paragraph in methods_paragraphs(analysis, details)),
            f"*Setting: {escape_markdown(details.profile)}"
            + ("" if details.is_paper_setting else "; the numbers are not comparable with published ones")
            + ".*\n",
        ]
    )


def scoring_paragraph(analysis: Analysis, details: ReportDetails) -> str:
    """Say how a prediction was scored."""
    scoring, frame = details.scoring, analysis.frame
    distances = (
        f" HD95 is the 95th percentile of the distance between the outlines in {scoring.distance_unit}; NSD is the "
        f"surface Dice at a tolerance of {scoring.tolerance:g} {scoring.distance_unit}."
        if frame["hd95"].notna().any()
        else ""
    )
    calibration = (
        " The expected calibration error has 15 equal bins of the foreground probability over all pixels."
        if frame["ece"].notna().any()
        else ""
    )
    return (
        f"Predictions were brought to the native mask grid and made masks at a {scoring.threshold}. Scores are means "
        "over cases; pooled scores are computed from the pixel counts summed over all cases. Where truth and "
        "prediction are both empty, Dice, IoU and NSD are 1 and HD95 is 0; where one of them is, they are 0, and HD95 "
        f"is the image's diagonal.{distances}{calibration} All rest on {sample_text(analysis.scores)}."
    )


def statistics_paragraph(analysis: Analysis) -> str:
    """Say how intervals and tests were made, and what they hold for."""
    options, scores = analysis.options, analysis.scores
    if few_patients(scores):
        return f"With fewer than {MINIMUM_GROUPS} patients neither intervals nor tests were computed."
    several = scores["model"].nunique() > 1
    second = (
        " and by Student's t of the mean difference over a standard error that holds the variance of the trainings, of "
        "which the larger p value counts"
        if (analysis.comparisons["scope"] == METHODS).any()
        else ""
    )
    tests = (
        f" Models were compared by paired Wilcoxon signed-rank tests over patients{second}, with Holm's correction "
        "over all pairs of models and conditions at a label fraction; a difference is called significant where the "
        f"corrected p is below {1 - options.level:.2g} and the interval of the difference excludes zero."
        if several
        else ""
    )
    held = few_trainings(scores)
    severities = sorted(set(scores.loc[scores["corruption"].astype(str) != CLEAN, "severity"]))
    robustness = (
        " Robustness is the mean over the severities, and retention that mean divided by the clean score."
        if severities
        else ""
    )
    return (
        f"Intervals are {100 * options.level:g}% bias-corrected and accelerated bootstrap intervals "
        f"({options.resamples} resamples) over {interval_factors(scores)}, expanded by Student's t."
        f"{held and ' '}{held}{tests}{robustness}"
    )
