#!/usr/bin/env python3
"""Times to the target of some arms of `bn-exp claims`, found again in PyTorch: a second source for what surprises.

Usage:
    scripts/check_claims.py REGIME ARM… [--seeds 6] [--rate R] [--data-dir DIR]

    scripts/check_claims.py sigmoid affine bn affine_init
    scripts/check_claims.py cnn affine bn
    scripts/check_claims.py cnn bn --pooled              # what max pooling makes of normalised features, in place of times
    scripts/check_claims.py shallow bn affine --equal-loss   # accuracy at equal training loss, in place of times

Regimes: shallow, sigmoid, deep10, res20, offset, cnn. Arms: affine, bn, affine_init, frozen, center, and in res20 gamma_0. Nothing of
bn-exp's code takes part, and no number of its runs: weights and batches are PyTorch's own, so single runs differ, and means
over seeds agree as far as their standard errors let them. Rates and targets are those of src/claims/rates.json, for MNIST.
As in the program, validation samples are the last 1,000 of the training file, read at steps that grow by a factor of 1.05
from 20 on; a run has arrived when the mean of five successive accuracies has reached the target.

For each arm and rate (the one chosen, and those that the tuning seeds cannot tell from it) it prints the step at which each
seed arrives, and the mean of ln T with its standard error; a run that never arrives counts at its budget.

With --equal-loss two arms train under cosine decay, at the rates chosen for that. It prints the accuracy of each on 10,000
samples held out, read where its training loss is the lowest that all runs come down to; both under the mean and variance of
2,048 training samples, found anew at each look.

With --pooled the CNN is trained to its end, and x-hat of each pooled channel, of mean 0 and SD 1 over 256 samples, is pooled.
It prints the mean of the pooled values; what normal values with the same correlation rho of neighbours would have,
1.0294 sqrt(1 - rho); and how far differences d of neighbours are from normal: mean |d| over SD of d, which is 0.798 for
normal ones and less where most differences are small and a few large.
"""

import argparse
import gzip
import json
import math
import os
import statistics
import struct
import sys
from pathlib import Path

import needs

try:
    import numpy as np
    import torch
    from torch import nn
except ImportError as missing:
    needs.stop_without(missing)

ROOT = Path(__file__).resolve().parent.parent
RATES = ROOT / "src" / "claims" / "rates.json"
STEPS = {"shallow": 1500, "sigmoid": 1500, "deep10": 1500, "res20": 1500, "offset": 1500, "cnn": 430}
HELD_OUT = 1000
POPULATION = 2048
BATCH = 64
# Features in offset.
DIMENSION = 20


def read_idx(path):
    for candidate in (path, path.with_name(path.name + ".gz")):
        if candidate.is_file():
            raw = candidate.read_bytes()
            raw = gzip.decompress(raw) if candidate.suffix == ".gz" else raw
            sides = struct.unpack(f">{raw[3]}I", raw[4 : 4 + 4 * raw[3]])
            return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(sides)
    sys.exit(f"{path} is missing; `bn-exp data fetch mnist` downloads it")


class ScaleShift(nn.Module):
    """y = gamma*x + beta (eq. 3), and two starts from the first minibatch.

    affine_init: gamma = 1/sd and beta = -gamma*mean of the first minibatch. frozen: its mean and sd for ever, before gamma = 1
    and beta = 0.
    """

    def __init__(self, channels, start, sides):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))
        self.start, self.sides = start, sides
        self.mean, self.sd = torch.zeros(channels), torch.ones(channels)

    def forward(self, x):
        axes, shape = ((0,), (1, -1)) if self.sides == 1 else ((0, 2, 3), (1, -1, 1, 1))
        if self.start:
            with torch.no_grad():
                mean, sd = x.mean(axes), (x.var(axes, unbiased=False) + 1e-5).sqrt()
                if self.start == "affine_init":
                    self.gamma.copy_(1 / sd)
                    self.beta.copy_(-mean / sd)
                else:
                    self.mean, self.sd = mean, sd
            self.start = None
        x = (x - self.mean.view(shape)) / self.sd.view(shape)
        return self.gamma.view(shape) * x + self.beta.view(shape)


