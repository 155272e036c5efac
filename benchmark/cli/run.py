"""The commands ``run`` (plan, train, corrupt, evaluate, report) and ``train``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from . import options as opt

if TYPE_CHECKING:
    from ...reports import ReportOptions, WrittenReport
    from ..config import ExperimentConfig
    from ..datasets import Dataset
    from ..plan import Plan


def run_command(
    corruption: opt.Corruption = None,
    severity: opt.Severity = None,
    model: opt.Model = None,
    ablate: opt.Ablate = None,
    labels: opt.Labels = None,
    label_draws: opt.LabelDraws = None,
    labels_file: opt.LabelsFile = None,
    val_policy: opt.ValPolicy = None,
    seed: opt.Seed = None,
    threshold: opt.Threshold = None,
    dataset: opt.Dataset = None,
    data_root: opt.DataRoot = None,
    data_option: opt.DataOption = None,
    split: opt.Split = None,
    allow_issues: opt.AllowIssues = None,
    patients: opt.Patients = None,
    preset: opt.Preset = None,
    text_encoder: opt.TextEncoder = None,
    freeze_text: opt.FreezeText = None,
    match_augmentation: opt.MatchAugmentation = None,
    image_size: opt.ImageSize = None,
    width: opt.Width = None,
    epochs: opt.Epochs = None,
    batch_size: opt.BatchSize = None,
    learning_rate: opt.LearningRate = None,
    precision: opt.Precision = None,
    accelerator: opt.Accelerator = None,
    output: opt.Output = None,
    config: opt.Config = None,
    dry_run: opt.DryRun = False,
) -> None:
    """Train models, score them on corrupted test images, and write the report.

    Without any option it trains biclip and an image-only U-Net on the built-in phantom in a quick profile. The same
    command again computes only what is missing.
    """
    experiment = opt.resolve_config(
        config, corruption=corruption, severity=severity, model=model, ablate=ablate, labels=labels,
        threshold=threshold, label_draws=label_draws, labels_file=labels_file, val_policy=val_policy, seed=seed,
        dataset=dataset, data_root=data_root, data_option=data_option, split=split, allow_issues=allow_issues,
        patients=patients, preset=preset, text_encoder=text_encoder, freeze_text=freeze_text,
        match_augmentation=match_augmentation, image_size=image_size, width=width, epochs=epochs,
        batch_size=batch_size, learning_rate=learning_rate, precision=precision, accelerator=accelerator,
        output=output,
    )  # fmt: skip
    run_experiment(experiment, Console(), dry_run=dry_run)


def run_experiment(
    experiment: ExperimentConfig, console: Console, options: ReportOptions | None = None, *, dry_run: bool = False
) -> None:
    """Train, evaluate and report what a configuration asks for, or estimate how long that would take."""
    dataset_opened, plan = _open(experiment, console)
    if dry_run:
        from ..estimate import print_estimate

        print_estimate(experiment, dataset_opened, plan, console)
        return
    from ..reporting import report_plan, run_folder
    from ..run import execute, store_of
    from .notices import print_advice

    print_advice(plan.corruptions, dataset_opened, console)
    execute(experiment, dataset_opened, plan, console)
    store, folder = store_of(experiment), run_folder(experiment)
    with console.status("Writing the report") as status:

        def tell(done: int, total: int) -> None:
            status.update(f"Pictures for the report: {done} of {total} cases")

        report = report_plan(experiment, dataset_opened, plan, store, folder, options=options, tell=tell)
    show_report(report, console)


def train_command(
    model: opt.Model = None,
    ablate: opt.Ablate = None,
    labels: opt.Labels = None,
    label_draws: opt.LabelDraws = None,
    labels_file: opt.LabelsFile = None,
    val_policy: opt.ValPolicy = None,
    seed: opt.Seed = None,
    dataset: opt.Dataset = None,
    data_root: opt.DataRoot = None,
    data_option: opt.DataOption = None,
    split: opt.Split = None,
    allow_issues: opt.AllowIssues = None,
    patients: opt.Patients = None,
    preset: opt.Preset = None,
    text_encoder: opt.TextEncoder = None,
    freeze_text: opt.FreezeText = None,
    match_augmentation: opt.MatchAugmentation = None,
    image_size: opt.ImageSize = None,
    width: opt.Width = None,
    epochs: opt.Epochs = None,
    batch_size: opt.BatchSize = None,
    learning_rate: opt.LearningRate = None,
    precision: opt.Precision = None,
    accelerator: opt.Accelerator = None,
    output: opt.Output = None,
    config: opt.Config = None,
    dry_run: opt.DryRun = False,
) -> None:
    """Train models and print the folder of each checkpoint; 'run' finds them there."""
    experiment = opt.resolve_config(
        config, model=model, ablate=ablate, labels=labels, label_draws=label_draws, labels_file=labels_file,
        val_policy=val_policy, seed=seed, dataset=dataset, data_root=data_root, data_option=data_option, split=split,
        allow_issues=allow_issues, patients=patients, preset=preset, text_encoder=text_encoder,
        freeze_text=freeze_text, match_augmentation=match_augmentation, image_size=image_size, width=width,
        epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, precision=precision,
        accelerator=accelerator, output=output,
    )  # fmt: skip
    console = Console()
    dataset_opened, plan = _open(experiment, console)
    if dry_run:
        from ..estimate import print_estimate

        print_estimate(experiment, dataset_opened, plan, console, evaluate=False)
        return
    from ..preflight import check_before_training
    from ..run import store_of, train_missing

    store = store_of(experiment)
    check_before_training(experiment, dataset_opened, [cell for cell in plan.training if not store.has(cell)], 0)
    for number, cell in enumerate(plan.training, start=1):
        train_missing(cell, experiment, dataset_opened, store, console, f"[{number}/{len(plan.training)}]")
    console.print("Checkpoints:")
    for cell in plan.training:
        console.print(f"  {cell.title}: {store.training_folder(cell)}", soft_wrap=True, highlight=False)


def _open(experiment: ExperimentConfig, console: Console) -> tuple[Dataset, Plan]:
    from ..patient_split import patient_overlap, split_text
    from ..plan import check_names, dataset_of, make_plan
    from ..preflight import check_machine
    from .notices import print_defects

    check_names(experiment)
    check_machine(experiment)
    console.print(f"biclip-bench, {experiment.profile}", highlight=False)
    with console.status(f"Opening the data set {experiment.dataset}"):
        opened = dataset_of(experiment)
    plan = make_plan(experiment, opened)
    counts = opened.index["part"].value_counts()
    console.print(
        f"Data set {experiment.dataset}: {counts.get('train', 0)} training, {counts.get('val', 0)} validation and "
        f"{counts.get('test', 0)} test cases",
        highlight=False,
    )
    print_defects(opened, console)
    if patient_overlap(opened.index).shared_cases:
        console.print(f"[yellow]Note:[/yellow] The split is {split_text(opened, experiment.split)}.", highlight=False)
    return opened, plan


def show_report(report: WrittenReport, console: Console) -> None:
    """Print the summary tables and where each file of a report lies."""
    from ...reports import summary_table

    analysis = report.analysis
    for corruption in report.corruptions:
        console.print(summary_table(analysis.scores, corruption, report.details, summary=analysis.summary))
    console.print(f"Setting: {report.details.profile}", highlight=False, markup=False)
    files = report.files
    for path in (files.page, *files.figures[:1], *files.tables[:1], *files.texts[:1]):
        console.print(f"  {path}", soft_wrap=True, highlight=False)
    console.print(
        f"  and {len(files.figures)} files of figures, {len(files.tables)} of tables, {len(files.numbers)} of numbers "
        f"in {files.page.parent}",
        soft_wrap=True, highlight=False,
    )  # fmt: skip
