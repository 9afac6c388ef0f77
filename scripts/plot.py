#!/usr/bin/env python3
"""Draws the figures of an experiment from its tables, for papers and slides.

    scripts/plot.py results/NAME [--out DIR] [--format png|svg|pdf] [--figures NAME ...] [--arms NAME ...]
                    [--at AXIS=VALUE ...] [--size WIDTHxHEIGHT] [--block N] [--channel N]

Figures, written to DIR (default: the experiment's folder); those whose tables are there, or those of --figures:
    differences    each arm less the one it is held against, with its interval and single seeds, as `bn-exp compare` finds
                   them.
    best           losses and accuracies by step, each arm at its best sweep point: median over seeds, band over the
                   middle half of them (a band over all would be as wide as one run that failed).
    loss           minibatch loss (running median over seven logged points) and validation loss by step, one panel a sweep
                   point; median over seeds, a run that diverged counting as infinite from then on (crosses above say
                   when); band over the middle half of the runs still training.
    percentiles    15th, 50th and 85th percentile of what leaves the norm of one block over training, one panel an arm
                   (figure 1 of Ioffe and Szegedy 2015): the last block (--block), over all channels, median over seeds, as
                   in the report; or one channel (--channel) of the first seed.
    depth          SD before and behind each norm, and gradient norm and size of an update of each block's weights, at the
                   start (thin) and the end (thick) of training.
    learning_rate  final test loss and accuracy against the learning rate, where optimizer.lr is an axis of the sweep:
                   median over seeds, a diverged run counting as worst; bars from smallest to largest of the runs that
                   finished; crosses above count the diverged. Accuracies are shown where the lines are; where a
                   rate at which training fails presses the others together, near the best, by the report's rule.

`best`, `percentiles` and `depth` show all arms at the values of --at. Of axes that --at does not name, those of
`compare.select` take each arm's value of best mean validation accuracy (a diverged run counts as guessing), any other its first value.
--size is in inches; a large figure has larger letters. Of published tables, which lack most files, it draws what they have.
Exit status: 0 drawn, 2 something is missing.
"""

import argparse
import json
import math
import shutil
import subprocess
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
    from matplotlib.transforms import ScaledTranslation
except ImportError as missing:
    needs.stop_without(missing, "requirements-plot.txt")

# Clear on white and on black, and told apart by the colour-blind; the report has the same.
COLOURS = {"none": "#7F7F7F", "affine": "#D55E00", "standardize": "#009E73", "bn": "#0E83C9"}
OTHER_COLOURS = [
    "#CC79A7", "#B8860B", "#8C6BB1", "#A65628", "#E7298A", "#66A61E", "#1B7F8C", "#B22222", "#5C6BC0", "#8D9B00", "#C2185B",
    "#6D8B74",
]  # fmt: skip
# The first of each are those of the arms above, in every figure.
MARKERS = ["o", "s", "D", "^", "P", "v", "*"]
DASHES = ["-", (0, (4, 2.7)), (0, (1.3, 2)), (0, (4, 2, 1.3, 2)), (0, (7, 2.7))]
# The first column of each table that is not a sweep axis.
FIRST_COLUMN = {"runs": "status", "curves": "step", "activations": "step", "gradients": "step"}
NEEDED = {
    "runs": ["diverged_at_step", "validation_accuracy", "test_loss", "test_accuracy"],
    "curves": ["split", "mode", "loss", "accuracy"],
    "activations": ["block", "site", "channel", "std", "p15", "p50", "p85"],
    "gradients": ["block", "tensor", "norm", "update_ratio"],
}
SMOOTHED_OVER = 7
# At most so many points of a line are marked.
FEW_STEPS = 15
ROOT = Path(__file__).resolve().parent.parent
RATE = "optimizer.lr"
BESIDE = {"textcoords": "offset points", "va": "center", "fontsize": "small", "annotation_clip": False}
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
    # TrueType: some journals refuse type 3.
    "pdf.fonttype": 42,
}


class PlotError(Exception):
    """Something needed is missing; the message says the remedy."""


# --- tables ----------------------------------------------------------------------------------


