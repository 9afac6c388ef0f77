#!/usr/bin/env python3
"""Opens reports in a browser as their readers do, and looks for what is wrong with them.

    scripts/check_report.py REPORT.html…                        # these
    scripts/check_report.py --program target/release/bn-exp     # reports of experiments that it trains first
    scripts/check_report.py REPORT.html --shots DIR             # and keeps pictures of them

Each is opened by Chromium from a file, with the network off, on a screen and on a telephone, by day and by night. Every
figure has to be drawn; arms have to go and come back in all of them; each seed, seconds and the other scale have to change
what they are to change; the table and the CSV of a figure have to hold its numbers, under headings that are words; each panel
has to say in words what it shows; on paper each has to fill its place; nothing may be asked of any network, and
nothing written to the console. Chromium comes from the system (Debian: chromium), playwright from PyPI.
"""

import argparse
import csv
import io
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import needs

try:
    from playwright.sync_api import sync_playwright
except ImportError as missing:
    needs.stop_without(missing)

ROOT = Path(__file__).resolve().parent.parent
SCREENS = [(1280, 900, "light"), (1280, 900, "dark"), (390, 844, "light"), (390, 844, "dark")]
# What stands on the page: the drawn traces of each panel by arm.
DRAWN = """() => Array.from(document.querySelectorAll('.panel'), (panel) => ({
    traces: (panel.data || []).map(({ legendgroup: arm, name, visible, x, meta }) => ({ arm, name, visible, x, meta })),
    scale: panel._fullLayout && panel._fullLayout.yaxis.type,
    width: panel.scrollWidth - panel.clientWidth,
    counts_steps: 'overSteps' in panel.dataset,
    svg: Boolean(panel.querySelector('svg.main-svg')),
}))"""
# Each arm that is drawn with a colour that it has somewhere.
COLOURS = """() => Array.from(document.querySelectorAll('.panel[data-drawn]')).flatMap((panel) => panel._fullData
    .filter((trace) => trace.visible === true).flatMap(({ legendgroup: arm, line, marker }) => [line, marker]
        .filter((look) => look && typeof look.color === 'string').map((look) => [arm, look.color])))"""


class Fault(Exception):
    pass


def ensure(holds, what):
    if not holds:
        raise Fault(what)


def chromium():
    found = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
    if not found:
        sys.exit("no Chromium was found; on Debian: apt-get install chromium")
    return found


def draw_all(page):
    """Scrolls through the page, as figures are drawn when they come into view."""
    for panel in page.locator(".panel").all():
        panel.scroll_into_view_if_needed()
        panel.locator("svg.main-svg").first.wait_for(timeout=20000)


def look(page):
    draw_all(page)
    drawn = page.evaluate(DRAWN)
    ensure(drawn, "there is no figure")
    for i, panel in enumerate(drawn):
        ensure(panel["svg"] and panel["traces"], f"panel {i} is not drawn")
        ensure(panel["width"] <= 1, f"panel {i} is wider than its place by {panel['width']} px")
    ensure(page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 1, "the page is wider than the screen")
    return drawn


def visible(drawn, arm):
    return [trace for panel in drawn for trace in panel["traces"] if trace["arm"] == arm and trace["visible"]]


def switch(page, selector):
    """The figures after a switch is turned; a switch that would change nothing is not there to be turned."""
    if not page.locator(selector).is_visible():
        return page.evaluate(DRAWN)
    page.locator(selector).click()
    page.wait_for_timeout(300)
    return page.evaluate(DRAWN)


def check_arms(page, drawn):
    colours = lambda: set(map(tuple, page.evaluate(COLOURS)))
    all_colours = colours()
    for box in page.locator("input[name=arm]").all():
        arm = box.get_attribute("value")
        before = len(visible(drawn, arm))
        ensure(box.is_visible() == (before > 0), f"{arm}, of which {before} traces are drawn, is offered: {box.is_visible()}")
        if before == 0:
            continue
        selector = f"input[name=arm][value={json.dumps(arm)}]"
        ensure(not visible(switch(page, selector), arm), f"{arm} is switched off, and still there")
        ensure(colours() == {pair for pair in all_colours if pair[0] != arm}, f"without {arm} another arm has another colour")
        ensure(len(visible(switch(page, selector), arm)) == before, f"{arm} does not come back")
        ensure(colours() == all_colours, f"{arm} comes back, and an arm has another colour than before")


