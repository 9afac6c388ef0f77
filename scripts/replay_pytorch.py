#!/usr/bin/env python3
"""Replays a recorded run in PyTorch and compares every recorded loss.

Usage:
    bn-exp run --config FILE --trace
    scripts/replay_pytorch.py results/NAME/runs/RUN_ID [--data-dir DIR] [--steps N] [--rtol X] [--json]

Nothing is shared with bn-exp but the files of the run: run.json (what was asked for),
trace.safetensors (initial parameters, minibatches and, for generated data, the samples) and
curves.csv (the losses). The network, its gradients and the optimiser are PyTorch's.

Judged are the losses of the first steps: in f64 to 1e-8 over 200 steps, in f32 to 1e-5 over 10;
rounding grows along a training run, so later steps are reported and not judged. Where the whole
run was replayed, the final parameters are compared too; in f64 and up to 200 steps they are judged
to 1e-6 of the tensor's largest value. What an arm sets from the first minibatch is found anew, and has to be what the
trace begins with. The loss on the training split under population statistics is computed anew
from the checkpoint, and judged in f64 to 1e-10.

Files of data set mnist are looked for in DIR/mnist (--data-dir, else BN_EXP_DATA_DIR), those of
sources idx and csv where the configuration says (run this from where bn-exp ran); samples in the
trace go before files.

Exit status: 0 agrees, 1 deviates, 2 wrong usage or something missing.
"""

import argparse
import csv
import gzip
import json
import math
import os
import sys
from functools import partial
from pathlib import Path

import needs

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
    from arms import ARMS, name_and_knobs
    from safetensors.numpy import load_file
except ImportError as missing:
    needs.stop_without(missing)

# Precision: (relative tolerance of the loss, steps judged).
JUDGED = {"f64": (1e-8, 200), "f32": (1e-5, 10)}
PARAMETER_TOLERANCE = 1e-6
# What an arm sets from the first minibatch, of each tensor's largest value.
START_TOLERANCE = {"f64": 1e-12, "f32": 1e-5}
POPULATION_TOLERANCE = {"f64": 1e-10, "f32": 1e-5}
# Population statistics are those of so many training samples, at most.
POPULATION = 2048
# Deviations are relative to the value itself, but not to less than this: a bias before a norm, for
# one, has gradient 0 and is moved by rounding only.
SMALLEST_LOSS = 1e-12
SMALLEST_PARAMETER = 1e-6
# A ReLU's input this many roundings from 0 may have either sign, and its gradient be there or not: from the
# update that follows, f32 cannot be judged.
KINK = 4

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "identity": lambda x: x}


class ReplayError(Exception):
    """Something needed is missing or not understood; the message says the remedy."""


# --- the run's files -------------------------------------------------------------------------


