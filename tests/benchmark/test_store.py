import multiprocessing
from pathlib import Path

import pandas as pd
import pytest

from biclip_bench.benchmark.cells import EvaluationCell, TrainingCell, TrainingSettings
from biclip_bench.benchmark.store import Store

CELL = TrainingCell("phantom", "f" * 64, 5.0, ("a",), 0, "unet", {}, TrainingSettings(1, 1, 2, 1e-3, 0.0, 1.0, 0.0))
SCORES = pd.DataFrame({"case": ["a", "b"], "dice": [0.1, 0.7]})
MASKS = pd.DataFrame({"case": ["a", "b"], "png": [b"one", b"two"]})


def test_what_is_written_is_read_back(tmp_path: Path):
    store, cell = Store(tmp_path), EvaluationCell(CELL, "motion", 2)
    assert not store.has(cell)
    store.write_evaluation(cell, SCORES, MASKS, {"device": "cpu"})
    assert store.has(cell)
    pd.testing.assert_frame_equal(store.read_scores([cell, cell]), pd.concat([SCORES, SCORES], ignore_index=True))
    assert store.read_masks(cell, ["b"]) == {"b": b"two"}


def test_a_cell_written_twice_is_kept_once(tmp_path: Path):
    store, cell = Store(tmp_path), EvaluationCell(CELL)
    store.write_evaluation(cell, SCORES, MASKS, {})
    store.write_evaluation(cell, SCORES, MASKS, {})
    assert [path.name for path in (tmp_path / "evaluation").iterdir()] == [cell.key]


def test_an_unfinished_training_is_not_in_the_store_and_its_folder_is_found_again(tmp_path: Path):
    store = Store(tmp_path)

    def fail() -> None:
        with store.training_in_progress(CELL) as folder:
            (folder / "last.ckpt").write_text("half way")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        fail()
    assert not store.has(CELL)
    with store.training_in_progress(CELL) as folder:
        assert (folder / "last.ckpt").read_text() == "half way"
    assert store.has(CELL)
    with store.training_in_progress(CELL) as folder:
        assert folder is None
    assert [path.name for path in (tmp_path / "training").iterdir()] == [CELL.key]


def _train_once(
    root: Path, barrier: "multiprocessing.synchronize.Barrier", results: "multiprocessing.Queue[bool]"
) -> None:
    barrier.wait(timeout=60)
    with Store(root).training_in_progress(CELL) as folder:
        results.put(folder is not None)


def test_of_two_processes_one_trains_and_the_other_waits(tmp_path: Path):
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(2), context.Queue()
    workers = [context.Process(target=_train_once, args=(tmp_path, barrier, results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    trained = sorted(results.get(timeout=60) for _ in workers)
    for worker in workers:
        worker.join(timeout=60)
    assert trained == [False, True]