def read_table(folder, name):
    """The table and its sweep axes."""
    path = folder / f"{name}.csv"
    if not path.is_file():
        held = sorted(place.parent.name for place in folder.glob("*/runs.csv"))
        if held:
            raise PlotError(f"{folder} is a folder of experiments: {', '.join(held)}; name one, such as {folder / held[0]}")
        if (folder / "claims.json").is_file():
            raise PlotError(f"{folder} holds verdicts of claims; `bn-exp report {folder}` draws them")
        raise PlotError(f"{path} is missing; `bn-exp run` makes the tables in the folder of its results")
    # Axes and names stay text: 0.10 and `none` must not become something else.
    header = pd.read_csv(path, nrows=0).columns.tolist()
    expected = ["run_id", "variant", "seed", FIRST_COLUMN[name]] + NEEDED[name]
    absent = [column for column in expected if column not in header]
    if absent:
        raise PlotError(f"{path} has no column {', '.join(absent)}; make it anew with this version of bn-exp")
    axes = header[header.index("seed") + 1 : header.index(FIRST_COLUMN[name])]
    words = ("status", "split", "mode", "site", "channel", "tensor")
    text = ["run_id", "variant", *axes, *[column for column in words if column in header]]
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


# Every arm of the experiment, whichever are drawn: an arm looks the same in all figures.
ALL_ARMS = []
# The axes that arms are tuned over; None where that is not known, and all count as such.
TUNED = None
# {run: the accuracy of guessing}, which a run that diverged counts.
CHANCE = {}