def check_all_and_none(page, drawn):
    """All arms go and come back at once; bands are drawn where there are few arms."""
    arms = [box.get_attribute("value") for box in page.locator("input[name=arm]").all() if box.is_visible()]
    ensure(page.locator("#at_once").is_visible() == (len(arms) > 2), f"all and none are offered for {len(arms)} arms, or are not")
    of_arms = lambda of: sum(bool(trace["visible"]) for panel in of for trace in panel["traces"] if trace["arm"])
    if len(arms) > 2:
        ensure(of_arms(switch(page, "button[name=none]")) == 0, "an arm is left when none is asked for")
        one = switch(page, f"input[name=arm][value={json.dumps(arms[0])}]")
        ensure(of_arms(one) == len(visible(one, arms[0])) > 0, "one arm alone is not shown alone")
        ensure(of_arms(switch(page, "button[name=all]")) == of_arms(drawn), "not every arm comes back")
    crowded = 0
    for i, panel in enumerate(drawn):
        bands = [trace for trace in panel["traces"] if trace["meta"] == "band"]
        is_crowded = len({trace["arm"] for trace in bands}) > 6
        crowded += is_crowded
        ensure(all(bool(trace["visible"]) != is_crowded for trace in bands), f"panel {i}: bands of many arms, or none of few")
    ensure(page.locator("#crowded").is_visible() == (crowded > 0), "it is said that bands are left out where none is, or not said")


def check_controls(page, drawn):
    seeds = sum(trace["name"] == "each seed" for panel in drawn for trace in panel["traces"])
    shown = lambda of: sum(trace["visible"] for panel in of for trace in panel["traces"] if trace["name"] == "each seed")
    ensure(shown(drawn) == 0, "single seeds are shown before they are asked for")
    offered = lambda name: page.locator(f"input[name={name}]").is_visible()
    ensure(offered("seeds") == (seeds > 0), "each seed can be asked for where there is none, or cannot where there is one")
    ensure(shown(switch(page, "input[name=seeds]")) == seeds, "not every seed is shown when it is asked for")
    switch(page, "input[name=seeds]")
    other = switch(page, "input[name=other_scale]")
    changed = sum(a["scale"] != b["scale"] for a, b in zip(drawn, other))
    could = page.evaluate("Array.from(document.querySelectorAll('.panel[data-can-be-log]')).length")
    ensure(changed == could, f"{changed} of {could} scales changed")
    ensure(offered("other_scale") == (could > 0), "another scale is offered where there is none, or is not where there is one")
    switch(page, "input[name=other_scale]")
    seconds = switch(page, "input[name=seconds]")
    moved = [a for a, b in zip(drawn, seconds) if any(t["x"] != u["x"] for t, u in zip(a["traces"], b["traces"]))]
    # Step 0, where some runs end that diverge, is second 0.
    over_steps = sum(panel["counts_steps"] and any(x for trace in panel["traces"] for x in trace["x"]) for panel in drawn)
    ensure(len(moved) == over_steps, f"{len(moved)} of {over_steps} panels over steps count seconds")
    ensure(offered("seconds") or over_steps == 0, "seconds are not offered where steps are counted")
    switch(page, "input[name=seconds]")


def check_ticks(page):
    """Numbers along an axis can be told apart."""
    count = "Math.max(0, ...Array.from(document.querySelectorAll('.panel'), (p) => p.querySelectorAll('.xtick').length))"
    most = page.evaluate(count)
    ensure(most <= 16, f"a panel has {most} numbers along its horizontal axis")


