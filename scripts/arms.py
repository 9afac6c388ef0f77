"""The arms in PyTorch: the reference of the replays and of the goldens.

ARMS names them all. A norm is a function of x [N, C] or [N, C, H, W] and of the arm's gamma, beta (None without),
running_mean, running_var (None without; moved in training), training, momentum, epsilon and knobs.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F


class Arm(NamedTuple):
    """What an arm has: running statistics, gamma and beta, and a bias unless the variant says otherwise."""

    norm: callable
    has_buffers: bool
    has_affine: bool
    has_bias: bool = False
    # What follows gamma and beta in training, from the step's (shift, factor), each [N, C].
    after: callable = None
    # The map's weight as a function of the parameter and of the activation's name.
    weight: callable = None
    # Sets what the arm sets before a step from what its norm reads then, in place; whether the optimiser forgets γ and β.
    begin: callable = None
    # The knobs of the goldens: those that tests/common/arms.rs gives the arm.
    example: dict = {}


def name_and_knobs(arm):
    """"bn" -> ("bn", {}); {"ghost": {"batch": 4}} -> ("ghost", {"batch": 4})."""
    return (arm, {}) if isinstance(arm, str) else next(iter(arm.items()))


def per_channel(values, x):
    return values.view((1, -1) + (1,) * (x.dim() - 2))


def scaled_and_shifted(x, gamma, beta):
    return x if gamma is None else x * per_channel(gamma, x) + per_channel(beta, x)


def off(x, gamma, beta, mean, var, training, momentum, epsilon):
    return scaled_and_shifted(x, gamma, beta)


def batch(x, gamma, beta, mean, var, training, momentum, epsilon):
    return F.batch_norm(x, mean, var, gamma, beta, training, momentum, epsilon)


def center(x, gamma, beta, mean, var, training, momentum, epsilon):
    if training:
        others = [d for d in range(x.dim()) if d != 1]
        found = x.mean(others)
        with torch.no_grad():
            mean.lerp_(found, momentum)
            var.lerp_(x.var(others, correction=1), momentum)
    else:
        found = mean
    return scaled_and_shifted(x - per_channel(found, x), gamma, beta)


def scale(x, gamma, beta, mean, var, training, momentum, epsilon):
    if training:
        others = [d for d in range(x.dim()) if d != 1]
        found = x.var(others, correction=0)
        with torch.no_grad():
            mean.lerp_(x.mean(others), momentum)
            var.lerp_(x.var(others, correction=1), momentum)
    else:
        found = var
    return scaled_and_shifted(x / per_channel((found + epsilon).sqrt(), x), gamma, beta)


def detached(x, gamma, beta, mean, var, training, momentum, epsilon):
    if training:
        others = [d for d in range(x.dim()) if d != 1]
        fixed = x.detach()
        found = fixed.mean(others), fixed.var(others, correction=0)
        mean.lerp_(found[0], momentum)
        var.lerp_(fixed.var(others, correction=1), momentum)
    else:
        found = mean, var
    return F.batch_norm(x, *found, gamma, beta, False, momentum, epsilon)


def begin_affine_init(step, x, gamma, beta, mean, var, momentum, epsilon):
    if step > 0:
        return False
    others = [d for d in range(x.dim()) if d != 1]
    gamma.copy_(1 / (x.var(others, correction=0) + epsilon).sqrt())
    beta.copy_(-gamma * x.mean(others))
    return True


def constants(x, gamma, beta, mean, var, training, momentum, epsilon, current=None, **knobs):
    mean, var = current if training and current else (mean, var)
    return F.batch_norm(x, mean, var, gamma, beta, False, momentum, epsilon)


def begin_frozen(step, x, gamma, beta, mean, var, momentum, epsilon):
    if step == 0:
        others = [d for d in range(x.dim()) if d != 1]
        mean.copy_(x.mean(others))
        var.copy_(x.var(others, correction=0))
    return False


def begin_refresh(step, x, gamma, beta, mean, var, momentum, epsilon, every, keep, current=None):
    if step % every > 0:
        return False
    others = [d for d in range(x.dim()) if d != 1]
    found = x.mean(others), x.var(others, correction=0)
    if keep == "parameters":
        for now, kept, new in zip(current, (mean, var), found):
            now.copy_(new)
            kept.lerp_(new, momentum if step > 0 else 1.0)
        return False
    if step > 0:
        scale = gamma / (var + epsilon).sqrt()
        beta.add_(scale * (found[0] - mean))
        gamma.copy_(scale * (found[1] + epsilon).sqrt())
    mean.copy_(found[0])
    var.copy_(found[1])
    return step > 0


def layer_norm(x, gamma, beta, mean, var, training, momentum, epsilon):
    return F.group_norm(x, 1, gamma, beta, epsilon)


# 1/sqrt(Var(phi(z))), z standard normal; tanh and sigmoid by SciPy's quad.
GAIN = {
    "relu": math.sqrt(2 / (1 - 1 / math.pi)),
    "tanh": 1 / math.sqrt(0.39429449039784126),
    "sigmoid": 1 / math.sqrt(0.043379035858092954),
    "identity": 1.0,
}


def standardised_weight(weight, activation):
    rows = weight.flatten(1)
    centred = rows - rows.mean(1, keepdim=True)
    scaled = GAIN[activation] * centred / (centred.square().sum(1, keepdim=True) + 1e-8).sqrt()
    return scaled.view_as(weight)


def shaken(x, noise):
    shift, factor = (values.view(values.shape + (1,) * (x.dim() - 2)) for values in noise)
    return factor * x + shift


def ghost(x, gamma, beta, mean, var, training, momentum, epsilon, batch):
    if not training:
        return F.batch_norm(x, mean, var, gamma, beta, False, momentum, epsilon)
    others = [d for d in range(x.dim()) if d != 1]
    groups = x.split(batch)
    with torch.no_grad():
        mean.lerp_(torch.stack([group.mean(others) for group in groups]).mean(0), momentum)
        var.lerp_(torch.stack([group.var(others, correction=1) for group in groups]).mean(0), momentum)
    return torch.cat([F.batch_norm(group, None, None, gamma, beta, True, momentum, epsilon) for group in groups])


ARMS = {
    "none": Arm(off, has_buffers=False, has_affine=False, has_bias=True),
    "affine": Arm(off, has_buffers=False, has_affine=True),
    "standardize": Arm(batch, has_buffers=True, has_affine=False),
    "bn": Arm(batch, has_buffers=True, has_affine=True),
    "center": Arm(center, has_buffers=True, has_affine=True),
    "scale": Arm(scale, has_buffers=True, has_affine=True),
    "detached": Arm(detached, has_buffers=True, has_affine=True),
    "affine_init": Arm(off, has_buffers=False, has_affine=True, begin=begin_affine_init),
    "frozen": Arm(constants, has_buffers=True, has_affine=True, begin=begin_frozen),
    "refresh": Arm(constants, has_buffers=True, has_affine=True, begin=begin_refresh),
    "layer_norm": Arm(layer_norm, has_buffers=False, has_affine=True),
    "weight_std": Arm(off, has_buffers=False, has_affine=True, weight=standardised_weight),
    "noisy": Arm(batch, has_buffers=True, has_affine=True, after=shaken),
    "ghost": Arm(ghost, has_buffers=True, has_affine=True, example={"batch": 3}),
}
