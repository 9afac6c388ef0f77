#!/usr/bin/env python3
"""Writes the tables and figures of docs/answer.md, from two runs of `bn-exp claims` on seeds that have none in common.

Usage:
    scripts/make_answer.py --out results/claims [--seeds 0-23 --seeds 200-223] [--program target/release/bn-exp]
    scripts/make_answer.py --published     # from results/published/claims-*, without running anything

`bn-exp claims --full --seeds A-B --out OUT` is asked for its verdicts, as JSON and as the table that it prints; what is not
trained yet it trains first, which takes hours. The JSON is kept in results/published, so that the page can be made again
without the runs. Of docs/answer.md, which begins as scripts/answer.md, and of the README only what stands between
<!-- begin NAME --> and <!-- end NAME --> is written.

A claim is called settled where both ranges of seeds decide it, and decide it alike.

Figures, written to docs/figures/answer:
    shares       the share of bn's gain in time that each arm keeps, regime by regime
    renewing     D = ln L(old) - ln L(renewed) against the lag, statistics of 4, of 64 and of 2,048 samples
    rates        accuracy against the learning rate, from runs by which rates are chosen (OUT/tuning; a part of them is
                 trained where none are there)
    claims       the figures that decide each claim, with their intervals and thresholds
"""

import argparse
import csv
import json
import math
import re
import statistics
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import needs

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
except ImportError as missing:
    needs.stop_without(missing)

from plot import STYLE, log_ticks

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "answer.md"
FRAME = ROOT / "scripts" / "answer.md"
README = ROOT / "README.md"
FIGURES = ROOT / "docs" / "figures" / "answer"
PUBLISHED = ROOT / "results" / "published"
DECIDED = {"holds": "holds", "fails": "fails", "holds_in_part": "in part"}
OPEN = {"inconclusive": "inconclusive", "not_tested": "not tested"}
WORDS = DECIDED | OPEN
# Seeds, and no arms: in colours that no arm has.
RANGES = ["#444444", "#AA4499"]
# The picture of rates: where, which arms, at which of the rates that are tried, with which of the seeds kept apart.
RATED = ["sigmoid", "shallow", "deep10"]
RATED_ARMS = {  # colour, dash, marker
    "affine": ("#D55E00", "--", "s"),
    "affine_init": ("#E69F00", ":", "D"),
    "center": ("#009E73", "-.", "v"),
    "bn": ("#0072B2", "-", "^"),
}
TRIED_RATES = [0.0032, 0.01, 0.032, 0.1, 0.32, 1.0, 3.2, 10.0]
TUNING_SEEDS = list(range(1000, 1006))
REGIMES = ["sigmoid", "shallow", "deep10", "res20", "offset", "cnn"]
ARMS = {
    "affine_init": "#E69F00",
    "frozen": "#CC79A7",
    "center": "#009E73",
    "scale": "#56B4E9",
    "noisy": "#000000",
    "weight_std": "#D55E00",
    "gamma_0": "#999999",
    "frozen_pool": "#F0E442",
}

# --- what the program found --------------------------------------------------------------------


def ask(arguments, seeds, form):
    """What `bn-exp claims --full` prints in a format."""
    command = [arguments.program, "claims", "--full", "--data", "mnist", "--out", arguments.out, "--seeds", seeds, "--format", form]
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True).stdout


def found(arguments):
    """For each range of seeds the claims in JSON and as the program printed them."""
    both = []
    for i, seeds in enumerate(arguments.seeds):
        folder = PUBLISHED / f"claims-{i + 1}"
        answer, printed = folder / "claims.json", folder / "printed.md"
        if not arguments.published:
            folder.mkdir(parents=True, exist_ok=True)
            printed.write_text(ask(arguments, seeds, "markdown"))
            kept = json.loads(ask(arguments, seeds, "json"))
            answer.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
        if not (answer.is_file() and printed.is_file()):
            sys.exit(f"{folder} is not whole; run scripts/make_answer.py without --published")
        both.append({"printed": printed.read_text(), "answer": json.loads(answer.read_text())})
    return both


def seeds_of(answer):
    return f"{answer['seeds']['first']} to {answer['seeds']['last']}"


# --- tables --------------------------------------------------------------------------------------


def number(x, unit):
    text = {"ratio": f"{x:.3f}", "share": f"{x:.2f}", "accuracy": f"{x:+.4f}"}.get(unit) or f"{x:.3g}"
    return text.replace("-", "−")