class Center(nn.Module):
    """Batch norm that subtracts the batch's mean and divides by nothing."""

    def __init__(self, channels):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))
        self.mean = torch.zeros(channels)

    def forward(self, x):
        mean = self.mean
        if self.training:
            mean = x.mean(0)
            self.mean = 0.9 * self.mean + 0.1 * mean.detach()
        return self.gamma * (x - mean) + self.beta


class Residual(nn.Module):
    """x + f(x)"""

    def __init__(self, *layers):
        super().__init__()
        self.f = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.f(x)


def norm(arm, channels, sides):
    if arm == "bn":
        return nn.BatchNorm1d(channels) if sides == 1 else nn.BatchNorm2d(channels)
    if arm == "center":
        return Center(channels)
    return ScaleShift(channels, arm if arm in ("affine_init", "frozen") else None, sides)


def network(regime, arm):
    """The net of a regime. Weights: normal, SD 0.01 in sigmoid, else by He et al. 2015."""
    layers, width = [], DIMENSION if regime == "offset" else 784
    if regime == "cnn":
        layers, width = [nn.Unflatten(1, (1, 28, 28))], 1
        for channels in (16, 32):
            layers += [nn.Conv2d(width, channels, 3, padding=1, bias=False), norm(arm, channels, 2), nn.ReLU(), nn.MaxPool2d(2)]
            width = channels
        layers, width = layers + [nn.Flatten()], 32 * 7 * 7
    for block in range({"cnn": 0, "deep10": 10, "res20": 21}.get(regime, 3)):
        linear, activation = nn.Linear(width, 100, bias=False), nn.Sigmoid() if regime == "sigmoid" else nn.ReLU()
        if regime == "res20":
            # The norm stands after the activation, and all blocks but the first have a skip connection.
            inner = (linear, activation, norm(arm, 100, 1))
            if arm == "gamma_0" and block > 0:
                nn.init.zeros_(inner[2].gamma)
            layers += [Residual(*inner)] if block > 0 else inner
        else:
            layers += [linear, norm(arm, 100, 1), activation]
        width = 100
    layers.append(nn.Linear(width, 10))
    net = nn.Sequential(*layers)
    for layer in net.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            sd = 0.01 if regime == "sigmoid" else math.sqrt(2 / layer.weight[0].numel())
            nn.init.normal_(layer.weight, 0, sd)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return net