def load_record(run_dir):
    """The run's description."""
    run_dir = Path(run_dir)
    if not run_dir.is_dir():
        raise ReplayError(f"{run_dir} is not a folder; give a run's folder, results/NAME/runs/RUN_ID")
    try:
        run = json.loads((run_dir / "run.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ReplayError(f"{run_dir} has no run.json; give a run's folder, results/NAME/runs/RUN_ID") from None
    except ValueError as error:
        raise ReplayError(f"{run_dir / 'run.json'} is not JSON ({error}); train the run again") from None
    for key in ("configuration", "variant", "shape", "classes"):
        if key not in run:
            raise ReplayError(f"{run_dir / 'run.json'} has no `{key}`; record the run with this version of bn-exp")
    return run


def load_trace(run_dir):
    """The run's trace, {name: array}."""
    path = Path(run_dir) / "trace.safetensors"
    if not path.is_file():
        raise ReplayError(f"{run_dir} has no trace.safetensors; run the same `bn-exp run` again with --trace")
    trace = load_file(path)
    if "batches" not in trace:
        raise ReplayError(f"{path} has no `batches`; write it again with --trace --fresh")
    return trace


def load_run(run_dir):
    """The run's description and its trace, as (dict, {name: array})."""
    return load_record(run_dir), load_trace(run_dir)


def recorded_losses(run_dir):
    """{step: loss} of the minibatches in curves.csv; an empty cell is NaN."""
    path = Path(run_dir) / "curves.csv"
    if not path.is_file():
        raise ReplayError(f"{run_dir} has no curves.csv; finish the run with `bn-exp run`")
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row.get("split") == "batch"]
    if not rows:
        raise ReplayError(f"{path} has no rows of split `batch`; set log.batch_every above 0 and train again")
    try:
        return {int(row["step"]): float(row["loss"]) if row["loss"] else math.nan for row in rows}
    except (KeyError, TypeError, ValueError) as error:
        raise ReplayError(f"{path} is damaged ({error}); train the run again with `bn-exp run --fresh`") from None


# IDX types as NumPy calls them.
DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(folder, part, kind):
    """The training or test (`part`) images or labels (`kind`) of a folder, as the array that the file holds."""
    words = {"train": ("train",), "test": ("t10k", "test")}[part]
    is_it = lambda name: any(word in name for word in words) and kind[:-1] in name and "idx" in name
    found = sorted(path for path in folder.glob("*") if is_it(path.name.lower()))
    if not found:
        raise ReplayError(
            f"{folder} has no {part} {kind}; give the data folder with --data-dir or BN_EXP_DATA_DIR "
            "(`bn-exp data list` shows where it is looked for)"
        )
    path = found[0]
    content = path.read_bytes()
    content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    if content[:2] != b"\0\0" or content[2] not in DTYPES:
        raise ReplayError(f"{path} is not an IDX file; `bn-exp data verify` checks a published set")
    rank = content[3]
    shape = np.frombuffer(content, ">u4", rank, 4).astype(int)
    array = np.frombuffer(content, DTYPES[content[2]], offset=4 + 4 * rank).reshape(shape)
    return array.astype(array.dtype.newbyteorder("="))


def own_samples(folder, transpose):
    """Features, one row a sample in channel, row, column order, and labels of all training images, from IDX files."""
    images, test = read_idx(folder, "train", "images"), read_idx(folder, "test", "images")
    if images.dtype.kind == "i" and all(x.min() >= 0 and x.max() <= 255 for x in (images, test)):
        images = images.astype(np.uint8)
    if images.ndim == 4 and images.shape[3] <= 4:
        images = images.transpose(0, 3, 1, 2)
    if transpose and images.ndim > 2:
        images = images.swapaxes(-1, -2)
    first = lambda labels: labels.reshape(len(labels), -1)[:, 0].astype(np.int64)
    labels, others = (first(read_idx(folder, part, "labels")) for part in ("train", "test"))
    return images.reshape(len(images), -1), labels, others


def classes_of(labels, others, classes):
    """Labels as classes: from 0 as they are, from 1 less 1, else numbered in order."""
    known = np.union1d(labels, others)
    for first in (0, 1):
        if first <= known.min() and known.max() < first + classes:
            return labels - first
    return np.searchsorted(known, labels)


def own_table(data):
    """Features and labels of all rows of a CSV file, and the different labels of both files, in order."""
    tables = []
    for path in filter(None, (data["file"], data.get("test_file"))):
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
        label = rows[0].index(data["label"]) if data.get("label") else len(rows[0]) - 1
        labels = [row.pop(label).strip() for row in rows[1:]]
        tables.append((np.array(rows[1:], dtype=np.float64), labels))
    every = [label for _, labels in tables for label in labels]
    try:
        number = {label: float(label) for label in every}
    except ValueError:
        number = {label: label.encode() for label in every}
    order = {value: place for place, value in enumerate(sorted(set(number.values())))}
    features, labels = tables[0]
    return features, np.array([order[number[label]] for label in labels])


# --- data ------------------------------------------------------------------------------------


def file_samples(data, data_dir):
    """Raw features and classes of all samples of the training file."""
    source = data["source"]
    if source == "csv":
        return own_table(data)
    if source == "idx":
        features, *labels = own_samples(Path(data["dir"]), data.get("transpose"))
        return features, classes_of(*labels, data["classes"])
    if source not in ("mnist", "fashion-mnist"):
        raise ReplayError(f"the trace of {source} has no data/features, data/labels; write it again with --trace")
    data_dir = data_dir or os.environ.get("BN_EXP_DATA_DIR")
    if not data_dir:
        raise ReplayError(f"where is {source}? Give --data-dir DIR or BN_EXP_DATA_DIR, the folder above {source}/")
    features, labels, _ = own_samples(Path(data_dir) / source, False)
    return features, labels


def training_split(data, trace, data_dir):
    """Raw features (uint8 images, or numbers, one row a sample) and labels."""
    features, labels = trace.get("data/features"), trace.get("data/labels")
    if features is None or labels is None:
        if labels is None and data.get("random_labels"):
            raise ReplayError("the labels are random and the trace has no data/labels; write it again with --trace")
        images, classes = file_samples(data, data_dir)
        kept = min(data.get("train") or len(images), len(images) - (data.get("validation") or 0))
        rows = trace.get("split/train", np.arange(kept))
        features = images[rows] if features is None else features
        labels = classes[rows] if labels is None else labels
    if len(labels) < len(features):
        raise ReplayError(f"{len(features)} samples but {len(labels)} labels; write the trace again with --trace")
    return features.reshape(len(features), -1), torch.from_numpy(labels[: len(features)].astype(np.int64))


def scaled(features, scaling, is_image, dtype):
    """A function from sample indices to scaled features; all arithmetic in f64, rounded once at the end."""
    if features.dtype != np.uint8 or (scaling == "standardize" and not is_image):
        values = features.astype(np.float64)
        if scaling == "standardize":
            axis = None if is_image else 0
            sd = values.std(axis=axis)
            sd = np.where(values.max(axis=axis) == values.min(axis=axis), 1.0, sd)
            values = (values - values.mean(axis=axis)) / sd
        elif scaling != "none":
            raise ReplayError(f"data.scaling {scaling} is for bytes, but the data are other numbers")
        vectors = torch.from_numpy(values).to(dtype)
        return lambda indices: vectors[indices]
    # A byte has 256 values: scale those.
    values = np.arange(256, dtype=np.float64)
    if scaling == "unit":
        values = values / 255
    elif scaling == "standardize":
        share = np.bincount(features.ravel(), minlength=256) / features.size
        mean = (share * values).sum()
        sd = math.sqrt((share * (values - mean) ** 2).sum())
        values = (values - mean) / (sd or 1.0)
    elif scaling == "binary":
        values = (values >= 128).astype(np.float64)
    elif scaling != "none":
        raise ReplayError(f"data.scaling {scaling!r} is unknown here; known: unit, standardize, binary, none")
    table = torch.from_numpy(values).to(dtype)
    return lambda indices: table[torch.from_numpy(features[indices].astype(np.int64))]


# --- network ---------------------------------------------------------------------------------


def block_specs(model, shape, classes):
    """One dict a block, the output layer last: conv, out, fan-in shape, pool, residual, hidden."""
    blocks = []
    channels, height, width = shape["channels"], shape["height"], shape["width"]
    if model["kind"] == "cnn":
        kernel, pools = model.get("kernel") or 3, model.get("pool") or "max"
        pools = [pools] * len(model["channels"]) if isinstance(pools, str) else pools
        for out, pool in zip(model["channels"], pools, strict=True):
            blocks.append({"weight": (out, channels, kernel, kernel), "pool": pool, "residual": False, "hidden": True})
            channels = out
            if pool != "none":
                height, width = height // 2, width // 2
        dense = model.get("dense") or []
    else:
        dense = model["hidden"]
    is_vector, inputs = height == width == 1, channels * height * width
    for out in dense:
        residual = model["kind"] == "mlp" and bool(model.get("residual")) and is_vector and out == inputs
        blocks.append({"weight": (out, inputs), "pool": "none", "residual": residual, "hidden": True})
        is_vector, inputs = True, out
    blocks.append({"weight": (classes, inputs), "pool": "none", "residual": False, "hidden": False})
    return blocks


def arm_of(variant):
    """What is known of the variant's arm."""
    name, _ = name_and_knobs(variant["arm"])
    if name not in ARMS:
        raise ReplayError(f"arm {name!r} cannot be replayed here; known: {', '.join(ARMS)}")
    return ARMS[name]


def trains_on_others(variant):
    """Whether training has constants of its own, norm.mean and norm.var, beside those kept for evaluation."""
    return name_and_knobs(variant["arm"])[1].get("keep") == "parameters"


def parameter_shapes(blocks, variant):
    """{name: shape} of the arm's parameters and buffers."""
    arm = arm_of(variant)
    bias = arm.has_bias if variant.get("bias") is None else variant["bias"]
    shapes = {}
    for i, block in enumerate(blocks):
        out = block["weight"][:1]
        shapes[f"blocks.{i}.weight"] = block["weight"]
        if bias or not block["hidden"]:
            shapes[f"blocks.{i}.bias"] = out
        if block["hidden"] and arm.has_affine:
            shapes[f"blocks.{i}.norm.gamma"] = shapes[f"blocks.{i}.norm.beta"] = out
        if block["hidden"] and arm.has_buffers:
            shapes[f"blocks.{i}.norm.running_mean"] = shapes[f"blocks.{i}.norm.running_var"] = out
        if block["hidden"] and trains_on_others(variant):
            shapes[f"blocks.{i}.norm.mean"] = shapes[f"blocks.{i}.norm.var"] = out
    return shapes


def initial_parameters(trace, shapes, dtype):
    """The trace's init/ tensors in the run's precision, checked against what the configuration says."""
    recorded = {name[5:]: value for name, value in trace.items() if name.startswith("init/")}
    problems = [f"init/{name} is missing" for name in shapes if name not in recorded]
    problems += [f"init/{name} is not part of this arm" for name in recorded if name not in shapes]
    for name in shapes.keys() & recorded.keys():
        if recorded[name].shape != tuple(shapes[name]):
            problems.append(f"init/{name} has shape {list(recorded[name].shape)}, expected {list(shapes[name])}")
    if problems:
        raise ReplayError("the trace does not fit run.json: " + "; ".join(problems) + ". Write it again with --trace")
    return {name: torch.from_numpy(recorded[name].copy()).to(dtype) for name in shapes}


def noise_of(trace, step):
    """{block: (shift, factor)} of a step, as the trace has them."""
    blocks = {int(name.split(".")[1]) for name in trace if name.startswith("noise/")}
    of = lambda i, name: torch.from_numpy(trace[f"noise/blocks.{i}.{name}"][step].copy())
    return {i: (of(i, "shift"), of(i, "factor")) for i in blocks}


def is_near_kink(x):
    """Whether the sign of one of a ReLU's inputs is a matter of rounding."""
    x = x.detach()
    return bool(((x.abs() < KINK * torch.finfo(x.dtype).eps * x.std()) & (x != 0)).any())


def forward(blocks, parameters, config, variant, u, training=True, kinks=None, finds_population=False, begin=None, noise=None):
    """Logits of samples `u`, [N, features] or [N, C, H, W]; in training, running statistics move.

    `kinks` collects, for each ReLU, whether an input is near its kink. With `finds_population` the running statistics
    become mean and biased variance of what each norm reads, norm by norm. With `begin`, a step, each arm first sets what it
    sets before that step; `noise` has shift and factor of each block. What the optimiser has to forget is added to the set `parameters["changed"]`.
    """
    arm, (_, knobs) = arm_of(variant), name_and_knobs(variant["arm"])
    model, norm = config["model"], config["norm"]
    has_current = trains_on_others(variant)
    function = ACTIVATIONS[model["activation"]]

    def phi(x):
        if kinks is not None and model["activation"] == "relu":
            kinks.append(is_near_kink(x))
        return function(x)

    for i, block in enumerate(blocks):
        get = lambda name, i=i: parameters.get(f"blocks.{i}.{name}")
        weight = get("weight")
        if arm.weight and block["hidden"]:
            weight = arm.weight(weight, model["activation"])
        if len(block["weight"]) == 4:
            z = F.conv2d(u, weight, get("bias"), padding=block["weight"][2] // 2)
        else:
            u = u.flatten(1)
            z = F.linear(u, weight, get("bias"))
        if not block["hidden"]:
            return z

        def normalise(x):
            state = [get(f"norm.{name}") for name in ("gamma", "beta", "running_mean", "running_var")]
            if finds_population and arm.has_buffers and not arm.begin:
                others = [d for d in range(x.dim()) if d != 1]
                state[2].copy_(x.double().mean(others))
                state[3].copy_(x.double().var(others, correction=0))
            own = {**knobs, "current": (get("norm.mean"), get("norm.var"))} if has_current else knobs
            if begin is not None and arm.begin(begin, x, *state, norm["momentum"], norm["epsilon"], **own):
                parameters["changed"].update((f"blocks.{i}.norm.gamma", f"blocks.{i}.norm.beta"))
            y = arm.norm(x, *state, training, norm["momentum"], norm["epsilon"], **own)
            return arm.after(y, noise[i]) if arm.after and training else y

        def pool(x):
            if block["pool"] == "none":
                return x
            return F.max_pool2d(x, 2) if block["pool"] == "max" else F.avg_pool2d(x, 2)

        position = model["norm_position"]
        if position == "before_activation":
            out = pool(phi(normalise(z)))
        elif position == "after_activation":
            out = pool(normalise(phi(z)))
        else:
            out = normalise(pool(phi(z)))
        u = out + u if block["residual"] else out
    raise AssertionError("the last block is the output layer")


# --- training --------------------------------------------------------------------------------


def is_trained(name, train_only):
    """Whether the parameter is trained: by its whole name, or its last part."""
    is_buffer = name.rsplit(".", 1)[1] in ("running_mean", "running_var", "mean", "var")
    return not is_buffer and (not train_only or name in train_only or name.rsplit(".", 1)[1] in train_only)


def build_optimizer(options, trained):
    """PyTorch's optimiser over {name: tensor}, decay on the weights only unless `decay_norm`."""
    decay = options.get("weight_decay", 0.0)
    decayed = [p for name, p in trained.items() if name.endswith(".weight") or options.get("decay_norm")]
    rest = [p for name, p in trained.items() if not (name.endswith(".weight") or options.get("decay_norm"))]
    groups = [{"params": decayed, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]
    groups = [group for group in groups if group["params"]]
    if options["kind"] == "sgd":
        # PyTorch's default dampening of 0: v <- m v + g.
        momentum, nesterov = options.get("momentum", 0.0), options.get("nesterov", False)
        return torch.optim.SGD(groups, lr=options["lr"], momentum=momentum, dampening=0.0, nesterov=nesterov)
    betas = (options.get("beta1", 0.9), options.get("beta2", 0.999))
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    if options["kind"] not in kinds:
        raise ReplayError(f"optimizer.kind {options['kind']!r} is unknown here; known: sgd, adam, adamw")
    return kinds[options["kind"]](groups, lr=options["lr"], betas=betas, eps=options.get("epsilon", 1e-8))


def learning_rate(options, step, steps):
    """The rate of update `step` (from 0) of `steps`."""
    rate, warmup = options["lr"], options.get("warmup") or 0
    if step < warmup:
        return rate * (step + 1) / warmup
    schedule = options.get("schedule") or "constant"
    if schedule == "cosine":
        return rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))
    if schedule == "step":
        return rate * (options.get("step_factor") or 0.1) ** ((step - warmup) // options["step_every"])
    return rate


@torch.no_grad()
def begin_step(step, parameters, blocks, config, variant, u):
    """Sets what the arm sets before a step, block by block; names of the parameters that the optimiser has to forget."""
    parameters = {**parameters, "changed": set()}
    forward(blocks, parameters, config, variant, u, begin=step)
    return parameters["changed"]


@torch.no_grad()
def begin_anew(parameters, blocks, config, variant, u):
    """Sets what the arm sets before step 0, from γ, β and statistics as they are before that, and returns the largest
    deviation of the trace's from it, relative to each tensor's scale."""
    norms = {name: p for name, p in parameters.items() if ".norm." in name}
    recorded = {name: p.clone() for name, p in norms.items()}
    for name, p in norms.items():
        _, block, _, tensor = name.split(".")
        # In a residual network the knobs are those of blocks with a skip.
        is_meant = blocks[int(block)]["residual"] or not any(other["residual"] for other in blocks)
        usual = {"gamma": 1.0, "running_var": 1.0, "var": 1.0}.get(tensor, 0.0)
        knob = variant.get(tensor) if is_meant and tensor in ("gamma", "beta") else None
        p.fill_(usual if knob is None else knob)
    begin_step(0, parameters, blocks, config, variant, u)

    def scale(name, p):
        """The tensor's largest value; of a mean, which may be 0 but for rounding, the largest SD if that is larger, and of β 1."""
        own = max(p.abs().max().item(), SMALLEST_PARAMETER)
        if name.endswith("mean"):
            return max(own, norms[name.removesuffix("mean") + "var"].max().item() ** 0.5)
        return max(own, 1.0) if name.endswith("beta") else own

    return max((p - recorded[name]).abs().max().item() / scale(name, p) for name, p in norms.items())


def replay(run_dir, data_dir=None, steps=None, look=None):
    """Trains as the run did, for all its steps or the first `steps`.

    Before each update `look`, if given, is called with the step, a function, the trained parameters ({name: tensor}) and the
    learning rate. The function returns the minibatch's loss with other tensors in the place of the trained ones.

    Returns a dict: run_id, status, precision, total_steps (of the run), losses (of minibatch k before
    update k), first_kink (the first minibatch with a ReLU's input near 0, or None), parameters ({name: f64 array} after the last update). Stops early at a loss that is
    not finite.
    """
    run, trace = load_run(run_dir)
    config, variant, shape = run["configuration"], run["variant"], run["shape"]
    precision = config["model"]["precision"]
    if config["norm"]["epsilon"] == 0 and arm_of(variant).has_buffers:
        raise ReplayError("PyTorch's batch norm refuses norm.epsilon 0; only runs with a positive one can be replayed")
    dtype = {"f32": torch.float32, "f64": torch.float64}[precision]
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.set_default_dtype(dtype)

    blocks = block_specs(config["model"], shape, run["classes"])
    parameters = initial_parameters(trace, parameter_shapes(blocks, variant), dtype)
    trained = {name: p for name, p in parameters.items() if is_trained(name, variant.get("train_only"))}
    if not trained:
        raise ReplayError(f"train_only {variant['train_only']} names no parameter of arm {variant['arm']}")
    for parameter in trained.values():
        parameter.requires_grad_(True)
    optimizer = build_optimizer(config["optimizer"], trained)

    features, labels = training_split(config["data"], trace, data_dir)
    samples = scaled(features, config["data"].get("scaling") or "none", shape["height"] * shape["width"] > 1, dtype)
    sample_shape = (-1, shape["channels"], shape["height"], shape["width"])
    batches = trace["batches"]
    if batches.size and batches.max() >= len(features):
        raise ReplayError(f"the trace has sample {batches.max()}, the training split {len(features)}: another data set?")

    total = config["train"].get("steps") or len(batches)
    losses, first_kink, read = [], None, lambda batch: samples(batch).reshape(sample_shape)
    start = begin_anew(parameters, blocks, config, variant, read(batches[0])) if arm_of(variant).begin else None

    def loss_at(step, batch, others):
        copied = {name: p.detach().clone() for name, p in parameters.items()} | others
        logits = forward(blocks, copied, config, variant, read(batch), noise=noise_of(trace, step))
        return F.cross_entropy(logits, labels[torch.from_numpy(batch)])

    for step, batch in enumerate(batches[:steps]):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config["optimizer"], step, total)
        kinks = []
        if step > 0 and arm_of(variant).begin:
            for name in begin_step(step, parameters, blocks, config, variant, read(batch)):
                optimizer.state.pop(parameters[name], None)
        logits = forward(blocks, parameters, config, variant, read(batch), kinks=kinks, noise=noise_of(trace, step))
        if first_kink is None and any(kinks):
            first_kink = step
        loss = F.cross_entropy(logits, labels[torch.from_numpy(batch)])
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            break
        optimizer.zero_grad()
        loss.backward()
        if look:
            look(step, partial(loss_at, step, batch), trained, learning_rate(config["optimizer"], step, total))
        optimizer.step()
    final = {name: p.detach().double().numpy() for name, p in parameters.items()}
    return {
        "run_id": run.get("run_id") or Path(run_dir).resolve().name,
        "status": run.get("status", "completed"),
        "precision": precision,
        "total_steps": total,
        "idle_bias": bool(variant.get("bias")) and arm_of(variant).has_buffers,
        "losses": losses,
        "start": start,
        "first_kink": first_kink,
        "parameters": final,
    }


# --- population statistics -------------------------------------------------------------------


@torch.no_grad()
def compare_population(run_dir, data_dir=None):
    """Loss and accuracy on the training split under population statistics, from the checkpoint, beside runs.csv.

    None for a run that was not trained to its end, or a table without them.
    """
    run, trace = load_run(run_dir)
    with (Path(run_dir) / "runs.csv").open(newline="", encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    if not row.get("train_loss_population"):
        return None
    config, variant, shape = run["configuration"], run["variant"], run["shape"]
    precision = config["model"]["precision"]
    dtype = {"f32": torch.float32, "f64": torch.float64}[precision]
    blocks = block_specs(config["model"], shape, run["classes"])
    parameters = {
        name: torch.from_numpy(value.copy()).to(dtype)
        for name, value in load_file(Path(run_dir) / "checkpoint.safetensors").items()
    }
    features, labels = training_split(config["data"], trace, data_dir)
    samples = scaled(features, config["data"].get("scaling") or "none", shape["height"] * shape["width"] > 1, dtype)
    read = lambda indices: samples(indices).reshape(-1, shape["channels"], shape["height"], shape["width"])
    look = lambda indices, **how: forward(blocks, parameters, config, variant, read(indices), training=False, **how)
    look(np.arange(min(POPULATION, len(features))), finds_population=True)
    logits = look(np.arange(len(features))).double()
    loss = F.cross_entropy(logits, labels).item()
    accuracy = (logits.argmax(1) == labels).double().mean().item()
    deviation = relative_deviation(float(row["train_loss_population"]), loss)
    same_hits = round(float(row["train_accuracy_population"]) * len(labels)) == round(accuracy * len(labels))
    # In f32 a sample on the border may fall to either side.
    agrees = deviation <= POPULATION_TOLERANCE[precision] and (same_hits or precision == "f32")
    return {"loss": loss, "max_relative": deviation, "agrees": agrees}


# --- comparison ------------------------------------------------------------------------------


def relative_deviation(ours, theirs):
    """|ours - theirs| relative to theirs; two losses that are not finite agree."""
    if not (math.isfinite(ours) and math.isfinite(theirs)):
        return 0.0 if math.isfinite(ours) == math.isfinite(theirs) else math.inf
    return abs(ours - theirs) / max(abs(theirs), SMALLEST_LOSS)


def compare_losses(replayed, recorded, rtol=None):
    """The comparison of losses as a dict: counts, largest deviations, verdict."""
    tolerance, first = JUDGED[replayed["precision"]]
    tolerance = tolerance if rtol is None else rtol
    if replayed["precision"] == "f32" and replayed["first_kink"] is not None:
        # The loss at the kink is right either way; the update is not.
        first = min(first, replayed["first_kink"] + 1)
    losses = replayed["losses"]
    deviations = [(relative_deviation(losses[step], loss), step) for step, loss in recorded.items() if step < len(losses)]
    judged = [pair for pair in deviations if pair[1] < first]
    if not judged:
        raise ReplayError(f"no recorded loss lies in the first {min(first, len(losses))} steps; replay more with --steps")
    largest = lambda pairs: max(pairs, key=lambda pair: (pair[0], -pair[1]))
    result = {"compared": len(deviations), "judged": len(judged), "tolerance": tolerance, "judged_below_step": first}
    result["max_relative"], result["at_step"] = largest(judged)
    result["max_relative_all"], result["at_step_all"] = largest(deviations)
    result["start"] = replayed["start"]
    is_start = replayed["start"] is None or replayed["start"] <= START_TOLERANCE[replayed["precision"]]
    result["agrees"] = result["max_relative"] <= tolerance and is_start
    return result


def compare_parameters(replayed, checkpoint):
    """The largest deviation of final parameters, relative to each tensor's largest value; None for part of a run."""
    is_whole = replayed["status"] == "completed" and len(replayed["losses"]) == replayed["total_steps"]
    if not is_whole or not checkpoint.is_file():
        return None
    recorded = load_file(checkpoint)
    missing = [name for name in replayed["parameters"] if name not in recorded]
    if missing:
        raise ReplayError(f"{checkpoint} lacks {', '.join(missing)}; train the run again")
    deviations = []
    for name, ours in replayed["parameters"].items():
        theirs = recorded[name].astype(np.float64)
        scale = max(float(np.abs(theirs).max(initial=0.0)), SMALLEST_PARAMETER)
        deviations.append((float(np.abs(ours - theirs).max(initial=0.0)) / scale, name))
    largest, name = max(deviations)
    # A bias before eq. 1 has gradient 0: rounding alone moves it, and Adam makes full steps of that.
    judged = replayed["precision"] == "f64" and replayed["total_steps"] <= JUDGED["f64"][1] and not replayed["idle_bias"]
    agrees = not judged or largest <= PARAMETER_TOLERANCE
    return {"tensors": len(deviations), "max_relative": largest, "at": name, "judged": judged, "agrees": agrees}


def print_table(result):
    """The comparison for people."""
    parameters = result["parameters"]
    rows = [
        ("run", result["run_id"]),
        ("precision", result["precision"]),
        ("steps replayed", f"{result['steps']} of {result['total_steps']}"),
        ("losses compared", f"{result['compared']}, of which judged {result['judged']}"),
        ("largest relative deviation, judged", f"{result['max_relative']:.2e} at step {result['at_step']}"),
        ("  allowed", f"{result['tolerance']:.0e} before step {result['judged_below_step']}"),
        ("largest relative deviation, all", f"{result['max_relative_all']:.2e} at step {result['at_step_all']}"),
    ]
    if result["start"] is not None:
        rows.append(("start from the first minibatch", f"{result['start']:.2e} from the trace's"))
    if parameters:
        how = f"allowed {PARAMETER_TOLERANCE:.0e}" if parameters["judged"] else "not judged"
        text = f"{parameters['max_relative']:.2e} in {parameters['at']} ({how})"
        rows.append(("final parameters and statistics", text))
    else:
        rows.append(("final parameters", "not compared (run or replay incomplete)"))
    if result["population"]:
        rows.append(("loss under population statistics", f"{result['population']['max_relative']:.2e} from the recorded one"))
    rows.append(("verdict", "agrees" if result["agrees"] else "DEVIATES"))
    width = max(len(label) for label, _ in rows)
    for label, text in rows:
        print(f"{label:<{width}}  {text}")


def main():
    parser = argparse.ArgumentParser(description="Replay a recorded run in PyTorch and compare its losses.")
    parser.add_argument("run_dir", type=Path, help="a run's folder: results/NAME/runs/RUN_ID, trained with --trace")
    parser.add_argument("--data-dir", help="folder above mnist/ (default: BN_EXP_DATA_DIR)")
    parser.add_argument("--steps", type=int, help="replay only the first N steps")
    parser.add_argument("--rtol", type=float, help="relative tolerance of the judged losses (default 1e-8 in f64, 1e-5 in f32)")
    parser.add_argument("--json", action="store_true", help="print JSON, with the loss of every replayed step")
    options = parser.parse_args()
    if options.steps is not None and options.steps < 1:
        parser.error("--steps must be at least 1")
    try:
        recorded = recorded_losses(options.run_dir)
        replayed = replay(options.run_dir, options.data_dir, options.steps)
        result = {"run_id": replayed["run_id"], "steps": len(replayed["losses"])}
        result |= compare_losses(replayed, recorded, options.rtol)
        result["parameters"] = compare_parameters(replayed, options.run_dir / "checkpoint.safetensors")
        result["population"] = compare_population(options.run_dir, options.data_dir)
    except ReplayError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyError as error:
        print(f"error: run.json lacks the key {error}; record the run with this version of bn-exp", file=sys.stderr)
        return 2
    for part in ("parameters", "population"):
        result["agrees"] = result["agrees"] and (not result[part] or result[part]["agrees"])
    result |= {"precision": replayed["precision"], "total_steps": replayed["total_steps"]}
    if options.json:
        finite = lambda x: x if math.isfinite(x) else None
        result["losses"] = [finite(loss) for loss in replayed["losses"]]
        result |= {key: finite(result[key]) for key in ("max_relative", "max_relative_all")}
        print(json.dumps(result, allow_nan=False))
    else:
        print_table(result)
    return 0 if result["agrees"] else 1


if __name__ == "__main__":
    sys.exit(main())