def figure(part):
    """The figure of a part with its interval."""
    if part["estimate"] is None:
        return "–"
    unit = part["criterion"]["unit"]
    text = number(part["estimate"], unit)
    if part["interval"]:
        low, high = (None if end is None else number(end, unit) for end in part["interval"])
        bounds = {(True, False): f"below {high}", (False, True): f"above {low}", (True, True): "no bound"}
        text += f" ({bounds.get((low is None, high is None), f'{low} to {high}')})"
    return text


def shown(claim):
    """The part whose figure stands for the claim, as the program takes it."""
    deciding = [part for part in claim["parts"][: claim["decided_by"]] if part["decides"] and part["verdict"] == claim["verdict"]]
    return (deciding or claim["parts"])[0]


def tried(claim):
    """A claim's name, and the network in which it is decided."""
    part = shown(claim) if claim["parts"] else None
    return f"`{claim['id']}`" + (f" in {part['regime']}" if part and part["regime"] else "")


def elsewhere(first, second):
    """The other networks in which the same was tried, and both ranges decide it otherwise, or leave it open."""
    own = {part["sentence"] for part in first["parts"][: first["decided_by"]] if part["decides"]}
    parts = list(zip(first["parts"], second["parts"]))[first["decided_by"] :]
    same = [(x, y) for x, y in parts if x["decides"] or x["sentence"] in own]
    alike = [(x["regime"], x["verdict"], x["decides"]) for x, y in same if x["verdict"] == y["verdict"]]
    opposite = {"holds": "fails", "fails": "holds"}.get(first["verdict"])
    otherwise = [regime for regime, verdict, _ in alike if verdict == opposite]
    opened = [regime for regime, verdict, decides in alike if decides and verdict == "inconclusive"]
    said = [(f"{opposite} in ", otherwise), ("open in ", opened)]
    return "".join("; " + words + ", ".join(dict.fromkeys(regimes)) for words, regimes in said if regimes)


def where(claim):
    """The network in which a claim is decided, to stand before its sentence."""
    regime = shown(claim)["regime"] if claim["parts"] else ""
    return f"in {regime}, " if regime else ""


def settled(first, second):
    alike = first["verdict"] == second["verdict"] and first["verdict"] in DECIDED
    return f"**{DECIDED[first['verdict']]}**" if alike else "open"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def the_claims(first, second):
    rows = []
    for a, b in zip(first["claims"], second["claims"]):
        one = [figure(shown(claim)) if claim["parts"] else "–" for claim in (a, b)]
        rows.append([tried(a), a["sentence"], WORDS[a["verdict"]], one[0], WORDS[b["verdict"]], one[1], settled(a, b)])
    heads = [f"seeds {seeds_of(answer)}" for answer in (first, second)]
    return table(["claim", "that …", heads[0], "figure (95 % interval)", heads[1], "figure (95 % interval)", "settled"], rows)


def the_parts(first, second):
    rows = []
    for a, b in zip(first["claims"], second["claims"]):
        for x, y in zip(a["parts"], b["parts"]) if len(a["parts"]) > 1 else []:
            beside = "" if x["decides"] else "beside: "
            words = [WORDS[x["verdict"]], figure(x), WORDS[y["verdict"]], figure(y)]
            rows.append([f"`{a['id']}`", x["regime"], beside + x["sentence"], *words, settled(x, y)])
    return table(["claim", "regime", "part", "verdict", "figure", "verdict", "figure", "settled"], rows)


def the_theory(first, second):
    def short(x):
        return "–" if x is None else f"{x:.4g}".replace("-", "−")

    rows = []
    for a, b in zip(first["claims"], second["claims"]):
        for x, y in zip(a["theory"], b["theory"]):
            cells = [[short(z["predicted"]), f"{short(z['measured'])} ({short(z['difference_in_standard_errors'])} SE)"] for z in (x, y)]
            rows.append([f"`{a['id']}`", x["what"], *cells[0], *cells[1]])
    heads = [f"{word}, seeds {seeds_of(answer)}" for answer in (first, second) for word in ("predicted", "measured")]
    return table(["claim", "figure", *heads], rows)