def clouds(seed, count=21_000):
    """The data of offset: ten normal clouds, x = s (mu + z + o) with |mu| = 3, o = ±10 and s over two decades."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(10, DIMENSION))
    means *= 3 / np.linalg.norm(means, axis=1, keepdims=True)
    offsets, scales = rng.choice([-10, 10], DIMENSION), 10 ** (2 * (rng.random(DIMENSION) - 0.5))
    labels = rng.integers(10, size=count)
    features = scales * (means[labels] + rng.normal(size=(count, DIMENSION)) + offsets)
    return torch.tensor(features, dtype=torch.float32), torch.tensor(labels)


def looks(last):
    steps = [20]
    while (step := round(steps[-1] * 1.05)) < last:
        steps.append(step)
    return {*steps, last}


def trained(net, rate, images, labels, steps, when, is_cosine=False):
    """Trains on minibatches, and yields after each of the steps in `when`; ends early where the loss is not finite."""
    optimizer = torch.optim.SGD(net.parameters(), rate)
    order, at = torch.randperm(len(images)), 0
    for step in range(1, steps + 1):
        if at + BATCH > len(images):
            order, at = torch.randperm(len(images)), 0
        batch = order[at : at + BATCH]
        at += BATCH
        if is_cosine:
            optimizer.param_groups[0]["lr"] = rate * (1 + math.cos(math.pi * (step - 1) / steps)) / 2
        net.train()
        loss = nn.functional.cross_entropy(net(images[batch]), labels[batch])
        if not torch.isfinite(loss):
            return
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step in when:
            net.eval()
            yield step


def score(net, images, labels):
    """Loss and accuracy."""
    with torch.no_grad():
        logits = net(images)
    return nn.functional.cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).float().mean().item()


def arrival(net, regime, rate, target, images, labels):
    """The step at which a run arrives, or None; where the target is out of reach it trains to its end."""
    train, held_out, found = slice(None, -HELD_OUT), slice(-HELD_OUT, None), []
    for step in trained(net, rate, images[train], labels[train], STEPS[regime], looks(STEPS[regime])):
        found.append(score(net, images[held_out], labels[held_out])[1])
        if len(found) >= 5 and sum(found[-5:]) / 5 >= target - 1e-6:
            return step
    return None


def curve(net, regime, rate, images, labels):
    """Training loss and held-out accuracy at the start and at 20 points, under cosine decay and population statistics."""
    train, held_out, steps = slice(None, -10_000), slice(-10_000, None), STEPS[regime]

    def point():
        find_population(net, images[:POPULATION])
        return score(net, images[:1000], labels[:1000])[0], score(net, images[held_out], labels[held_out])[1]

    looked = trained(net, rate, images[train], labels[train], steps, {i * steps // 20 for i in range(1, 21)}, is_cosine=True)
    return [point(), *(point() for _ in looked)]


def find_population(net, images):
    """Makes the running mean and variance of every batch norm those of these samples; training does not look at them."""
    norms = [layer for layer in net if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d))]
    for layer in norms:
        layer.momentum = 1.0
    net.train()
    with torch.no_grad():
        net(images)
    net.eval()
    for layer in norms:
        # PyTorch keeps n/(n - 1) of the variance.
        layer.running_var *= (len(images) - 1) / len(images)


def at_level(points, level):
    """The accuracy where the training loss first is the level, linear in its logarithm between two points."""
    at = next(i for i, (loss, _) in enumerate(points) if loss <= level)
    (above, before), (below, after) = points[at - 1], points[at]
    return before + (after - before) * math.log(above / level) / math.log(above / below)


def show_equal_loss(curves):
    """Accuracies at the lowest training loss that all runs come down to, and the mean difference of two arms."""
    level = max(min(loss for loss, _ in points) for runs in curves.values() for points in runs)
    print(f"training loss {level:.4f}")
    found = {arm: [at_level(points, level) for points in runs] for arm, runs in curves.items()}
    for arm, accuracies in found.items():
        print(f"{arm:12} " + " ".join(f"{accuracy:.4f}" for accuracy in accuracies))
    first, second = found
    differences = [a - b for a, b in zip(found[first], found[second])]
    error = statistics.stdev(differences) / math.sqrt(len(differences))
    print(f"{first} less {second}: {statistics.mean(differences):+.4f} ± {error:.4f}")


def pooled(net, images):
    """Of x-hat behind each norm that is pooled: mean of what is pooled, mean for normal values, mean |d| / SD of d."""
    x, found = images, []
    with torch.no_grad():
        for layer in net:
            if isinstance(layer, nn.BatchNorm2d):
                mean, sd = x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), unbiased=False, keepdim=True)
                # The four places of each 2x2, and their six pairs.
                h = (x - mean) / sd
                four = torch.stack([h[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)])
                pairs = [(a, b) for a in range(4) for b in range(a)]
                rho = torch.stack([(four[a] * four[b]).mean((0, 2, 3)) for a, b in pairs]).mean(0)
                d = torch.stack([four[a] - four[b] for a, b in pairs])
                shape = d.abs().mean((0, 1, 3, 4)) / d.square().mean((0, 1, 3, 4)).sqrt()
                normal = 1.0294 * (1 - rho).clamp(min=0).sqrt()
                found.append(torch.stack([four.amax(0).mean((0, 2, 3)), normal, shape], 1))
            x = layer(x)
    return torch.cat(found).mean(0).tolist()


def show_pooled(net_of, train, images, seeds):
    """A line a seed, and the means with their standard errors."""
    rows = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        net = net_of()
        train(net)
        net.train()
        rows.append(pooled(net, images))
        print(f"seed {seed}: pooled mean {rows[-1][0]:.3f}, normal {rows[-1][1]:.3f}, mean |d|/SD {rows[-1][2]:.3f}", flush=True)
    for name, values in zip(("pooled mean", "of normal values", "mean |d|/SD"), zip(*rows)):
        error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else float("nan")
        print(f"{name:17} {statistics.mean(values):.4f} ± {error:.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("regime", choices=list(STEPS))
    parser.add_argument("arms", nargs="+", choices=["affine", "bn", "affine_init", "frozen", "center", "gamma_0"])
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--rate", type=float, action="append", help="this rate instead of those chosen; repeatable")
    parser.add_argument("--pooled", action="store_true", help="pool x-hat of the trained CNN instead")
    parser.add_argument("--equal-loss", action="store_true", help="accuracy of two arms at equal training loss instead")
    parser.add_argument("--data-dir", type=Path, default=os.environ.get("BN_EXP_DATA_DIR", "data"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    folder = Path(arguments.data_dir) / "mnist"
    images = torch.tensor(read_idx(folder / "train-images-idx3-ubyte").reshape(-1, 784) / 255, dtype=torch.float32)
    labels = torch.tensor(read_idx(folder / "train-labels-idx1-ubyte").astype(np.int64))
    rates = json.loads(RATES.read_text())["data"]["mnist"][arguments.regime]
    tuned = rates["constant"]
    budget = STEPS[arguments.regime]
    for arm in arguments.arms:
        if arm not in tuned["arms"]:
            parser.error(f"no rate is known for {arm} in {arguments.regime}")
    if arguments.pooled:
        if (arguments.regime, arguments.arms) != ("cnn", ["bn"]):
            parser.error("--pooled is of cnn bn")
        train = lambda net: arrival(net, "cnn", tuned["arms"]["bn"]["best"], math.inf, images, labels)
        held_out = images[-HELD_OUT:][:256]
        return show_pooled(lambda: network("cnn", "bn"), train, held_out, arguments.seeds)

    if arguments.equal_loss:
        if len(arguments.arms) != 2:
            parser.error("--equal-loss takes two arms")

        def run(arm, seed):
            torch.manual_seed(seed)
            return curve(network(arguments.regime, arm), arguments.regime, rates["cosine"]["arms"][arm]["best"], images, labels)

        return show_equal_loss({arm: [run(arm, seed) for seed in range(arguments.seeds)] for arm in arguments.arms})

    def run(arm, rate, seed):
        torch.manual_seed(seed)
        data = clouds(seed) if arguments.regime == "offset" else (images, labels)
        return arrival(network(arguments.regime, arm), arguments.regime, rate, tuned["target"], *data)

    print(f"{arguments.regime}: steps to {tuned['target']}, {arguments.seeds} seeds, budget {budget}")
    for arm in arguments.arms:
        chosen = tuned["arms"][arm]
        for rate in arguments.rate or [chosen["best"], *chosen.get("as_good", [])]:
            times = [run(arm, rate, seed) for seed in range(arguments.seeds)]
            logs = [math.log(time or budget) for time in times]
            error = statistics.stdev(logs) / math.sqrt(len(logs)) if len(logs) > 1 else float("nan")
            shown = " ".join("never" if time is None else str(time) for time in times)
            print(f"{arm:12} rate {rate:<6g} ln T {statistics.mean(logs):.3f} ± {error:.3f}   {shown}", flush=True)


if __name__ == "__main__":
    main()
