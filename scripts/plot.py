#!/usr/bin/env python3
"""Draws the figures of an experiment from its tables.

Usage:
    scripts/plot.py results/NAME [--out DIR] [--format png|svg]
                    [--block N] [--channel N] [--at AXIS=VALUE ...]

Figures, written to DIR (default: the experiment's folder):
    loss           minibatch loss (running median over seven logged points) and validation loss
                   by step, one panel a sweep point; median over seeds, a run that diverged
                   counting as infinite from then on (crosses above say when); band from
                   smallest to largest of the runs still training.
    percentiles    15th, 50th and 85th percentile of what leaves the norm of one block over
                   training, one panel an arm (figure 1 of Ioffe and Szegedy 2015): the first seed,
                   the last block (--block), channel 0 (--channel; over all channels where the
                   channel has no rows). Each arm stands at its sweep point of best mean validation
                   accuracy (a diverged run counts 0), or at the one given by --at.
    learning_rate  final test loss and accuracy against the learning rate, where optimizer.lr is an
                   axis of the sweep: median over seeds, a diverged run counting as worst; bars
                   from smallest to largest of the runs that finished; crosses above count the
                   diverged.

Reads runs.csv, curves.csv and activations.csv. Exit status: 0 drawn, 2 something is missing.
"""

import argparse
import math
import sys
import textwrap
from pathlib import Path

import needs

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np
    import pandas as pd
    from matplotlib.lines import Line2D
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
except ImportError as missing:
    needs.stop_without(missing)

# Okabe and Ito's colours, told apart by the colour-blind; the four arms keep theirs in every figure.
COLOURS = {"none": "#000000", "affine": "#D55E00", "standardize": "#009E73", "bn": "#0072B2"}
OTHER_COLOURS = ["#CC79A7", "#E69F00", "#56B4E9", "#F0E442"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*"]
# The first column of each table that is not a sweep axis.
FIRST_COLUMN = {"runs": "status", "curves": "step", "activations": "step"}
NEEDED = {
    "runs": ["diverged_at_step", "validation_accuracy", "test_loss", "test_accuracy"],
    "curves": ["split", "mode", "loss"],
    "activations": ["block", "site", "channel", "p15", "p50", "p85"],
}
SMOOTHED_OVER = 7
RATE = "optimizer.lr"
BESIDE = {"textcoords": "offset points", "va": "center", "fontsize": 7.5, "annotation_clip": False}
STYLE = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "svg.hashsalt": "bn-exp",
}


class PlotError(Exception):
    """Something needed is missing; the message says the remedy."""


# --- tables ----------------------------------------------------------------------------------


def read_table(folder, name):
    """The table and its sweep axes."""
    path = folder / f"{name}.csv"
    if not path.is_file():
        raise PlotError(f"{path} is missing; make the tables with `bn-exp run`")
    # Axes and names stay text: 0.10 and `none` must not become something else.
    header = pd.read_csv(path, nrows=0).columns.tolist()
    expected = ["run_id", "variant", "seed", FIRST_COLUMN[name]] + NEEDED[name]
    absent = [column for column in expected if column not in header]
    if absent:
        raise PlotError(f"{path} has no column {', '.join(absent)}; make it anew with this version of bn-exp")
    axes = header[header.index("seed") + 1 : header.index(FIRST_COLUMN[name])]
    text = ["run_id", "variant", *axes, *[c for c in ("status", "split", "mode", "site", "channel") if c in header]]
    empty = {column: [""] for column in header if column not in text}
    table = pd.read_csv(path, dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=empty)
    if table.empty:
        raise PlotError(f"{path} has no rows; finish the runs with `bn-exp run`")
    return table, axes


def with_points(table, axes):
    """Adds the column `point`: the axes' values, as a tuple of texts."""
    table["point"] = list(zip(*(table[axis] for axis in axes))) if axes else [()] * len(table)
    return table


def describe(axes, point):
    """A sweep point in words."""
    return ", ".join(f"{axis} = {value}" for axis, value in zip(axes, point)) or "all runs"


def ordered(values):
    """Distinct values in the order of their first appearance: the plan's."""
    return list(dict.fromkeys(values))