def the_reasons(first, second):
    """Why what is open stays open, in the program's words."""
    lines = []
    for a, b in zip(first["claims"], second["claims"]):
        if settled(a, b) == "open":
            told = [f"seeds {seeds_of(answer)}: {WORDS[c['verdict']]}{'; ' + c['detail'] if c['detail'] else ''}" for answer, c in ((first, a), (second, b))]
            asked = f"What decides: {a['criterion']}. " if a["verdict"] != "not_tested" else ""
            lines.append(f"- `{a['id']}`. {asked}" + ". ".join(told) + ".")
    return "\n".join(lines)


def the_count(first, second):
    pairs = list(zip(first["claims"], second["claims"]))
    of = {word: [a["id"] for a, b in pairs if settled(a, b) == f"**{word}**"] for word in DECIDED.values()}
    lines = [f"Of {len(pairs)} claims {sum(map(len, of.values()))} are settled."]
    for word, ids in of.items():
        if ids:
            lines.append(f"- *{word}*: " + ", ".join(f"`{name}`" for name in ids))
    lines.append("- open: " + ", ".join(opened(pairs)))
    return "\n".join(lines)


def the_answer(first, second):
    """The settled claims in a few lines."""
    pairs = list(zip(first["claims"], second["claims"]))
    lines = []
    for word, begins in (("holds", "Hold"), ("fails", "Fail")):
        sentences = [f"{where(a)}{a['sentence']} (`{a['id']}`{elsewhere(a, b)})" for a, b in pairs if settled(a, b) == f"**{word}**"]
        if sentences:
            lines += ["", f"**{begins}**", ""] + [f"- {sentence}" for sentence in sentences]
    # What decides these are several parts, in one network or in several.
    of_part = [(a, b) for a, b in pairs if settled(a, b) == "**in part**"]
    parts = [f"- {a['sentence']} (`{a['id']}`). {both_details(a, b)} *What decides*: {a['criterion']}." for a, b in of_part]
    if parts:
        lines += ["", "**Hold in part**", ""] + parts
    lines += ["", "**Open**, with what each range says", "", "- " + "; ".join(opened(pairs))]
    lines += ["", "*Inconclusive*: the interval does not lie beyond a threshold, or a learning rate that may be as good gives another "
              "verdict, or too many runs did not arrive in time."]  # fmt: skip
    return "\n".join(lines[1:])


def both_details(first, second):
    """Which parts of a claim hold and which do not, in both ranges of seeds."""
    both = dict.fromkeys([first["detail"], second["detail"]])
    return " Or, with the other seeds: ".join(detail[:1].upper() + detail[1:] + "." for detail in both)


def the_short(first, second):
    """The question's answer in three sentences, each as far as both ranges of seeds decide it alike."""
    parts = {}
    for a, b in zip(first["claims"], second["claims"]):
        for x, y in zip(a["parts"], b["parts"]):
            parts.setdefault((a["id"], x["regime"], x["sentence"]), (x, y))

    def pair(claim, sentence):
        x, y = parts.get((claim, "shallow", sentence), ({"verdict": None},) * 2)
        return (x, y) if x["verdict"] == y["verdict"] and x["verdict"] in ("holds", "fails") else None

    said = []
    same = pair("same-functions", "in evaluation, f64")
    if same:
        can = {"holds": "can be written with eq. 3, and then computes the same", "fails": "cannot be written with eq. 3"}
        said.append(f"A network that was trained with eqs. 1 and 2 {can[same[0]['verdict']]}.")
    steps = pair("faster-learning", "batch norm learns faster, in steps")
    if steps:
        ratios = " and ".join(f"{part['estimate']:.1f}" for part in steps)
        said.append(f"While it is trained, eq. 3 took {ratios} times as many steps to the same accuracy.")
    accuracy = pair("omit-in-practice", "bn ends with a higher accuracy than affine")
    if accuracy:
        points = " and ".join(f"{100 * part['estimate']:.1f}" for part in accuracy)
        than = "higher" if accuracy[0]["estimate"] > 0 else "lower"
        said.append(f"At the end, the test accuracy of eqs. 1 and 2 was {points} percentage points {than}.")
    about = "The two figures are those of two ranges of seeds, in an MLP of three hidden layers on MNIST." if steps or accuracy else ""
    return "**In short.** " + " ".join(said) + f" {about} [All claims, and where they fail or stay open](#why)." if said else ""


def opened(pairs):
    """The claims that are open, with both verdicts where these differ."""
    words = lambda a, b: " and ".join(dict.fromkeys([WORDS[a["verdict"]], WORDS[b["verdict"]]]))
    return [f"`{a['id']}` ({words(a, b)})" for a, b in pairs if settled(a, b) == "open"]