def check_resized(page, width, height):
    """Panels keep their height, whatever is done to the window."""
    heights = "Array.from(document.querySelectorAll('.panel'), (p) => [p, p.querySelector('svg.main-svg')].map((x) => x.clientHeight))"
    before = page.evaluate(heights)
    ensure(all(abs(panel - svg) <= 1 for panel, svg in before), f"figures are not as high as their places: {before}")
    for other in [700, 390, width]:
        page.set_viewport_size({"width": other, "height": height})
        page.wait_for_timeout(500)
        after = page.evaluate(heights)
        ensure(after == before, f"panels were {before} high, and are {after} where the window is {other} px wide")
    draw_all(page)


def check_numbers(page, drawn):
    """The table and the CSV of every figure have each of its points."""
    first = 0
    for i, figure in enumerate(page.locator("figure").all()):
        count = figure.locator(".panel").count()
        points = sum(sum(x is not None for x in trace["x"]) for panel in drawn[first : first + count] for trace in panel["traces"])
        first += count
        # At one click: nothing has to be opened before.
        with page.expect_download() as download:
            figure.locator(".download").click()
        text = Path(download.value.path()).read_text()
        found = list(csv.reader(io.StringIO(text)))
        ensure(len(found) == points + 1, f"figure {i}: {len(found) - 1} rows in the CSV, {points} points")
        ensure(len({len(row) for row in found}) == 1, f"figure {i}: rows of the CSV differ in length")
        figure.locator(".numbers summary").click()
        figure.locator(".numbers table").wait_for(timeout=5000)
        rows = figure.locator(".numbers tbody tr").count()
        ensure(rows == min(points, 300), f"figure {i}: {rows} rows in the table, {points} points")
        headings = figure.locator(".numbers thead th").all_inner_texts()
        raw = {"x", "y", "x_axis", "x_low", "x_high", ""} & set(headings)
        ensure(not raw, f"figure {i}: headings that a reader does not understand: {sorted(raw)}")
        cells = [row.split("\t") for row in figure.locator(".numbers tbody").inner_text().split("\n")]
        empty = [heading for heading, column in zip(headings, zip(*cells)) if not any(column)]
        ensure(not empty or rows < points, f"figure {i}: columns in which nothing stands: {empty}")
        figure.locator(".numbers summary").click()


def check_words(page, drawn):
    """Each panel says in words what it shows, with the arms that are switched on and a number."""
    words = [panel.get_attribute("aria-label") for panel in page.locator(".panel").all()]
    ensure(len(set(words)) == len(words), "two panels say the same of themselves")
    for said, panel in zip(words, drawn):
        absent = [t["arm"] for t in panel["traces"] if t["arm"] and t["meta"] != "band" and t["arm"] not in said]
        ensure(not absent and any(letter.isdigit() for letter in said), f"it is not said of {absent} what is shown: {said}")


def check_gaps(page):
    """Nothing that scrolls sideways adds to the space below it."""
    gap = "(place) => place.getBoundingClientRect().bottom - place.lastElementChild.getBoundingClientRect().bottom"
    for place in page.locator("section > .wide").all():
        ensure(place.evaluate(gap) <= 10, f"a gap of {place.evaluate(gap)} px stands below the table of the arms")


def check_paper(page):
    """On paper every panel fills its place, whatever the window was; afterwards all is as before."""
    sizes = """() => Array.from(document.querySelectorAll('.panel:not([hidden])'), (panel) => {
        const [place, drawn] = [panel.parentElement, panel.querySelector('svg.main-svg')].map((x) => x.clientWidth);
        const abreast = Math.min(panel.parentElement.childElementCount, Number(panel.parentElement.style.getPropertyValue('--abreast')));
        return [Math.round((place - 16 * (abreast - 1)) / abreast), drawn, place]; })"""
    before = page.evaluate(sizes)
    closed = "document.querySelectorAll('details:not(.numbers):not([open])').length"
    on_screen = page.evaluate(closed)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    ensure(page.evaluate(closed) == 0, "on paper a part is closed")
    for i, (wanted, drawn, place) in enumerate(page.evaluate(sizes)):
        ensure(place > 600, f"figures are {place} px wide on paper")
        ensure(abs(wanted - drawn) <= 2, f"panel {i} is {drawn} px wide on paper, and its place {wanted}")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.wait_for_timeout(500)
    ensure(page.evaluate(sizes) == before, "after printing figures are not as wide as before")
    ensure(page.evaluate(closed) == on_screen, "after printing a part is open that was closed")