def colours(variants):
    everyone = ordered([*ALL_ARMS, *variants])
    spare = iter(OTHER_COLOURS * (1 + len(everyone) // len(OTHER_COLOURS)))
    return {variant: COLOURS.get(variant) or next(spare) for variant in everyone}


def place(variant):
    """Of an arm's marker and dash: the arms of the question have theirs, the others take in their order what is free."""
    known = list(COLOURS)
    if variant in known:
        return known.index(variant)
    others = [arm for arm in ALL_ARMS if arm not in known]
    i = others.index(variant) if variant in others else 0
    free = [len(known), *(at for at, arm in enumerate(known) if arm not in ALL_ARMS)]
    return free[i] if i < len(free) else len(known) + 1 + i - len(free)


def marker(variant):
    return MARKERS[place(variant) % len(MARKERS)]


def dash(variant):
    return DASHES[place(variant) % len(DASHES)]


def over_seeds(rows, value, diverged, smooth=1, worst=math.inf):
    """Steps, and median and quartiles over seeds of a column of `rows`.

    A run in `diverged` counts as `worst` in the median where its rows have ended, and leaves the quartiles.
    """
    by_run = rows.pivot_table(index="step", columns="run_id", values=value, aggfunc="last", dropna=False).sort_index()
    if smooth > 1:
        smoothed = by_run.rolling(smooth, center=True, min_periods=1).median()
        by_run = smoothed.where(by_run.notna())
    by_run = by_run.dropna(how="all")
    low, high = by_run.quantile(0.25, axis=1), by_run.quantile(0.75, axis=1)
    for run in by_run.columns.intersection(list(diverged)):
        last = by_run[run].last_valid_index()
        by_run.loc[by_run.index > (last if last is not None else -1), run] = worst
    for run in set(diverged) - set(by_run.columns):
        by_run[run] = worst
    return by_run.index.to_numpy(), by_run.median(axis=1).to_numpy(), low.to_numpy(), high.to_numpy()


# --- figures ---------------------------------------------------------------------------------

# Width and height of every figure in inches, if they are given.
SIZE = None


# A panel below this, in inches, shows no more than its ticks; and what title, legend and caption take of the height.
LEAST_PANEL = (1.6, 1.5)
AROUND_PANELS = 1.0
# A figure for one column of a paper has smaller letters, one that is larger than a page is wide has larger ones.
NARROW, USUAL_AREA = 5, 32
LETTERS, SMALL_LETTERS = STYLE["font.size"], 7


def letters_of(size):
    """The size of the letters in a figure of this size, in points."""
    if size[0] < NARROW:
        return SMALL_LETTERS
    return LETTERS * max(1, math.sqrt(size[0] * size[1] / USUAL_AREA))


def letters_in(inches, an_inch):
    """How many letters stand in so many inches, if so many of the usual size stand in one."""
    return int(an_inch * inches * LETTERS / plt.rcParams["font.size"])


def columns_that_fit(count, usual):
    """How many panels of --size stand beside each other: as many as usual if these can be read, else fewer."""
    width, height = SIZE
    for columns in range(usual, 0, -1):
        if width / columns >= LEAST_PANEL[0] and (height - AROUND_PANELS) / math.ceil(count / columns) >= LEAST_PANEL[1]:
            return columns
    least = f"{LEAST_PANEL[0] * usual:.1f}x{LEAST_PANEL[1] * math.ceil(count / usual) + AROUND_PANELS:.1f}"
    raise PlotError(f"--size {width:g}x{height:g} has no room for {count} panels: {least} is enough")


def grid_of_panels(count, width=3.6, height=2.8, columns=None, **options):
    """A figure of `count` panels, by default at most four in a row; returns it, the panels, the columns."""
    # Rows of one length, as far as can be.
    columns = columns or math.ceil(count / math.ceil(count / 4))
    if SIZE:
        columns = columns_that_fit(count, columns)
    rows = math.ceil(count / columns)
    size = SIZE or (max(5.2, width * columns), height * rows + 1.2)
    figure, panels = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained", **options)
    panels = panels.ravel().tolist()
    for panel in panels[count:]:
        panel.remove()
    for panel in panels[:count]:
        panel.tick_params(labelbottom=True, labelleft=True)
    return figure, panels[:count], columns


def fitted(figure, columns, title):
    """The title of a panel, in lines that are no longer than the panel is wide."""
    return textwrap.fill(title, max(12, letters_in(figure.get_figwidth() / columns, 11.5) - 4), break_long_words=False)


def finish(figure, title, handles, caption, path):
    """Title and legend above, caption below, and the file."""
    width = figure.get_figwidth()
    title = textwrap.fill(title, letters_in(width, 11))
    if handles:
        # As many beside each other as the longest of their names allows.
        longest = max(len(str(handle.get_label())) for handle in handles)
        columns = max(1, min(len(handles), letters_in(width / (0.55 + 0.085 * longest), 1)))
        legend = {"loc": "outside upper center", "ncols": columns, "handlelength": 2.2}
        # Read from left to right: a legend is filled from above.
        handles = [handle for i in range(columns) for handle in handles[i::columns]]
        figure.legend(handles=handles, title=title, title_fontproperties={"size": "large", "weight": "bold"}, **legend)
    else:
        figure.suptitle(title, fontsize="large", fontweight="bold")
    lines = [textwrap.fill(line, letters_in(width, 17)) for line in caption]
    figure.supxlabel("\n".join(lines), fontsize="small", color="#444444")
    # No date in an SVG, so that the same tables give the same file.
    figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else {"CreationDate": None} if path.suffix == ".pdf" else None)
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


def best_points(runs, points):
    """{variant: the one of these sweep points with its best mean validation accuracy}; a diverged run counts as guessing."""
    done = runs[runs["status"].isin(["completed", "diverged"]) & runs["point"].isin(points)]
    if done.empty:
        raise PlotError("runs.csv has no completed run at these values of the sweep; finish them with `bn-exp run`")
    means = {}
    for (variant, point), group in done.groupby(["variant", "point"], sort=False):
        of_guessing = group["run_id"].map(CHANCE).astype(float).fillna(0.0)
        means.setdefault(variant, {})[point] = group["validation_accuracy"].fillna(of_guessing).mean()
    return {variant: max(by_point, key=by_point.get) for variant, by_point in means.items()}


def given_values(axes, given):
    """{axis: value} of --at AXIS=VALUE…."""
    wanted = {}
    for entry in given:
        axis, equals, value = entry.partition("=")
        if not equals or axis not in axes:
            known = ", ".join(axes) or "none, as there is no sweep"
            raise PlotError(f"--at {entry} is not AXIS=VALUE with an axis of the sweep; axes: {known}")
        if axis in wanted:
            raise PlotError(f"--at names {axis} twice")
        wanted[axis] = value
    return wanted


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def shown_points(runs, axes, at):
    """{variant: the sweep point that is shown}, and what to say of that.

    Values of --at hold for all arms. Of the other axes, those that arms are tuned over take each arm's best value; any else
    takes its first, so that arms are held against each other at one setting.
    """
    wanted = given_values(axes, at)
    points = ordered(runs["point"])
    for i, axis in enumerate(axes):
        if axis not in wanted and TUNED is not None and axis not in TUNED:
            wanted[axis] = points[0][i]
    same = lambda a, b: a == b or (is_number(a) and is_number(b) and float(a) == float(b))
    here = [p for p in points if all(same(v, wanted.get(a, v)) for a, v in zip(axes, p))]
    if not here:
        there = "; ".join(describe(axes, p) for p in points[:12])
        raise PlotError(f"--at {' --at '.join(at)} fits no sweep point; there are: {there}")
    fixed = ", ".join(f"{axis} = {value}" for axis, value in wanted.items())
    best = "each arm's best by mean validation accuracy, a diverged run counting as guessing"
    how = "; ".join(filter(None, [fixed, best if len(here) > 1 else ""]))
    return best_points(runs, here), how


def at_points(table, points):
    """The rows of each arm at its sweep point."""
    return {variant: table[(table["variant"] == variant) & (table["point"] == point)] for variant, point in points.items()}


def diverged_at(runs, points, what):
    """What to say of the runs that are shown and diverged, arm by arm; nothing where none did."""
    shown = at_points(runs, points)
    counts = {variant: (rows["status"] == "diverged").sum() for variant, rows in shown.items()}
    said = ", ".join(f"{variant} {count} of {len(shown[variant])}" for variant, count in counts.items() if count)
    return [f"Diverged: {said}. {what}"] if said else []


def compared(folder, program):
    """What `bn-exp compare` finds in the folder."""
    built = ROOT / "target/release/bn-exp"
    program = program or (built if built.is_file() else shutil.which("bn-exp"))
    if not program:
        raise PlotError("the differences are found by bn-exp: build it (cargo build --release), or name it by --program")
    try:
        done = subprocess.run([program, "compare", folder, "--format", "json"], capture_output=True, text=True)
        if done.returncode != 0:
            raise PlotError(f"bn-exp compare {folder} failed: {done.stderr.strip()}")
        return json.loads(done.stdout)["experiments"][0]
    except (OSError, ValueError, LookupError) as error:
        raise PlotError(f"{program} is not bn-exp, or cannot be started: {error}") from None


def differences_figure(folder, arms, program, path):
    """Every contrast in a row; the scale is that of the data."""
    found = compared(folder, program)
    ended = {(a["variant"], str(a["setting"])) for a in found["arms"] if a["n"] > a["diverged"]}
    observed = lambda c: {(c["a"], str(c["setting"])), (c["b"], str(c["setting"]))} & ended
    rows = [c for c in found["contrasts"] if c["difference"] is not None and observed(c) and (not arms or {c["a"], c["b"]} <= set(arms))]
    if not rows:
        raise PlotError("there is no difference to draw between these arms")
    palette = colours([arm["variant"] for arm in found["arms"]])
    figure, panel = plt.subplots(figsize=SIZE or (6.4, 1.5 + 0.5 * len(rows)), layout="constrained")
    for i, row in enumerate(rows):
        colour = palette[row["a"]]
        seeds = [seed["difference"] for seed in row["differences"] if seed["difference"] is not None]
        # A little below their interval, however high the rows are.
        below = panel.transData + ScaledTranslation(0, -8 / 72, figure.dpi_scale_trans)
        panel.plot(seeds, [i] * len(seeds), "o", color=colour, markersize=3, alpha=0.5, markeredgewidth=0, transform=below)
        panel.update_datalim([(x, i) for x in seeds])
        low, high = row["interval"] or [row["difference"]] * 2
        panel.plot([low, high], [i, i], color=colour, linewidth=2)
        panel.plot([row["difference"]], [i], marker(row["a"]), color=colour, markersize=7)
        panel.annotate(row["verdict"].replace("_", " "), (1.01, i), xycoords=("axes fraction", "data"), va="center", fontsize="small")
    panel.axvline(0, color="#666666", linewidth=0.9)
    margin = found.get("equivalence_margin")
    if margin:
        panel.axvspan(-margin, margin, color="#888888", alpha=0.12, linewidth=0)
    where = [", ".join(f"{axis} = {value}" for axis, value in row["setting"].items()) for row in rows]
    names = [f"{row['a']} − {row['b']}" + (f"\n{place}" if place else "") for row, place in zip(rows, where)]
    panel.set_yticks(range(len(rows)), names)
    panel.set_ylim(len(rows) - 0.5, -0.5)
    panel.set_xlabel(f"difference in {found['metric'].replace('_', ' ')}")
    caption = ["Large: mean difference and its 95 % interval. Small: single seeds, paired."]
    if margin:
        caption.append(f"Grey: within ±{margin:g} a difference does not matter.")
    return finish(figure, f"{found['name']}: differences between arms", None, caption, path)


def best_figure(name, runs, curves, axes, at, path):
    """Losses and accuracies over training, one panel each, every arm at one sweep point."""
    points, how = shown_points(runs, axes, at)
    wanted = [("train", "loss"), ("validation", "loss"), ("train", "accuracy"), ("validation", "accuracy")]
    evaluated = curves[curves["mode"] == "running_stats"]
    shown = [(s, v) for s, v in wanted if evaluated.loc[evaluated["split"] == s, "step"].nunique() > 2]
    if not shown:
        raise PlotError("curves.csv has no evaluations over training; set log.evaluate_every above 0")
    palette = colours(ordered(runs["variant"]))
    figure, panels, _ = grid_of_panels(len(shown), columns=2 if len(shown) == 4 else None, sharex=True)
    for panel, (split, value) in zip(panels, shown):
        for variant, rows in at_points(evaluated[evaluated["split"] == split], points).items():
            here = runs[(runs["variant"] == variant) & (runs["point"] == points[variant]) & (runs["status"] == "diverged")]
            if rows.empty:
                continue
            worst = math.inf if value == "loss" else -math.inf
            steps, median, low, high = over_seeds(rows, value, here["run_id"].tolist(), worst=worst)
            look = {"color": palette[variant], "linestyle": dash(variant), "linewidth": 1.5}
            # Where evaluations are few, what lies between two of them is not known.
            look |= {"marker": marker(variant), "markersize": 3.5} if len(steps) <= FEW_STEPS else {}
            panel.plot(steps, np.where(np.isfinite(median), median, np.nan), **look)
            panel.fill_between(steps, low, high, color=palette[variant], alpha=0.15, linewidth=0)
        if value == "loss":
            panel.set_yscale("log")
            log_ticks(panel.yaxis)
        panel.set_ylabel(f"{'training' if split == 'train' else split} {value}")
        panel.set_xlabel("step (updates)")
        panel.tick_params(labelbottom=True)
        step_ticks(panel)
    label = lambda v: v + (f" ({describe(axes, points[v])})" if axes else "")
    handles = [Line2D([], [], color=palette[v], linestyle=dash(v), linewidth=2, label=label(v)) for v in points]
    seeds = runs["seed"].nunique()
    caption = [f"Line: median over {seeds} seeds; band: their middle half. Running statistics."]
    caption += diverged_at(runs, points, "From then on such a run counts as the worst in the median, and leaves the band.")
    if axes:
        caption.append(f"Sweep point: {how}.")
    return finish(figure, f"{name}: training", handles, caption, path)


def depth_figure(name, runs, tables, axes, at, path):
    """Activations and gradients block by block, at the start and at the end of training."""
    points, how = shown_points(runs, axes, at)
    panels_of = []
    if "activations" in tables:
        whole = tables["activations"][tables["activations"]["channel"] == "all"]
        for site, words in (("norm_input", "SD before the norm"), ("norm_output", "SD behind the norm")):
            panels_of.append((words, whole[whole["site"] == site], "std"))
    if "gradients" in tables:
        weights = tables["gradients"][tables["gradients"]["tensor"] == "weight"]
        panels_of += [("gradient norm of weights", weights, "norm"), ("update, ‖Δw‖/‖w‖", weights, "update_ratio")]
    panels_of = [(words, rows, column) for words, rows, column in panels_of if not rows.empty]
    if not panels_of:
        raise PlotError("there is neither activations.csv nor gradients.csv with rows over all channels")
    palette = colours(ordered(runs["variant"]))
    figure, panels, _ = grid_of_panels(len(panels_of), columns=2 if len(panels_of) == 4 else None)
    for panel, (words, table, column) in zip(panels, panels_of):
        for variant, rows in at_points(table, points).items():
            for step, width in ((rows["step"].min(), 0.9), (rows["step"].max(), 1.8)):
                by_block = rows[rows["step"] == step].groupby("block")[column].median()
                look = {"color": palette[variant], "marker": marker(variant), "markersize": 2 + 1.2 * width, "linewidth": width}
                look["linestyle"] = dash(variant)
                panel.plot(by_block.index, by_block, **look)
        panel.set_yscale("log")
        log_ticks(panel.yaxis)
        panel.set_ylabel(words)
        panel.set_xlabel("block")
        panel.tick_params(labelbottom=True)
        panel.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    handles = [Line2D([], [], color=palette[v], marker=marker(v), markersize=4, linewidth=2, label=v) for v in points]
    caption = ["Thin: at the start. Thick: at the end of training. Medians over seeds."]
    caption += diverged_at(runs, points, "The end of an arm is the last step that any of its runs was looked at.")
    if axes:
        caption.append(f"Sweep point: {how}.")
    return finish(figure, f"{name}: by depth", handles, caption, path)


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
        panel.set_title(fitted(figure, columns, describe(axes, point) if axes else ""), pad=9)
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
            panel.set_ylabel("loss (nats)")
        if i + columns >= len(panels):
            panel.set_xlabel("step (updates)")
    handles = [Line2D([], [], color=palette[v], linewidth=2, label=v) for v in variants]
    handles.append(Line2D([], [], color="#666666", linestyle="-", label="minibatch"))
    handles.append(Line2D([], [], color="#666666", linestyle="--", label="validation"))
    seeds, diverged = runs["seed"].nunique(), (runs["status"] == "diverged").sum()
    over = "Line: the one seed. " if seeds == 1 else f"Line: median over {seeds} seeds; band: their middle half. "
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


def percentiles_figure(name, runs, activations, axes, at, block, channel, path):
    at_norm = activations[activations["site"] == "norm_output"]
    if at_norm.empty:
        raise PlotError("activations.csv has no rows of site norm_output; set log.activations_every above 0")
    if block is None:
        # The deepest that every arm has where it is shown.
        points, _ = shown_points(runs, axes, at)
        deepest = [rows["block"].max() for rows in at_points(at_norm, points).values() if not rows.empty]
        block = int(min(deepest) if deepest else at_norm["block"].max())
    at_norm = at_norm[at_norm["block"] == block]
    if at_norm.empty:
        blocks = ", ".join(str(b) for b in sorted(activations["block"].unique()))
        raise PlotError(f"block {block} has no rows of site norm_output; blocks with rows: {blocks}")
    shown = "all" if channel is None else str(channel)
    at_norm = at_norm[at_norm["channel"] == shown]
    if at_norm.empty:
        raise PlotError(f"channel {shown} of block {block} has no rows of site norm_output")
    chosen, how = shown_points(runs, axes, at)
    panels_of = {}
    for variant, point in chosen.items():
        rows = at_norm[(at_norm["variant"] == variant) & (at_norm["point"] == point)]
        if not rows.empty:
            of = rows if channel is None else rows[rows["seed"] == rows["seed"].iloc[0]]
            panels_of[variant] = (point, of["seed"].unique(), of.groupby("step", as_index=False)[["p15", "p50", "p85"]].median())
        else:
            print(f"note: {variant} has no rows of site norm_output at {describe(axes, point)}; left out", file=sys.stderr)
    if not panels_of:
        raise PlotError("activations.csv has no rows at these sweep points; give another with --at")
    if all(rows["step"].nunique() < 3 for *_, rows in panels_of.values()):
        raise PlotError("activations.csv has fewer than three steps, which is no course; set log.activations_every smaller")

    palette = colours(ordered(runs["variant"]))
    # One scale, unless an arm's values would flatten another's.
    spans = [rows[["p15", "p50", "p85"]].abs().max().max() for _, _, rows in panels_of.values()]
    is_shared = max(spans) <= 10 * min(spans)
    figure, panels, columns = grid_of_panels(len(panels_of), width=3.0, sharex=True, sharey=is_shared)
    figure.get_layout_engine().set(wspace=0.06)
    for i, (panel, (variant, (point, seeds, rows))) in enumerate(zip(panels, panels_of.items())):
        colour = palette[variant]
        panel.fill_between(rows["step"], rows["p15"], rows["p85"], color=colour, alpha=0.12, linewidth=0)
        for column, width, label in (("p85", 1.0, "85th"), ("p50", 1.8, "median"), ("p15", 1.0, "15th")):
            panel.plot(rows["step"], rows[column], color=colour, linewidth=width)
            last = rows[rows[column].notna()]
            if not last.empty:
                end = (last["step"].iloc[-1], last[column].iloc[-1])
                panel.annotate(label, end, xytext=(3, 0), color=colour, **BESIDE)
        panel.set_title("\n".join([variant if len(seeds) > 1 else f"{variant}, seed {seeds[0]}", *map(" = ".join, zip(axes, point))]))
        step_ticks(panel)
        panel.margins(x=0.02)
        if i % columns == 0:
            panel.set_ylabel("value at the norm's output")
        if i + columns >= len(panels):
            panel.set_xlabel("step (updates)")
    is_all = channel is None
    what = "all channels" if is_all else f"channel {shown}"
    scale = "one scale" if is_shared else "each panel has its own scale"
    over = "each the median over the seeds that have not diverged so far" if is_all else "of the first seed"
    caption = [f"15th, 50th and 85th percentile over the probe batch, batch statistics, {over}; {scale}."]
    caption += diverged_at(runs, chosen, "" if is_all else "A panel shows the first seed, as far as its run went.")
    if axes:
        caption.append(f"Sweep point: {how}.")
    return finish(figure, f"{name}: what leaves the norm of block {block}, {what}", None, caption, path)


def shown_accuracies(runs):
    """The part of the axis of accuracy that is shown: that of the medians; None if there are none.

    Where every arm's best, and as much again below, is less than a third of that, it is shown alone.
    """
    of = lambda values: values.fillna(-math.inf).median()
    medians = runs.groupby(["variant", "rest", "rate"])["test_accuracy"].apply(of)
    medians = medians[np.isfinite(medians)]
    if medians.empty:
        return None
    best = medians.groupby("variant").max()
    top, low = best.max(), 2 * best.min() - best.max()
    if not (low < top and top - low < (top - medians.min()) / 3):
        low = medians.min()
    room = 0.1 * (top - low) or 0.05
    # The best runs are above the median of their arm.
    return low - room, max(top, runs["test_accuracy"].max()) + room


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
    strip_height = (0.16 * len(variants) + 0.1) * plt.rcParams["font.size"] / LETTERS
    heights = [strip_height, 2.4, 2.4] if has_diverged else [2.4, 2.4]
    # Arms stand a little beside each other, so that their bars do not hide one another.
    spread = (runs["rate"].max() / runs["rate"].min()) ** 0.008
    figure, panels = plt.subplots(
        len(heights), len(rest), figsize=SIZE or (max(5.4, 4.2 * len(rest)), sum(heights) + 1.6), squeeze=False,
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
                look = {"color": palette[variant], "marker": marker(variant), "markersize": 4, "linewidth": 1.4}
                look["linestyle"] = dash(variant)
                panel.plot(line.index * aside, line, **look)
        metrics[0].set_yscale("log")
        metrics[0].set_xscale("log")
        metrics[0].margins(x=0.09)
        top = strip if strip is not None else metrics[0]
        top.set_title(fitted(figure, panels.shape[1], describe(others, values) if others else ""))
        metrics[1].set_xlabel("learning rate")
    losses, accuracies = panels[-2:, 0]
    losses.set_ylabel("test loss (nats)")
    log_ticks(losses.yaxis)
    accuracies.set_ylabel("test accuracy")
    shown = shown_accuracies(runs)
    if shown:
        accuracies.set_ylim(*shown)
    rates = sorted(runs["rate"].unique())
    if len(rates) <= 8:
        panels[-1, 0].set_xticks(rates, [f"{rate:g}" for rate in rates])
        panels[-1, 0].xaxis.set_minor_locator(NullLocator())
    handles = [
        Line2D([], [], color=palette[v], marker=marker(v), markersize=4, label=v) for v in variants
    ]
    seeds = runs["seed"].nunique()
    caption = ["Line: the one seed."]
    if seeds > 1:
        caption = [
            f"Line: median over {seeds} seeds, a diverged run counting as worst.",
            "Bar: smallest to largest of the runs that finished.",
        ]
    if shown and runs["test_accuracy"].min() < shown[0]:
        caption.append(f"Accuracies below {shown[0]:.3g} are not shown.")
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
        panel.set_yticks(range(len(variants)), variants, fontsize="small")
    panel.tick_params(length=0, labelbottom=False)
    panel.spines[:].set_visible(False)
    if is_first:
        panel.set_ylabel("diverged", fontsize="small")


# --- command ---------------------------------------------------------------------------------

FIGURES = {
    "differences": ["runs"],
    "best": ["runs", "curves"],
    "loss": ["runs", "curves"],
    "percentiles": ["runs", "activations"],
    "depth": ["runs"],
    "learning_rate": ["runs"],
}


def asked(folder):
    """compare.select of the experiment's record and the chance accuracy of its runs; None and nothing without a record."""
    try:
        record = json.loads((folder / "experiment.json").read_text())
        select = record["configuration"].get("compare", {}).get("select") or []
        return select, {run["id"]: 1 / run["classes"] for run in record["runs"]}
    except FileNotFoundError:
        return None, {}
    except (OSError, ValueError, LookupError, AttributeError, TypeError, ZeroDivisionError) as error:
        raise PlotError(f"{folder / 'experiment.json'} is no record of an experiment: {error}") from None


def draw(options):
    """Draws the figures asked for, or all whose tables there are; yields the paths written."""
    folder = options.experiment_dir
    if not folder.is_dir():
        raise PlotError(f"{folder} is not a folder; give an experiment's, results/NAME")
    name, tables, axes = folder.resolve().name, {}, []
    for table in FIRST_COLUMN:
        if table == "runs" or (folder / f"{table}.csv").is_file():
            read, axes = read_table(folder, table)
            tables[table] = with_points(read, axes)
    known = ordered(tables["runs"]["variant"])
    ALL_ARMS[:] = known
    unknown = [arm for arm in options.arms if arm not in known]
    if unknown:
        raise PlotError(f"there is no arm {', '.join(unknown)}; arms: {', '.join(known)}")
    global TUNED, CHANCE
    TUNED, CHANCE = asked(folder)
    if options.at:
        shown_points(tables["runs"], axes, options.at)
    if options.arms:
        tables = {key: table[table["variant"].isin(options.arms)] for key, table in tables.items()}
    runs, out = tables["runs"], options.out or folder
    drawn = {
        "differences": lambda path: differences_figure(folder, options.arms, options.program, path),
        "best": lambda path: best_figure(name, runs, tables["curves"], axes, options.at, path),
        "loss": lambda path: loss_figure(name, runs, tables["curves"], axes, path),
        "percentiles": lambda path: percentiles_figure(
            name, runs, tables["activations"], axes, options.at, options.block, options.channel, path
        ),
        "depth": lambda path: depth_figure(name, runs, tables, axes, options.at, path),
        "learning_rate": lambda path: learning_rate_figure(name, runs, axes, path),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlotError(f"cannot make the folder {out}: {error.strerror}") from None
    for figure, needed in FIGURES.items():
        if options.figures and figure not in options.figures:
            continue
        try:
            absent = [table for table in needed if table not in tables]
            if absent:
                raise PlotError(f"there is no {folder / absent[0]}.csv; published tables lack it, `bn-exp run` makes it")
            if figure == "learning_rate" and RATE not in axes:
                raise PlotError(f"{RATE} is no axis of the sweep")
            yield drawn[figure](out / f"{figure}.{options.format}")
        except PlotError as error:
            if options.figures or options.at and "--at" in str(error):
                raise
            print(f"note: no {figure}: {error}", file=sys.stderr)


def size(text):
    try:
        width, height = map(float, text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not WIDTHxHEIGHT in inches, such as 6x4") from None
    if not (2 <= width <= 60 and 2 <= height <= 60):
        raise argparse.ArgumentTypeError("a side is from 2 to 60 inches long")
    return width, height


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment_dir", type=Path, help="an experiment's folder, results/NAME")
    parser.add_argument("--out", "--output", type=Path, help="where the figures go (default: the experiment's folder)")
    parser.add_argument("--format", choices=["png", "svg", "pdf"], default="png")
    parser.add_argument("--figures", nargs="+", choices=list(FIGURES), default=[], help="these alone")
    parser.add_argument("--arms", nargs="+", default=[], metavar="NAME", help="these arms alone")
    parser.add_argument("--size", type=size, metavar="WIDTHxHEIGHT", help="of each figure, in inches")
    parser.add_argument("--block", type=int, help="block of the percentiles (default: the last with rows)")
    parser.add_argument("--channel", type=int, help="one channel of the percentiles (default: all)")
    parser.add_argument("--at", action="append", default=[], metavar="AXIS=VALUE", help="value of an axis of the sweep; repeatable")
    parser.add_argument("--program", type=Path, help="bn-exp, for the differences (default: the one built here, or in PATH)")
    options = parser.parse_args()
    plt.rcParams.update(STYLE)
    global SIZE
    SIZE = options.size
    if SIZE:
        plt.rcParams.update({"font.size": letters_of(SIZE), "axes.titlesize": letters_of(SIZE)})
    try:
        for path in draw(options):
            print(path)
    except PlotError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
