#!/usr/bin/env python3
"""Reads what `bn-exp export --format tensorboard` writes with TensorBoard's own reader, and compares it with the tables.

Usage:
    scripts/read_tensorboard.py [--program target/release/bn-exp]

Trains a small experiment, exports it, and checks of every run: each scalar of curves.csv, in single precision; the final
scores of runs.csv; the counts of the histograms; the hyperparameters, as the HParams view reads them; and of the runs that
differ in the seed alone mean, smallest and largest. Needs `tensorboard` and `pandas` from PyPI.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import needs

try:
    import numpy as np
    import pandas as pd
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import plugin_data_pb2
except ImportError as missing:
    needs.stop_without(missing)

ROOT = Path(__file__).resolve().parent.parent
CONFIG = {
    "name": "board",
    "data": {"source": "spirals", "train": 60, "validation": 20, "test": 20},
    "model": {"kind": "mlp", "hidden": [5, 4]},
    "variants": ["none", "affine", "bn"],
    "optimizer": {"kind": "sgd", "lr": 0.1},
    "train": {"batch_size": 10, "steps": 30},
    "sweep": {"optimizer.lr": [0.1, 0.3]},
    "seeds": 3,
    "log": {"evaluate_every": 5, "gradients_every": 10, "activations_every": 10},
}


def read(folder):
    board = EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0})
    board.Reload()
    return board


def hyperparameters(board, tag):
    content = board.SummaryMetadata(tag).plugin_data.content
    return plugin_data_pb2.HParamsPluginData.FromString(content)


def check(condition, words):
    if not condition:
        sys.exit(f"wrong: {words}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "target" / "release" / "bn-exp")
    program = parser.parse_args().program
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "board.json").write_text(json.dumps(CONFIG))
        call = lambda *words: subprocess.run([program, *map(str, words)], check=True, stdout=subprocess.DEVNULL)
        call("run", "--config", folder / "board.json", "--out", folder / "results", "--quiet")
        call("export", folder / "results" / "board", "--format", "tensorboard", "--out", folder / "out")
        compare(folder / "results" / "board", folder / "out" / "board")


def compare(results, boards):
    curves, runs = pd.read_csv(results / "curves.csv"), pd.read_csv(results / "runs.csv")
    numbers = 0
    of_group = {}
    for run in runs.to_dict("records"):
        board = read(boards / run["run_id"])
        own = curves[curves.run_id == run["run_id"]]
        for (split, mode), rows in own.groupby(["split", "mode"]):
            for figure in ("loss", "accuracy"):
                rows_there = rows.dropna(subset=[figure])
                if rows_there.empty:
                    continue
                tag = f"{figure}/{split}/{mode}"
                found = board.Scalars(tag)
                check([event.step for event in found] == list(rows_there.step), f"steps of {tag}")
                check(np.array_equal(np.float32([e.value for e in found]), np.float32(rows_there[figure])), tag)
                of_group.setdefault((run["variant"], run["optimizer.lr"]), {}).setdefault(tag, []).append([e.value for e in found])
                numbers += len(found)
        score = board.Scalars("final/test_accuracy")[0]
        check(np.float32(score.value) == np.float32(run["test_accuracy"]) and score.step == run["steps"], "final score")
        weights = board.Histograms("parameters/blocks.0.weight")[0].histogram_value
        check(weights.num == 10 and sum(weights.bucket) == 10, "values of a histogram")
        start = hyperparameters(board, "_hparams_/session_start_info").session_start_info
        found = {name: value.string_value or value.number_value for name, value in start.hparams.items()}
        expected = {"variant": run["variant"], "optimizer.lr": run["optimizer.lr"], "seed": run["seed"]}
        check(found == expected, f"hyperparameters {found}")
        check(start.group_name == f"{run['variant']} optimizer.lr={run['optimizer.lr']}", start.group_name)
        end = hyperparameters(board, "_hparams_/session_end_info").session_end_info
        check(end.status == 1, "status")
    for (variant, rate), tags in of_group.items():
        for statistic, of in (("mean", np.mean), ("low", np.min), ("high", np.max)):
            board = read(boards / "over seeds" / f"{variant} optimizer.lr={rate}" / statistic)
            for tag, values in tags.items():
                found = [event.value for event in board.Scalars(tag)]
                check(np.allclose(found, of(np.array(values), axis=0), rtol=1e-6), f"{statistic} of {tag}")
                numbers += len(found)
    experiment = hyperparameters(read(boards), "_hparams_/experiment").experiment
    check([info.name for info in experiment.hparam_infos] == ["variant", "optimizer.lr", "seed"], "the experiment's axes")
    check("final/test_accuracy" in [info.name.tag for info in experiment.metric_infos], "the experiment's metrics")
    print(f"TensorBoard reads {numbers} numbers of {len(runs)} runs, their hyperparameters and histograms, as the tables have them")


if __name__ == "__main__":
    main()
