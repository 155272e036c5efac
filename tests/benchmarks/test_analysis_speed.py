"""What a report's numbers cost: 10 models x (clean + 10 corruptions x 5 severities) x 1,000 cases, 510,000 rows.

Run with ``pytest tests/benchmarks --benchmark-enable``. No test here asserts a time; memory is the same on every
machine and is asserted, in a process of its own.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from biclip_bench.reports.frame import validate_frame
from biclip_bench.reports.inference.analysis import analyse

MODELS, CORRUPTIONS, SEVERITIES, CASES = 10, 10, 5, 1000
MOST_MEGABYTES = 1000
STATUS = Path("/proc/self/status")

OWN_PROCESS = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("own", sys.argv[1])
own = importlib.util.module_from_spec(spec)
spec.loader.exec_module(own)
own.analyse(own.large_frame())
status = dict(line.split(":") for line in open("/proc/self/status"))
print(int(status["VmHWM"].split()[0]) / 1024)
"""


def large_frame():
    generator = np.random.default_rng(0)
    conditions = [("clean", 0), *((f"corruption-{c}", s) for c in range(CORRUPTIONS) for s in range(1, SEVERITIES + 1))]
    shape = (MODELS, len(conditions), CASES)
    model, condition, case = (index.ravel() for index in np.indices(shape))
    severity = np.array([level for _, level in conditions])[condition]
    found = 1.8 + generator.normal(0, 0.5, CASES)[case] + generator.normal(0, 0.2, case.size)
    overlap = np.round(1000 / (1 + np.exp(-(found - 0.1 * severity - 0.03 * model)))).astype(int)
    missed, extra = 1000 - overlap, (1000 - overlap) // 2
    share = overlap / 1000
    return pd.DataFrame(
        {
            "dataset": "large",
            "model": np.array([f"model-{number}" for number in range(MODELS)])[model],
            "labels": 100.0,
            "draw": 0,
            "seed": 0,
            "corruption": np.array([name for name, _ in conditions])[condition],
            "severity": severity,
            "case": np.array([f"case-{number:04d}" for number in range(CASES)])[case],
            "group": np.array([f"patient-{number // 2:04d}" for number in range(CASES)])[case],
            "dice": 2 * overlap / (2 * overlap + extra + missed),
            "iou": overlap / (overlap + extra + missed),
            "true_positive": overlap,
            "false_positive": extra,
            "false_negative": missed,
            "hd95": generator.exponential(5, case.size),
            **dict.fromkeys(("nsd", "sensitivity", "precision", "ece"), share),
            "area_error": share / 2,
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize("step", ["validate", "analyse"])
def test_half_a_million_rows(benchmark, step):
    frame = large_frame()
    work = {"validate": validate_frame, "analyse": analyse}[step]
    benchmark.pedantic(work, args=(frame,), rounds=3 if benchmark.enabled else 1)


@pytest.mark.slow
def test_half_a_million_rows_fit_into_a_laptop():
    if not STATUS.exists():
        pytest.skip("the kernel does not tell a process its peak of memory")
    done = subprocess.run([sys.executable, "-c", OWN_PROCESS, __file__], check=True, capture_output=True, text=True)
    assert float(done.stdout) < MOST_MEGABYTES