def first_table(printed):
    """The first table that the program printed, with its title."""
    return printed.split("\n\n|", 1)[0].strip() + "\n\n|" + printed.split("\n\n|", 1)[1].split("\n\n", 1)[0]


def write(page, text, blocks):
    """Writes the text with these blocks in their places."""
    for name, block in blocks.items():
        pattern = re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.S)
        if not pattern.search(text):
            sys.exit(f"{page} has no place for {name}")
        text = pattern.sub(lambda match: f"{match[1]}{block}\n{match[2]}", text)
    page.write_text(text)


# --- figures -------------------------------------------------------------------------------------


def save(drawing, name):
    FIGURES.mkdir(parents=True, exist_ok=True)
    drawing.savefig(FIGURES / f"{name}.png", dpi=110, bbox_inches="tight")
    plt.close(drawing)


def arm_of(part):
    """The arm whose share of bn's gain a part is about."""
    arms = part["arms"]
    is_share = part["criterion"] and part["criterion"]["unit"] == "share"
    return arms[-1] if is_share and arms[1:2] == ["bn"] else None


def within(interval, low, high):
    return [min(max(end if end is not None else (low if i == 0 else high), low), high) for i, end in enumerate(interval)]


def draw_shares(both):
    """Share of bn's gain that each arm keeps."""
    low, high = -0.5, 2.0
    drawing, axes = plt.subplots(1, len(REGIMES), figsize=(11, 3.4), sharey=True)
    for regime, axis in zip(REGIMES, axes):
        names = {}
        for i, answer in enumerate(both):
            for claim in answer["claims"]:
                for part in claim["parts"]:
                    arm = arm_of(part)
                    if part["regime"] != regime or part["estimate"] is None or arm not in ARMS or (i, arm) in names:
                        continue
                    names[i, arm] = part
        arms = [arm for arm in ARMS if any((i, arm) in names for i in (0, 1))]
        for place, arm in enumerate(arms):
            for i in (0, 1):
                part = names.get((i, arm))
                if part is None or part["interval"] is None:
                    continue
                at = place + (-0.15, 0.15)[i]
                axis.plot([at, at], within(part["interval"], low, high), color=RANGES[i], lw=1.6, alpha=alpha(part))
                estimate = min(max(part["estimate"], low), high)
                axis.plot([at], [estimate], marker="os"[i], ms=4, color=RANGES[i], ls="none", alpha=alpha(part))
        axis.set_xticks(range(len(arms)), arms, rotation=90)
        axis.set_xlim(-0.6, max(len(arms), 1) - 0.4)
        axis.set_title(regime)
        for height, style in ((0, "-"), (0.5, ":"), (1, "-")):
            axis.axhline(height, color="#888888", lw=0.8, ls=style)
        axis.set_ylim(low, high)
        if not arms:
            axis.text(0.5, 0.5, "no gap\nor no interval", ha="center", va="center", transform=axis.transAxes, color="#666666")
    axes[0].set_ylabel("share of bn's gain kept\n0: as slow as affine, 1: as fast as bn")
    legend(drawing, both)
    save(drawing, "shares")


def alpha(part):
    """What has no verdict is faint."""
    return 0.3 if part["verdict"] == "inconclusive" else 1


def legend(drawing, both):
    marks = [plt.Line2D([], [], color=RANGES[i], marker="os"[i], ms=4) for i in (0, 1)]
    words = [f"seeds {seeds_of(answer)}" for answer in both]
    drawing.legend(marks, words, loc="upper center", ncols=2, bbox_to_anchor=(0.5, 1.08))