def check(browser, path, shots):
    faults = []
    for width, height, theme in SCREENS:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme, offline=True)
        page = context.new_page()
        page.on("console", lambda message: faults.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on("request", lambda request: request.url.startswith(("file:", "data:", "blob:")) or faults.append(f"asks for {request.url}"))
        begun = time.monotonic()
        page.goto(path.resolve().as_uri())
        page.locator(".panel").first.scroll_into_view_if_needed()
        page.locator("svg.main-svg").first.wait_for(timeout=20000)
        seconds = time.monotonic() - begun
        try:
            drawn = look(page)
            check_words(page, drawn)
            check_gaps(page)
            check_paper(page)
            if (width, theme) == (1280, "light"):
                check_arms(page, drawn)
                check_all_and_none(page, drawn)
                check_controls(page, drawn)
                check_ticks(page)
                check_numbers(page, drawn)
                check_resized(page, width, height)
            ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
            ensure((sum(map(int, ground[4:-1].split(","))) < 200) == (theme == "dark"), f"the ground is {ground} when it is {theme}")
        except Fault as fault:
            faults.append(str(fault))
        if shots:
            shots.mkdir(parents=True, exist_ok=True)
            page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=shots / f"{path.parent.name}-{path.stem}-{width}-{theme}.png", full_page=True)
        print(f"{path}: {width} px, {theme}: first figure after {seconds:.1f} s" + "".join(f"\n  FAULT {fault}" for fault in faults))
        context.close()
        if faults:
            break
    return not faults


def made(program, folder):
    """Reports of small experiments: tuned and with a target, at several settings, of many arms, with every probe; and of claims."""
    shared = ["--out", folder, "--quiet"]
    net = ["--set", "seeds=3", "--set", "data.train=600", "--set", "train.steps=60", "--set", "log.evaluate_every=5"]
    probes = ["--set", "log.landscape_every=10", "--set", "log.activations_every=20", "--set", "log.gradients_every=20"]
    calls = [
        ["run", "quickstart", *shared, *net, *probes, "--set", "name=tuned", "--set", "compare.target_accuracy=0.3"],
        ["run", "quickstart", *shared, *net, "--set", "name=settings", "--set", "sweep={\"optimizer.lr\": [0.1, 100], \"train.batch_size\": [8, 16]}",
         "--set", 'variants=["none", "affine", "standardize", "bn"]'],
        ["run", "quickstart", *shared, *net, "--set", "name=many", "--set", "sweep={}", "--set", "compare={}",
         "--set", 'variants=["none", "affine", "standardize", "bn", "center", "scale", "detached", "frozen"]'],
        ["run", "quickstart", *shared, "--set", "name=plain", "--set", "train.steps=5", "--set", "sweep={}", "--set", "compare={}", "--set", "seeds=1"],
    ]
    for call in calls:
        subprocess.run([program, *call], check=True, stdout=subprocess.DEVNULL)
    claims = ["claims", "faster-learning", "stale-parameters", "--data", "glyphs", "--seeds", "0-1", "--quiet", "--out", Path(folder) / "claims"]
    subprocess.run([program, *claims], check=True, stdout=subprocess.DEVNULL)
    places = [Path(folder) / name for name in ("tuned", "settings", "many", "plain", "claims/glyphs")]
    both = Path(folder) / "both.html"
    subprocess.run([program, "report", *places, "--output", both], check=True, stdout=subprocess.DEVNULL)
    for place in places:
        subprocess.run([program, "report", place], check=True, stdout=subprocess.DEVNULL)
    return [place / "report.html" for place in places] + [both]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("reports", nargs="*", type=Path)
    options.add_argument("--program", help="make reports with this program")
    options.add_argument("--shots", type=Path, help="keep pictures in this folder")
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        reports = options.reports + (made(options.program, folder) if options.program else [])
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        good = [check(browser, path, options.shots) for path in reports]
        browser.close()
    print(f"{sum(good)} of {len(good)} reports are as they should be")
    return 0 if good and all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
