"""The experiments of the BiCLIP paper as configurations."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml

from biclip_bench.errors import UserError
from biclip_bench.registry import suggest

RECIPES = ("table1", "labels", "noise", "motion")


@dataclass(frozen=True)
class Recipe:
    """An experiment that a paper reports.

    Parameters
    ----------
    name
        As on the command line.
    title
        In a few words.
    remark
        Where it cannot be, or may not be, what the paper did.
    datasets
        Names of the data sets that it takes.
    config
        Keys of :class:`~biclip_bench.benchmark.config.ExperimentConfig`, without the data set.
    """

    name: str
    title: str
    remark: str
    datasets: tuple[str, ...]
    config: dict[str, Any]


def find_recipe(name: str) -> Recipe:
    """Read a recipe by its name.

    Raises
    ------
    UserError
        If there is none of that name.
    """
    if name not in RECIPES:
        raise UserError(f"There is no recipe {name!r}. {suggest(name, list(RECIPES))}")
    content = yaml.safe_load((files(__name__) / f"{name}.yaml").read_text(encoding="utf-8"))
    return Recipe(name, content["title"], content["remark"].strip(), tuple(content["datasets"]), content["config"])