def draw_renewing(both):
    """What renewing the statistics is worth, by the lag."""
    drawing, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True)
    colours = {"2,048 samples": "#0072B2", "64 samples": "#E69F00", "4 samples": "#D55E00"}
    for answer, axis in zip(both, axes):
        parts = next(claim for claim in answer["claims"] if claim["id"] == "stale-parameters")["parts"]
        lines = {}
        for part in parts:
            if part["along"] and part["interval"]:
                lines.setdefault(part["along"]["line"], []).append((part["along"]["x"], part["estimate"], *part["interval"]))
        for samples, points in lines.items():
            lags, middle, low, high = zip(*sorted(points))
            axis.plot(lags, middle, marker="o", ms=3, color=colours[samples], label=samples)
            axis.fill_between(lags, low, high, color=colours[samples], alpha=0.2, lw=0)
        axis.axhline(0, color="#888888", lw=0.8)
        axis.set_xscale("log")
        axis.set_yscale("symlog", linthresh=0.02)
        axis.set_xlabel("lag in steps")
        axis.set_title(f"seeds {seeds_of(answer)}")
    axes[0].set_ylabel("ln L(old) − ln L(renewed)\nabove 0: renewing helps")
    lines, words = axes[0].get_legend_handles_labels()
    drawing.legend(lines, words, title="statistics of", loc="upper center", ncols=3, bbox_to_anchor=(0.5, 1.14))
    save(drawing, "renewing")


def accuracies(folder):
    """Final validation accuracy of the tuning runs by learning rate; a run that diverged counts as guessing."""
    rows = {}
    with open(folder / "runs.csv", newline="") as file:
        for row in csv.DictReader(file):
            score = 0.1 if row["status"] == "diverged" else float(row["validation_accuracy"] or "nan")
            if row["status"] in ("completed", "diverged"):
                rows.setdefault(float(row["optimizer.lr"]), []).append(score)
    return sorted((rate, sorted(scores)) for rate, scores in rows.items())


def train_rates(arguments, data):
    """Trains what the picture of rates shows, of the runs by which rates are chosen; where some are there, nothing."""
    for regime in RATED:
        record = arguments.out / data / regime / "affine" / "experiment.json"
        for arm in RATED_ARMS:
            out = arguments.out / "tuning" / data / regime
            if (out / arm / "experiment.json").is_file():
                continue
            configuration = json.loads(record.read_text())["configuration"]
            configuration |= {"name": arm, "variants": [arm], "seeds": TUNING_SEEDS, "sweep": {"optimizer.lr": TRIED_RATES}}
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"{arm}.json"
                path.write_text(json.dumps(configuration))
                subprocess.run([arguments.program, "run", path, "--out", out, "--quiet"], check=True, stdout=subprocess.DEVNULL)


def draw_rates(tuning):
    """Accuracy against the learning rate."""
    drawing, axes = plt.subplots(1, len(RATED), figsize=(10, 3.2), sharey=True)
    for regime, axis in zip(RATED, axes):
        for arm, (colour, dash, marker) in RATED_ARMS.items():
            points = accuracies(tuning / regime / arm)
            rates = [rate for rate, _ in points]
            axis.plot(rates, [statistics.median(scores) for _, scores in points], color=colour, ls=dash, marker=marker, ms=3, label=arm)
            axis.fill_between(rates, [s[0] for _, s in points], [s[-1] for _, s in points], color=colour, alpha=0.15, lw=0)
        axis.set_xscale("log")
        axis.set_xlabel("learning rate")
        axis.set_title(regime)
    axes[0].set_ylabel("final validation accuracy\nmedian and range over tuning seeds")
    axes[0].legend()
    save(drawing, "rates")


# Colours of the lines beyond which a part holds, and fails.
THRESHOLDS = {"holds": "#009E73", "fails": "#CC79A7"}
# What is drawn along an axis; a plain number has no unit.
UNITS = {"ratio": "ratio", "accuracy": "difference in accuracy", "share": "share", "number": ""}


def draw_claims(both):
    """The figures that decide each claim, in the network in which it is decided, with their thresholds."""
    claims = [pair for pair in zip(*(answer["claims"] for answer in both)) if any(p["estimate"] is not None for p in pair[0]["parts"])]
    columns = 4
    rows = math.ceil(len(claims) / columns)
    drawing, axes = plt.subplots(rows, columns, figsize=(13, 2.3 * rows), squeeze=False)
    for axis in axes.flat[len(claims) :]:
        axis.axis("off")
    for pair, axis in zip(claims, axes.flat):
        draw_claim(pair, axis)
    drawing.tight_layout(rect=(0, 0, 1, 0.98))
    legend_at = [plt.Line2D([], [], color=RANGES[i], marker="os"[i], ms=4) for i in (0, 1)]
    legend_at += [plt.Line2D([], [], color=colour, ls="--", lw=1) for colour in THRESHOLDS.values()]
    names = [f"seeds {seeds_of(answer)}" for answer in both] + [f"{side} beyond this line" for side in THRESHOLDS]
    drawing.legend(legend_at, names, loc="upper right", ncols=4)
    save(drawing, "claims")


