#!/usr/bin/env python3
"""Computes landscape.csv anew in PyTorch and compares every value.

Usage:
    scripts/check_landscape.py [--program target/release/bn-exp]

A fully connected net and a convolutional one are trained by bn-exp in f64 with --trace, in some arms and with only some of the
parameters trained, and replayed by replay_pytorch.py. At the steps of the table the loss is looked at along the gradient:
losses and gradients are PyTorch's, and the figures are formed here from their definitions in docs/tables.md. Judged to 1e-5 of
the value. One line a run says the largest relative deviation, and where it is.

Exit status: 0 all agree, 1 some deviate, 2 wrong usage or something missing.
"""

import argparse
import csv
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import needs

try:
    import replay_pytorch
    import torch
except ImportError as missing:
    needs.stop_without(missing)

ROOT = Path(__file__).resolve().parent.parent
TOLERANCE = 1e-5
DISTANCES = (0.5, 1.0, 2.0, 3.0, 4.0)

BASE = {
    "data": {"source": "glyphs", "train": 400, "validation": 50, "test": 50},
    "norm": {"momentum": 0.1},
    "variants": [
        "none",
        "affine",
        "bn",
        "detached",
        {"name": "ghost", "batch": 8},
        "noisy",
        {"name": "bn_part", "base": "bn", "train_only": ["gamma", "beta", "blocks.1.weight"]},
    ],
    "optimizer": {"kind": "sgd", "lr": 0.1, "momentum": 0.5, "weight_decay": 0.001, "schedule": "cosine", "warmup": 4},
    "train": {"batch_size": 32, "steps": 30},
    "seeds": 1,
    "log": {"batch_every": 1, "landscape_every": [3, 7, 20]},
}
LOOKS = (0, 3, 7, 20, 29)
MODELS = {
    "mlp": {"kind": "mlp", "hidden": [30, 20, 20], "precision": "f64"},
    "cnn": {"kind": "cnn", "channels": [6, 8], "dense": [12], "activation": "tanh", "precision": "f64"},
}


def figures(loss_at, trained, rate):
    """{(metric, distance): value} along the gradient at `trained`, {name: tensor}."""

    def loss_and_gradient(parameters):
        leaves = {name: p.detach().clone().requires_grad_(True) for name, p in parameters.items()}
        loss = loss_at(leaves)
        return loss.item(), torch.autograd.grad(loss, list(leaves.values()))

    def moved(alpha):
        return {name: p - alpha * d for (name, p), d in zip(trained.items(), g)}

    def flat(tensors):
        return torch.cat([tensor.flatten() for tensor in tensors])

    loss, g = loss_and_gradient(trained)
    g_flat = flat(g)
    norm, found = g_flat.norm(), {}
    for k in DISTANCES:
        alpha = k * rate
        found["loss", k], there = loss_and_gradient(moved(alpha))
        there = flat(there)
        change = (there - g_flat).norm()
        found["gradient_change", k] = change
        found["gradient_change_relative", k] = change / norm
        found["beta_smoothness", k] = change / (alpha * norm)
        # The relative change of the gradient over the relative decrease of the loss to first order.
        found["beta_smoothness_relative", k] = (change / norm) / (alpha * norm.square() / loss)
        found["gradient_cosine", k] = torch.nn.functional.cosine_similarity(there, g_flat, dim=0, eps=0)
    alpha = 0.1 * loss / norm.square()
    predicted, actual = alpha * norm.square(), loss - loss_and_gradient(moved(alpha))[0]
    found["prediction_error", None] = (actual - predicted).abs() / predicted
    return {key: float(value) for key, value in found.items()}


def recorded(run):
    """{(step, metric, distance): value} of a run's landscape.csv."""
    with (run / "landscape.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    distance = lambda row: float(row["distance"]) if row["distance"] else None
    number = lambda cell: float(cell) if cell else math.nan
    return {(int(row["step"]), row["metric"], distance(row)): number(row["value"]) for row in rows}


def check(run):
    """The largest relative deviation of a run's table, its key, and how many values there are."""
    computed = {}

    def look(step, loss_at, trained, rate):
        if step in LOOKS:
            found = figures(loss_at, trained, rate)
            computed.update({(step, *key): value for key, value in found.items()})

    replay_pytorch.replay(run, look=look)
    table = recorded(run)
    if table.keys() != computed.keys():
        raise replay_pytorch.ReplayError(f"{run}: the table has other rows: {table.keys() ^ computed.keys()}")
    relative = replay_pytorch.relative_deviation
    deviations = [(relative(table[key], value), str(key)) for key, value in computed.items()]
    return *max(deviations), len(deviations)


def main():
    parser = argparse.ArgumentParser(description="Compute landscape.csv anew in PyTorch.")
    parser.add_argument("--program", type=Path, default=ROOT / "target" / "release" / "bn-exp")
    options = parser.parse_args()
    if not options.program.is_file():
        print(f"{options.program} is not there; build it with `cargo build --release`", file=sys.stderr)
        return 2
    deviating = runs = 0
    for name, model in MODELS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "config.json"
            path.write_text(json.dumps({"name": name, **BASE, "model": model}))
            command = [options.program.resolve(), "run", "--config", path, "--out", folder, "--trace", "--quiet"]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                print(f"bn-exp failed on {name}:\n{done.stderr}", file=sys.stderr)
                return 2
            for run in sorted((Path(folder) / name / "runs").iterdir()):
                try:
                    deviation, key, count = check(run)
                except replay_pytorch.ReplayError as error:
                    print(f"error: {error}", file=sys.stderr)
                    return 2
                agrees = deviation <= TOLERANCE
                runs, deviating = runs + 1, deviating + (not agrees)
                variant = json.loads((run / "run.json").read_text())["variant"]["name"]
                print(f"{name}  {variant:10} {count} values  {deviation:.1e} at {key}  {'agrees' if agrees else 'DEVIATES'}")
    print(f"{runs - deviating} of {runs} runs agree")
    return 1 if deviating else 0


if __name__ == "__main__":
    sys.exit(main())
