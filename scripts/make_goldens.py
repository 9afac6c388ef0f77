#!/usr/bin/env python3
"""Writes the values that the layer tests compare with: PyTorch's, in f64.

Usage:
    scripts/make_goldens.py [--output tests/goldens/layers.json]

The file is {"torch": version, "cases": [case, ...]}, one case a line. A case has "name", "kind",
numbers ("epsilon", "kernel", ...) and tensors, each {"shape": [...], "values": [...]} in row-major
order, printed so that they read back the same. `d…` are gradients of sum(dy * y) (of the loss
itself for cross_entropy), dy being random: a plain sum would hide the batch norm's gradient.

Kinds and their tensors:
    linear        x [N, in], weight [out, in], bias, dy -> y, dx, dweight, dbias
    conv2d        x [N, C, H, W], weight [out, C, k, k], bias, dy -> y, dx, dweight, dbias (padding k//2)
    batch_norm    x [N, C] or [N, C, H, W], gamma and beta unless "affine" is false, running_mean,
                  running_var, dy -> y, dx, dgamma, dbeta, running_mean_after, running_var_after,
                  y_eval (evaluation mode, with the running statistics after)
    affine        x [N, C, H, W], gamma, beta, dy -> y, dx, dgamma, dbeta
    the other arms, by name   as batch_norm, with the knobs of scripts/arms.py
    max_pool2d, avg_pool2d    x, dy -> y, dx (2x2, stride 2, odd last row and column dropped; of
                  equal maxima the first takes the gradient)
    relu, tanh, sigmoid       x, dy -> y, dx
    cross_entropy logits [N, K], labels -> loss, dlogits (mean over the batch)
"""

import argparse
import json
import sys
from pathlib import Path

import needs

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
    from arms import ARMS
except ImportError as missing:
    needs.stop_without(missing)


class Draws:
    """Normal draws rounded to 6 decimals, the same on every machine and for every version of PyTorch."""

    def __init__(self, seed):
        self.generator = np.random.Generator(np.random.PCG64(seed))

    def __call__(self, *shape, scale=1.0, shift=0.0):
        values = np.round(self.generator.standard_normal(shape) * scale + shift, 6)
        return torch.tensor(values, dtype=torch.float64)


def tensor(value):
    value = value.detach()
    return {"shape": list(value.shape), "values": value.reshape(-1).tolist()}


def gradients(function, inputs, draws):
    """y, dy and the gradient of sum(dy * y) by every input: {"y", "dy", "d<name>"...}."""
    leaves = {name: value.clone().requires_grad_(True) for name, value in inputs.items()}
    y = function(**leaves)
    dy = draws(*y.shape)
    derivatives = torch.autograd.grad(y, list(leaves.values()), dy)
    return {"y": y, "dy": dy} | {f"d{name}": d for name, d in zip(leaves, derivatives)}


def case(name, kind, numbers, tensors):
    return {"name": name, "kind": kind} | numbers | {key: tensor(value) for key, value in tensors.items()}


def linear(draws):
    inputs = {"x": draws(3, 5), "weight": draws(4, 5), "bias": draws(4)}
    return [case("linear_3x5_to_4", "linear", {}, inputs | gradients(F.linear, inputs, draws))]