def colours(variants):
    spare = iter(OTHER_COLOURS * (1 + len(variants) // len(OTHER_COLOURS)))
    return {variant: COLOURS.get(variant) or next(spare) for variant in variants}


def over_seeds(rows, value, diverged, smooth=1):
    """Steps, and median, smallest and largest over seeds of a column of `rows`.

    A run in `diverged` counts as infinite in the median where its rows have ended.
    """
    by_run = rows.pivot_table(index="step", columns="run_id", values=value, aggfunc="last", dropna=False).sort_index()
    if smooth > 1:
        smoothed = by_run.rolling(smooth, center=True, min_periods=1).median()
        by_run = smoothed.where(by_run.notna())
    by_run = by_run.dropna(how="all")
    low, high = by_run.min(axis=1), by_run.max(axis=1)
    for run in by_run.columns.intersection(list(diverged)):
        last = by_run[run].last_valid_index()
        by_run.loc[by_run.index > (last if last is not None else -1), run] = math.inf
    for run in set(diverged) - set(by_run.columns):
        by_run[run] = math.inf
    return by_run.index.to_numpy(), by_run.median(axis=1).to_numpy(), low.to_numpy(), high.to_numpy()


# --- figures ---------------------------------------------------------------------------------


def grid_of_panels(count, width=3.6, height=2.8, columns=None, **options):
    """A figure of `count` panels, by default at most four in a row; returns it, the panels, the columns."""
    columns = columns or (count if count <= 4 else 3 if count % 3 == 0 else 4)
    rows = math.ceil(count / columns)
    size = (max(5.2, width * columns), height * rows + 1.2)
    figure, panels = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained", **options)
    panels = panels.ravel().tolist()
    for panel in panels[count:]:
        panel.remove()
    for i, panel in enumerate(panels[:count]):
        # Shared axes are labelled on the outermost panels, also where the last row is short.
        panel.tick_params(labelbottom=i + columns >= count, labelleft=True)
    return figure, panels[:count], columns


def finish(figure, title, handles, caption, path):
    """Title and legend above, caption below, and the file."""
    width = figure.get_figwidth()
    if handles:
        legend = {"loc": "outside upper center", "ncols": min(len(handles), int(width / 1.15)), "handlelength": 2.2}
        figure.legend(handles=handles, title=title, title_fontproperties={"size": 11, "weight": "bold"}, **legend)
    else:
        figure.suptitle(title, fontsize=11, fontweight="bold")
    lines = [textwrap.fill(line, int(17 * width)) for line in caption]
    figure.supxlabel("\n".join(lines), fontsize=7.5, color="#444444")
    # No date in an SVG, so that the same tables give the same file.
    figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)
    return path


def log_ticks(axis):
    """Plain numbers at a handful of round places, however little or much a log axis spans."""
    low, high = sorted(axis.get_view_interval())
    decades = math.log10(high / low)
    if decades < 0.8:
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    else:
        axis.set_major_locator(LogLocator(subs=(1.0,) if decades > 3 else (1.0, 3.0) if decades > 1.5 else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_locator(NullLocator())


def step_ticks(panel):
    panel.xaxis.set_major_locator(MaxNLocator(4, integer=True, steps=[1, 2, 5, 10]))


def loss_figure(name, runs, curves, axes, path):
    variants, points = ordered(runs["variant"]), ordered(runs["point"])
    palette = colours(variants)
    # Two axes make a table: the first down, the second across.
    across = len(ordered(point[-1] for point in points)) if len(axes) == 2 else 0
    columns = across if 2 <= across <= 5 and len(points) % across == 0 else None
    figure, panels, columns = grid_of_panels(len(points), columns=columns, sharex=True, sharey=True)
    lows, highs = [], []
    for panel, point in zip(panels, points):
        for variant in variants:
            here = (curves["variant"] == variant) & (curves["point"] == point)
            at = runs[(runs["variant"] == variant) & (runs["point"] == point)]
            diverged = at.loc[at["status"] == "diverged", "run_id"].tolist()
            batch = curves[here & (curves["split"] == "batch")]
            validation = curves[here & (curves["split"] == "validation") & (curves["mode"] == "running_stats")]
            for rows, smooth, line in ((batch, SMOOTHED_OVER, "-"), (validation, 1, "--")):
                if rows.empty:
                    continue
                steps, median, low, high = over_seeds(rows, "loss", diverged, smooth)
                panel.plot(steps, np.where(np.isfinite(median), median, np.nan), line, color=palette[variant], linewidth=1.3)
                panel.fill_between(steps, low, high, color=palette[variant], alpha=0.15, linewidth=0)
                lows.append(np.nanmin(low))
                finite = median[np.isfinite(median)]
                highs += [finite[0], np.percentile(finite, 98)] if len(finite) else []
            when = at.loc[at["status"] == "diverged", "diverged_at_step"].dropna()
            cross = {"markersize": 5, "markeredgewidth": 1.3, "clip_on": False, "in_layout": False, "zorder": 5}
            cross |= {"color": palette[variant], "transform": panel.get_xaxis_transform()}
            panel.plot(when, [1.0] * len(when), "x", **cross)
        panel.set_title(describe(axes, point) if axes else "", pad=9)
        panel.set_yscale("log")
        step_ticks(panel)
    if not highs:
        raise PlotError("curves.csv has no losses of splits `batch` or `validation`; set log.batch_every above 0")
    # Losses on the way to divergence span many decades; the panel shows those of training that works.
    top = 1.15 * max(highs) if max(highs) < 20 * np.median(highs) else 4 * np.median(highs)
    panels[0].set_ylim(max(min(lows), top / 1e5) / 1.15, top)
    log_ticks(panels[0].yaxis)
    for i, panel in enumerate(panels):
        if i % columns == 0:
            panel.set_ylabel("loss (cross-entropy, nats)")
        if i + columns >= len(panels):
            panel.set_xlabel("step (updates)")
    handles = [Line2D([], [], color=palette[v], linewidth=2, label=v) for v in variants]
    handles.append(Line2D([], [], color="#666666", linestyle="-", label="minibatch"))
    handles.append(Line2D([], [], color="#666666", linestyle="--", label="validation"))
    seeds, diverged = runs["seed"].nunique(), (runs["status"] == "diverged").sum()
    over = "Line: the one seed. " if seeds == 1 else f"Line: median over {seeds} seeds; band: smallest to largest. "
    caption = [
        f"{over}Minibatch loss: running median over {SMOOTHED_OVER} logged points; validation: running statistics.",
    ]
    if diverged:
        handles.append(Line2D([], [], color="#666666", linestyle="", marker="x", markersize=5, label="diverged"))
        caption.append(
            f"Crosses: steps at which runs diverged ({diverged} of {len(runs)}); from then on they count as infinite in the "
            "median, which ends where half have, and are outside the band."
        )
    return finish(figure, f"{name}: loss over training", handles, caption, path)


def best_points(runs):
    """{variant: its sweep point of best mean validation accuracy}; a diverged run counts 0."""
    done = runs[runs["status"].isin(["completed", "diverged"])]
    if done.empty:
        raise PlotError("runs.csv has no completed run; finish them with `bn-exp run`")
    means = {}
    for (variant, point), group in done.groupby(["variant", "point"], sort=False):
        means.setdefault(variant, {})[point] = group["validation_accuracy"].fillna(0.0).mean()
    return {variant: max(by_point, key=by_point.get) for variant, by_point in means.items()}


def chosen_point(runs, axes, given):
    """The sweep point of --at AXIS=VALUE...; each axis must be named."""
    wanted = {}
    for entry in given:
        axis, equals, value = entry.partition("=")
        if not equals or axis not in axes:
            known = ", ".join(axes) or "none, as there is no sweep"
            raise PlotError(f"--at {entry} is not AXIS=VALUE with an axis of the sweep; axes: {known}")
        wanted[axis] = value
    same = lambda a, b: a == b or (is_number(a) and is_number(b) and float(a) == float(b))
    points = [p for p in ordered(runs["point"]) if all(same(v, wanted.get(a, v)) for a, v in zip(axes, p))]
    if len(points) != 1:
        there = "; ".join(describe(axes, p) for p in (points or ordered(runs["point"]))[:12])
        raise PlotError(f"--at {' --at '.join(given)} fits {len(points)} sweep points; name one of: {there}")
    return points[0]


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def percentiles_figure(name, runs, activations, axes, at, block, channel, path):
    at_norm = activations[activations["site"] == "norm_output"]
    if at_norm.empty:
        raise PlotError("activations.csv has no rows of site norm_output; set log.activations_every above 0")
    if block is None:
        block = int(at_norm["block"].max())
    at_norm = at_norm[at_norm["block"] == block]
    if at_norm.empty:
        blocks = ", ".join(str(b) for b in sorted(activations["block"].unique()))
        raise PlotError(f"block {block} has no rows of site norm_output; blocks with rows: {blocks}")
    shown = str(channel) if (at_norm["channel"] == str(channel)).any() else "all"
    at_norm = at_norm[at_norm["channel"] == shown]
    if at:
        point = chosen_point(runs, axes, at)
        chosen = {variant: point for variant in ordered(runs["variant"])}
    else:
        chosen = best_points(runs)
    panels_of = {}
    for variant, point in chosen.items():
        rows = at_norm[(at_norm["variant"] == variant) & (at_norm["point"] == point)]
        if not rows.empty:
            seed = rows["seed"].iloc[0]
            panels_of[variant] = (point, seed, rows[rows["seed"] == seed].sort_values("step"))
        else:
            print(f"note: {variant} has no rows of site norm_output at {describe(axes, point)}; left out", file=sys.stderr)
    if not panels_of:
        raise PlotError("activations.csv has no rows at these sweep points; give another with --at")

    palette = colours(ordered(runs["variant"]))
    # One scale, unless an arm's values would flatten another's.
    spans = [rows[["p15", "p50", "p85"]].abs().max().max() for _, _, rows in panels_of.values()]
    is_shared = max(spans) <= 10 * min(spans)
    figure, panels, columns = grid_of_panels(len(panels_of), width=3.0, sharex=True, sharey=is_shared)
    figure.get_layout_engine().set(wspace=0.06)
    for i, (panel, (variant, (point, seed, rows))) in enumerate(zip(panels, panels_of.items())):
        colour = palette[variant]
        panel.fill_between(rows["step"], rows["p15"], rows["p85"], color=colour, alpha=0.12, linewidth=0)
        for column, width, label in (("p85", 1.0, "85th"), ("p50", 1.8, "median"), ("p15", 1.0, "15th")):
            panel.plot(rows["step"], rows[column], color=colour, linewidth=width)
            last = rows[rows[column].notna()]
            if not last.empty:
                end = (last["step"].iloc[-1], last[column].iloc[-1])
                panel.annotate(label, end, xytext=(3, 0), color=colour, **BESIDE)
        panel.set_title("\n".join([f"{variant}, seed {seed}", *map(" = ".join, zip(axes, point))]))
        step_ticks(panel)
        panel.margins(x=0.02)
        if i % columns == 0:
            panel.set_ylabel("value at the norm's output")
        if i + columns >= len(panels):
            panel.set_xlabel("step (updates)")
    what = f"channel {shown}" if shown != "all" else "all channels"
    scale = "one scale" if is_shared else "each panel has its own scale"
    caption = [f"15th, 50th and 85th percentile over the probe batch, batch statistics; {scale}."]
    if axes:
        best = "each arm's best by mean validation accuracy, a diverged run counting 0"
        caption.append(f"Sweep point: {'as given' if at else best}.")
    return finish(figure, f"{name}: what leaves the norm of block {block}, {what}", None, caption, path)


def learning_rate_figure(name, runs, axes, path):
    others = [axis for axis in axes if axis != RATE]
    runs = runs[runs["status"].isin(["completed", "diverged"])].copy()
    if runs.empty:
        raise PlotError("runs.csv has no completed run; finish them with `bn-exp run`")
    runs["rate"] = runs[RATE].astype(float)
    runs["rest"] = list(zip(*(runs[axis] for axis in others))) if others else [()] * len(runs)
    variants, rest = ordered(runs["variant"]), ordered(runs["rest"])
    palette = colours(variants)
    has_diverged = (runs["status"] == "diverged").any()
    heights = [0.16 * len(variants) + 0.1, 2.4, 2.4] if has_diverged else [2.4, 2.4]
    # Arms stand a little beside each other, so that their bars do not hide one another.
    spread = (runs["rate"].max() / runs["rate"].min()) ** 0.008
    figure, panels = plt.subplots(
        len(heights), len(rest), figsize=(max(5.4, 4.2 * len(rest)), sum(heights) + 1.6), squeeze=False,
        sharex=True, sharey="row", height_ratios=heights, layout="constrained",
    )  # fmt: skip
    for column, values in enumerate(rest):
        here = runs[runs["rest"] == values]
        strip, *metrics = panels[:, column] if has_diverged else [None, *panels[:, column]]
        if strip is not None:
            diverged_strip(strip, here, variants, palette, is_first=column == 0)
        for panel, metric, worst in zip(metrics, ("test_loss", "test_accuracy"), (math.inf, -math.inf)):
            for i, variant in enumerate(variants):
                aside = spread ** (i - (len(variants) - 1) / 2)
                rates = here[here["variant"] == variant].groupby("rate")[metric]
                median = rates.apply(lambda v: v.fillna(worst).median())
                low, high = rates.min(), rates.max()
                line = median.where(np.isfinite(median))
                panel.vlines(low.index * aside, low, high, color=palette[variant], linewidth=3, alpha=0.35)
                panel.plot(low.index * aside, low.where(low == high), "_", color=palette[variant], markersize=5)
                look = {"color": palette[variant], "marker": MARKERS[i % len(MARKERS)], "markersize": 4, "linewidth": 1.4}
                panel.plot(line.index * aside, line, **look)
        metrics[0].set_yscale("log")
        metrics[0].set_xscale("log")
        metrics[0].margins(x=0.09)
        (strip if strip is not None else metrics[0]).set_title(describe(others, values) if others else "")
        metrics[1].set_xlabel("learning rate")
    top = panels[-2, 0]
    top.set_ylabel("final test loss (nats)")
    log_ticks(top.yaxis)
    panels[-1, 0].set_ylabel("final test accuracy (share correct)")
    rates = sorted(runs["rate"].unique())
    if len(rates) <= 8:
        panels[-1, 0].set_xticks(rates, [f"{rate:g}" for rate in rates])
        panels[-1, 0].xaxis.set_minor_locator(NullLocator())
    handles = [
        Line2D([], [], color=palette[v], marker=MARKERS[i % len(MARKERS)], markersize=4, label=v) for i, v in enumerate(variants)
    ]
    seeds = runs["seed"].nunique()
    caption = ["Line: the one seed."]
    if seeds > 1:
        caption = [
            f"Line: median over {seeds} seeds, a diverged run counting as worst.",
            "Bar: smallest to largest of the runs that finished.",
        ]
    if has_diverged:
        caption.append("Crosses: diverged runs of all runs at that rate; a line ends where half have diverged.")
    return finish(figure, f"{name}: final test loss and accuracy by learning rate", handles, caption, path)


def diverged_strip(panel, runs, variants, palette, is_first):
    """One row an arm, a cross and a count at every rate where runs diverged."""
    for row, variant in enumerate(variants):
        for rate, group in runs[runs["variant"] == variant].groupby("rate"):
            diverged = (group["status"] == "diverged").sum()
            if diverged:
                panel.plot(rate, row, "x", color=palette[variant], markersize=5.5, markeredgewidth=1.5)
                text = f"{diverged}/{len(group)}"
                panel.annotate(text, (rate, row), xytext=(5, 0), color=palette[variant], **BESIDE)
    panel.set_ylim(len(variants) - 0.4, -0.6)
    if is_first:
        panel.set_yticks(range(len(variants)), variants, fontsize=7.5)
    panel.tick_params(length=0, labelbottom=False)
    panel.spines[:].set_visible(False)
    if is_first:
        panel.set_ylabel("diverged", fontsize=8)


# --- command ---------------------------------------------------------------------------------


def draw(folder, out, suffix, block=None, channel=0, at=()):
    """Draws every figure whose data there are; yields the paths written."""
    if not folder.is_dir():
        raise PlotError(f"{folder} is not a folder; give an experiment's, results/NAME")
    name = folder.resolve().name
    runs, axes = read_table(folder, "runs")
    curves, _ = read_table(folder, "curves")
    runs, curves = with_points(runs, axes), with_points(curves, axes)
    out.mkdir(parents=True, exist_ok=True)
    yield loss_figure(name, runs, curves, axes, out / f"loss.{suffix}")
    if RATE in axes:
        yield learning_rate_figure(name, runs, axes, out / f"learning_rate.{suffix}")
    activations = with_points(read_table(folder, "activations")[0], axes)
    yield percentiles_figure(name, runs, activations, axes, at, block, channel, out / f"percentiles.{suffix}")


def main():
    parser = argparse.ArgumentParser(description="Draw the figures of an experiment from its tables.")
    parser.add_argument("experiment_dir", type=Path, help="an experiment's folder, results/NAME")
    parser.add_argument("--out", type=Path, help="where the figures go (default: the experiment's folder)")
    parser.add_argument("--format", choices=["png", "svg"], default="png")
    parser.add_argument("--block", type=int, help="block of the percentiles (default: the last with rows)")
    parser.add_argument("--channel", type=int, default=0, help="channel of the percentiles (default 0)")
    parser.add_argument("--at", action="append", default=[], metavar="AXIS=VALUE", help="sweep point of the percentiles; repeatable")
    options = parser.parse_args()
    plt.rcParams.update(STYLE)
    out = options.out or options.experiment_dir
    try:
        for path in draw(options.experiment_dir, out, options.format, options.block, options.channel, options.at):
            print(path)
    except PlotError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