def draw_claim(pair, axis):
    drawn = [k for k, part in enumerate(pair[0]["parts"]) if part["criterion"] and any(c["parts"][k]["estimate"] is not None for c in pair)]
    # What stands beside, and what other networks say, is left to the table: it may be of another size.
    places = [k for k in drawn if k < pair[0]["decided_by"] and pair[0]["parts"][k]["decides"]] or drawn[:7]
    unit = pair[0]["parts"][places[0]]["criterion"]["unit"]
    # One axis has one unit.
    places = [k for k in places if pair[0]["parts"][k]["criterion"]["unit"] == unit]
    ends = []
    for height, k in enumerate(places):
        for side, colour in THRESHOLDS.items():
            ((_, threshold),) = pair[0]["parts"][k]["criterion"][side].items()
            axis.vlines(threshold, -height - 0.5, -height + 0.5, color=colour, lw=1, ls="--")
            ends.append(threshold)
        for i, claim in enumerate(pair):
            part = claim["parts"][k]
            if part["estimate"] is None:
                continue
            interval = [part["estimate"] if end is None else end for end in part["interval"] or [part["estimate"]] * 2]
            at = -height + (0.13, -0.13)[i]
            axis.plot(interval, [at, at], color=RANGES[i], lw=1.6, alpha=alpha(part))
            axis.plot([part["estimate"]], [at], marker="os"[i], ms=3.5, color=RANGES[i], ls="none", alpha=alpha(part))
            ends.extend(interval)
    if unit == "ratio" and min(ends) > 0:
        axis.set_xscale("log")
        log_ticks(axis.xaxis)
    elif min(ends) > 0 and max(ends) > 1e6 * min(ends):
        axis.set_xscale("log")
    else:
        axis.locator_params(axis="x", nbins=5)
    if unit == "share":
        low, high = max(min(ends), -1), min(max(ends), 3)
        room = 0.08 * (high - low)
        axis.set_xlim(low - room, high + room)
    regimes = [pair[0]["parts"][k]["regime"] for k in places]

    def label(k, regime):
        sentence = pair[0]["parts"][k]["sentence"]
        if len(set(regimes)) == 1:
            return in_lines(sentence)
        return regime if regimes.count(regime) == 1 else f"{regime}, {sentence.split(', ')[-1]}"

    labels = [label(k, regime) for k, regime in zip(places, regimes)]
    axis.set_yticks([-height for height in range(len(places))], labels, fontsize=6.5)
    axis.set_ylim(-len(places) + 0.4, 0.6)
    axis.tick_params(axis="x", labelsize=7, which="both")
    axis.set_xlabel(UNITS[unit], fontsize=7, labelpad=1)
    axis.set_title(pair[0]["id"], fontsize=9, fontweight="bold")


def in_lines(text):
    return textwrap.fill(text, 24)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("results/claims"), help="the folder of `bn-exp claims`")
    parser.add_argument("--seeds", action="append", help="a range, given twice (default 0-23 and 200-223)")
    parser.add_argument("--program", type=Path, default=ROOT / "target" / "release" / "bn-exp")
    parser.add_argument("--published", action="store_true", help="read results/published instead of asking the program")
    arguments = parser.parse_args()
    arguments.seeds = arguments.seeds or ["0-23", "200-223"]
    if len(arguments.seeds) != 2:
        parser.error("two ranges of seeds are compared")
    kept = found(arguments)
    both = [one["answer"] for one in kept]
    write(README, README.read_text(), {"short": the_short(*both), "answer": the_answer(*both)})
    write(PAGE, FRAME.read_text(), {
        "answer": the_answer(*both),
        "count": the_count(*both),
        "claims": the_claims(*both),
        "open": the_reasons(*both),
        "parts": the_parts(*both),
        "theory": the_theory(*both),
        "printed-1": first_table(kept[0]["printed"]),
        "printed-2": first_table(kept[1]["printed"]),
    })
    with plt.rc_context(STYLE):
        draw_shares(both)
        draw_renewing(both)
        draw_claims(both)
        if not arguments.published:
            train_rates(arguments, both[0]["data"])
            draw_rates(arguments.out / "tuning" / both[0]["data"])
    print(f"{PAGE.relative_to(ROOT)}, {FIGURES.relative_to(ROOT)} and a part of {README.name} are written")


if __name__ == "__main__":
    main()