def conv2d(draws):
    cases = []
    sizes = [(2, 3, 4, 5, 7, 3), (2, 3, 4, 5, 7, 5), (2, 1, 2, 1, 1, 3), (2, 3, 4, 6, 6, 1)]
    for n, channels, out, height, width, kernel in sizes:
        inputs = {"x": draws(n, channels, height, width), "weight": draws(out, channels, kernel, kernel), "bias": draws(out)}
        function = lambda x, weight, bias: F.conv2d(x, weight, bias, padding=kernel // 2)
        name = f"conv2d_{n}x{channels}x{height}x{width}_to_{out}_k{kernel}"
        cases.append(case(name, "conv2d", {"kernel": kernel}, inputs | gradients(function, inputs, draws)))
    return cases


def batch_norm(draws):
    cases = []
    shapes = [(2, 3), (7, 3), (2, 3, 5, 7)]
    for shape in shapes:
        for epsilon, momentum in [(1e-5, 0.1), (1e-2, 0.3)]:
            for is_affine in (True, False):
                inputs = {"x": draws(*shape, scale=2.0, shift=1.5)}
                if is_affine:
                    inputs |= {"gamma": draws(3), "beta": draws(3)}
                mean, var = draws(3), draws(3).abs() + 0.5
                before = {"running_mean": mean.clone(), "running_var": var.clone()}

                def function(x, gamma=None, beta=None, training=True):
                    return F.batch_norm(x, mean, var, gamma, beta, training, momentum, epsilon)

                outputs = gradients(function, inputs, draws)
                outputs |= {"running_mean_after": mean, "running_var_after": var}
                outputs["y_eval"] = function(**inputs, training=False)
                size = "x".join(map(str, shape))
                name = f"{'batch_norm' if is_affine else 'standardize'}_{size}_eps{epsilon:g}"
                numbers = {"affine": is_affine, "epsilon": epsilon, "momentum": momentum}
                cases.append(case(name, "batch_norm", numbers, inputs | before | outputs))
    return cases


def further_arms(draws):
    """A norm on vectors and one on feature maps for every arm that has no cases above."""
    cases = []
    for name, arm in ARMS.items():
        if name in ("none", "affine", "standardize", "bn"):
            continue
        for shape in [(6, 3), (6, 3, 5, 7)]:
            inputs = {"x": draws(*shape, scale=2.0, shift=1.5)}
            inputs |= {"gamma": draws(3), "beta": draws(3)} if arm.has_affine else {"gamma": None, "beta": None}
            mean, var = (draws(3), draws(3).abs() + 0.5) if arm.has_buffers else (None, None)
            before = {"running_mean": mean.clone(), "running_var": var.clone()} if arm.has_buffers else {}
            given = {key: value for key, value in inputs.items() if value is not None}

            def function(x, gamma=None, beta=None, training=True):
                return arm.norm(x, gamma, beta, mean, var, training, 0.3, 1e-2, **arm.example)

            outputs = gradients(function, given, draws)
            if arm.has_buffers:
                outputs |= {"running_mean_after": mean, "running_var_after": var}
                if not arm.begin:
                    outputs["y_eval"] = function(**given, training=False)
            numbers = {"epsilon": 1e-2, "momentum": 0.3}
            cases.append(case(f"{name}_{'x'.join(map(str, shape))}", name, numbers, given | before | outputs))
    return cases


def affine(draws):
    inputs = {"x": draws(2, 3, 5, 7), "gamma": draws(3), "beta": draws(3)}
    function = lambda x, gamma, beta: gamma.view(1, -1, 1, 1) * x + beta.view(1, -1, 1, 1)
    return [case("affine_2x3x5x7", "affine", {}, inputs | gradients(function, inputs, draws))]


def pools(draws):
    cases = []
    with_ties = torch.round(draws(1, 2, 4, 4))
    with_ties[0, 0, :2, :2] = 1.0  # four equal
    with_ties[0, 1, 2:, 2:] = torch.tensor([[-1.0, 2.0], [2.0, 0.0]])  # two equal
    for suffix, x in [("2x3x5x7", draws(2, 3, 5, 7)), ("1x2x4x4_ties", with_ties)]:
        for kind, function in [("max_pool2d", F.max_pool2d), ("avg_pool2d", F.avg_pool2d)]:
            inputs = {"x": x}
            outputs = gradients(lambda x: function(x, 2), inputs, draws)
            cases.append(case(f"{kind}_{suffix}", kind, {}, inputs | outputs))
    return cases


def activations(draws):
    special = [0.0, 40.0, -40.0, 800.0, -800.0, 1e-8, -1e-8, 1e-300, -1e-300, 0.5, -0.5, 20.0, -20.0]
    inputs = {"x": torch.cat([torch.tensor(special, dtype=torch.float64), draws(11, scale=2.0)])}
    kinds = [("relu", torch.relu), ("tanh", torch.tanh), ("sigmoid", torch.sigmoid)]
    return [case(kind, kind, {}, inputs | gradients(function, inputs, draws)) for kind, function in kinds]


def cross_entropy(draws):
    labels = torch.tensor([2, 0, 4, 1])
    wide = torch.tensor(
        [[50.0, -50.0, 0.0, 1.0, -1.0], [50.0, -50.0, 3.0, 50.0, 2.0], [-50.0, -50.0, -50.0, -50.0, 50.0], [0.0] * 5],
        dtype=torch.float64,
    )
    cases = []
    for name, logits in [("cross_entropy_4x5", draws(4, 5)), ("cross_entropy_4x5_large", wide)]:
        leaf = logits.clone().requires_grad_(True)
        loss = F.cross_entropy(leaf, labels)
        (dlogits,) = torch.autograd.grad(loss, leaf)
        numbers = {"labels": labels.tolist(), "loss": loss.item()}
        cases.append(case(name, "cross_entropy", numbers, {"logits": logits, "dlogits": dlogits}))
    return cases


def main():
    default = Path(__file__).resolve().parent.parent / "tests" / "goldens" / "layers.json"
    parser = argparse.ArgumentParser(description="Write PyTorch's values for the layer tests.")
    parser.add_argument("--output", type=Path, default=default, help="default: tests/goldens/layers.json of this repository")
    output = parser.parse_args().output
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    # Every group draws from a stream of its own, so that a new case leaves the other groups as they are.
    groups = [linear, conv2d, batch_norm, affine, pools, activations, cross_entropy, further_arms]
    cases = [case for seed, group in enumerate(groups) for case in group(Draws(seed))]
    lines = ",\n".join(json.dumps(case, separators=(",", ":"), allow_nan=False) for case in cases)
    version = torch.__version__.split("+")[0]
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(f'{{"torch":"{version}","cases":[\n{lines}\n]}}\n', encoding="utf-8")
    print(f"{output}: {len(cases)} cases, {output.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
