#!/usr/bin/env python3
"""Builds a trained network in PyTorch from a run's folder, and compares what it computes.

Usage:
    scripts/load_checkpoint.py results/NAME/runs/RUN_ID [--data-dir DIR]

The network is made of torch.nn's own modules: Linear, Conv2d, BatchNorm, GroupNorm, and y = gamma x + beta where an
arm needs no more. checkpoint.safetensors has their layouts; the names are bn-exp's, and `state_of` below says which is
which. Compared are

- the logits of the checkpoint and of folded.safetensors, if `bn-exp fold` has written it, on 1,000 normal inputs;
- the loss on the training samples of the last evaluation, under running statistics, with runs.csv. For that the run
  needs its trace (`bn-exp run --trace`).

Exit status: 0 agrees, 1 deviates, 2 wrong usage or something missing.
"""

import argparse
import csv
import sys
from pathlib import Path

import needs

try:
    import numpy as np
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
    from arms import name_and_knobs, standardised_weight
    from replay_pytorch import ReplayError, block_specs, load_record, load_trace, scaled, training_split
    from safetensors.torch import load_file
except ImportError as missing:
    needs.stop_without(missing)

# Largest difference: of logits by the largest logit, of the loss by itself.
ALLOWED = {"f32": 1e-5, "f64": 1e-10}
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "identity": nn.Identity}


class Affine(nn.Module):
    """y = weight·x + bias, per channel."""

    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        shape = (1, -1) + (1,) * (x.dim() - 2)
        return self.weight.view(shape) * x + self.bias.view(shape)


class Residual(nn.Module):
    """x + inner(x)"""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return x + self.inner(x)


# Arms whose evaluation is that of batch norm, or a part of it.
STANDARDISING = {"bn", "standardize", "center", "scale", "detached", "frozen", "refresh", "noisy", "ghost"}


def norm_module(state, prefix, channels, is_image, arm, epsilon):
    """The norm of a block as a module of torch.nn, filled; None without one."""
    get = lambda name: state.get(f"{prefix}.norm.{name}")
    gamma, beta, mean, var = (get(name) for name in ("gamma", "beta", "running_mean", "running_var"))
    if mean is not None:
        if arm not in STANDARDISING:
            sys.exit(f"how arm {arm} evaluates is not known here; say so in norm_module")
        # What an arm does not do is what these values do not do: no mean to subtract, no variance to divide by.
        mean = torch.zeros_like(mean) if arm == "scale" else mean
        var = torch.ones_like(var) - epsilon if arm == "center" else var
        norm = (nn.BatchNorm2d if is_image else nn.BatchNorm1d)(channels, eps=epsilon, affine=gamma is not None)
        norm.running_mean, norm.running_var = mean, var
    elif arm == "layer_norm":
        norm = nn.GroupNorm(1, channels, eps=epsilon)
    elif gamma is not None:
        norm = Affine(channels)
    else:
        return None
    if gamma is not None:
        norm.weight.data, norm.bias.data = gamma, beta
    return norm


def build(run, state):
    """The network of a run with these tensors, as a torch.nn.Sequential in evaluation mode."""
    config, (arm, _) = run["configuration"], name_and_knobs(run["variant"]["arm"])
    model, epsilon = config["model"], config["norm"]["epsilon"]
    modules = []
    for i, block in enumerate(block_specs(model, run["shape"], run["classes"])):
        prefix, shape = f"blocks.{i}", block["weight"]
        weight, bias = state[f"{prefix}.weight"], state.get(f"{prefix}.bias")
        is_image = len(shape) == 4
        if is_image:
            linear = nn.Conv2d(shape[1], shape[0], shape[2], padding=shape[2] // 2, bias=bias is not None)
        else:
            linear = nn.Linear(shape[1], shape[0], bias=bias is not None)
        if arm == "weight_std" and block["hidden"] and not run.get("folded"):
            weight = standardised_weight(weight, model["activation"])
        linear.weight.data = weight
        if bias is not None:
            linear.bias.data = bias
        flatten = [] if is_image else [nn.Flatten()]
        if not block["hidden"]:
            modules += [*flatten, linear]
            continue
        norm = norm_module(state, prefix, shape[0], is_image, "affine" if run.get("folded") else arm, epsilon)
        norm = [norm] if norm is not None else []
        pools = {"none": [], "max": [nn.MaxPool2d(2)], "average": [nn.AvgPool2d(2)]}
        pool, activation = pools[block["pool"]], ACTIVATIONS[model["activation"]]()
        stages = {
            "before_activation": [linear, *norm, activation, *pool],
            "after_activation": [linear, activation, *norm, *pool],
            "after_pool": [linear, activation, *pool, *norm],
        }[model["norm_position"]]
        stage = nn.Sequential(*stages)
        modules += [*flatten, Residual(stage) if block["residual"] else stage]
    return nn.Sequential(*modules).eval()


@torch.no_grad()
def compare(run_dir, data_dir):
    """[(what, deviation)], each deviation relative."""
    run = load_record(run_dir)
    # All in double precision: what is left is the rounding of the checkpoint and of bn-exp.
    dtype = torch.float64
    torch.set_default_dtype(dtype)
    state = lambda name: {key: value.to(dtype) for key, value in load_file(run_dir / name).items()}
    shape = run["shape"]
    sample = (shape["channels"], shape["height"], shape["width"])
    network = build(run, state("checkpoint.safetensors"))
    found = []
    if (run_dir / "folded.safetensors").is_file():
        folded = build({**run, "folded": True}, state("folded.safetensors"))
        noise = torch.randn(1000, *sample, generator=torch.Generator().manual_seed(0))
        logits, others = network(noise), folded(noise)
        found.append(("logits of folded.safetensors", ((logits - others).abs().max() / logits.abs().max()).item()))
    if (run_dir / "trace.safetensors").is_file():
        with (run_dir / "runs.csv").open(newline="", encoding="utf-8") as file:
            recorded = next(csv.DictReader(file))["train_loss"]
        if recorded:
            config = run["configuration"]
            features, labels = training_split(config["data"], load_trace(run_dir), data_dir)
            read = scaled(features, config["data"].get("scaling") or "none", shape["height"] * shape["width"] > 1, dtype)
            count = config["log"].get("train_final") or len(labels)
            logits = network(read(np.arange(count)).reshape(-1, *sample))
            loss = F.cross_entropy(logits, labels[:count]).item()
            found.append(("loss on the training samples", abs(loss - float(recorded)) / abs(float(recorded))))
    if not found:
        raise ReplayError(f"{run_dir} has no trace and no folded.safetensors to compare with; `bn-exp fold {run_dir}` makes the one, `bn-exp run … --trace` the other")
    return found, ALLOWED[run["configuration"]["model"]["precision"]]


def main():
    parser = argparse.ArgumentParser(description="Build a trained network in PyTorch and compare what it computes.")
    parser.add_argument("run_dir", type=Path, help="a run's folder: results/NAME/runs/RUN_ID")
    parser.add_argument("--data-dir", help="folder above mnist/ (default: BN_EXP_DATA_DIR)")
    options = parser.parse_args()
    try:
        found, allowed = compare(options.run_dir, options.data_dir)
    except (ReplayError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for what, deviation in found:
        print(f"{what:30} {deviation:.1e} {'agrees' if deviation <= allowed else 'DEVIATES'} (allowed {allowed:.0e})")
    return 0 if all(deviation <= allowed for _, deviation in found) else 1


if __name__ == "__main__":
    sys.exit(main())
