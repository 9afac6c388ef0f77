"use strict";
// Unpacks plotly and the figures, draws each panel when it comes into view, and draws anew what the controls change.
(async () => {
  const controls = document.getElementById("controls");
  const all = (selector, inside = document) => Array.from(inside.querySelectorAll(selector));

  function trouble(words) {
    const place = document.getElementById("trouble");
    place.textContent = words;
    place.hidden = false;
  }

  async function unpacked(id) {
    const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }

  if (typeof DecompressionStream === "undefined") {
    trouble("This browser is too old to draw the figures; the tables are complete.");
    return;
  }
  const { figures } = JSON.parse(await unpacked("data"));
  const plotly = document.createElement("script");
  plotly.textContent = await unpacked("plotly");
  document.head.append(plotly);

  // ------------------------------------------------------------------ what is asked for

  const asked = () => ({
    off: new Set(all("input[name=arm]", controls).filter((box) => !box.checked).map((box) => box.value)),
    seeds: controls.elements.seeds.checked,
    seconds: controls.elements.seconds.checked,
    other: controls.elements.other_scale.checked,
  });

  // All arms or none, where there are more than can be switched one by one in no time.
  function offerAtOnce() {
    const boxes = all("label:not([hidden]) input[name=arm]", controls);
    document.getElementById("at_once").hidden = boxes.length < 3;
    for (const [name, checked] of [["all", true], ["none", false]]) {
      controls.elements[name].addEventListener("click", () => {
        boxes.forEach((box) => (box.checked = checked));
        redraw();
      });
    }
  }

  // What would change nothing is not offered.
  const panels = figures.flatMap((figure) => figure.panels);
  const drawn = panels.flatMap((panel) => panel.traces);
  const offer = (box, is) => (box.closest("label").hidden = !is);
  offer(controls.elements.seeds, drawn.some((trace) => trace.name === "each seed"));
  offer(controls.elements.seconds, panels.some((panel) => Object.keys(panel.us_per_step || {}).length > 0));
  offer(controls.elements.other_scale, panels.some((panel) => panel.can_be_log));
  all("input[name=arm]", controls).forEach((box) => offer(box, drawn.some((trace) => trace.legendgroup === box.value)));
  offerAtOnce();
  all("fieldset", controls).forEach((group) => (group.hidden = all("label:not([hidden])", group).length === 0));
  controls.hidden = all("fieldset:not([hidden])", controls).length === 0;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // ------------------------------------------------------------------ a panel

  // Text for plotly, which would take tags and links in it for its own; a line ends where ours does.
  const plain = (text) =>
    String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("%{", "% {").replaceAll("\n", "<br>");

  // Bands of more arms than this hide each other.
  const MOST_BANDS = 6;
  const armsOf = (panel, off) =>
    new Set(panel.traces.filter((trace) => trace.meta === "band" && !off.has(trace.legendgroup)).map((trace) => trace.legendgroup));

  function traces(panel, { off, seeds, seconds }) {
    const times = seconds ? panel.us_per_step : null;
    const isOn = (trace) => !off.has(trace.legendgroup) && (trace.name !== "each seed" || seeds);
    const isCrowded = armsOf(panel, off).size > MOST_BANDS;
    const shown = (trace) => isOn(trace) && !(isCrowded && trace.meta === "band");
    return panel.traces.map((trace) => {
      const us = times ? times[trace.legendgroup] : null;
      return {
        ...trace,
        x: us ? trace.x.map((x) => (x === null ? null : (x * us) / 1e6)) : trace.x,
        visible: shown(trace),
        name: plain(trace.name),
        hovertemplate: `${plain(trace.legendgroup ? `${trace.legendgroup}, ${trace.name}` : trace.name)}${trace.text ? ", %{text}" : ""}: %{x:.4~g}, %{y:.4~g}<extra></extra>`,
      };
    });
  }

  // Round numbers that are told apart at a glance, however much or little a log axis spans, and written whole.
  function logTicks(values) {
    const positive = values.filter((value) => value > 0);
    const [low, high] = [Math.min(...positive), Math.max(...positive)];
    const decades = Math.log10(high / low);
    // Over many decades figures such as 0.000001 are not read at a glance.
    const written = { tickformat: decades > 6 ? "~e" : "~g" };
    if (!(decades > 0)) return written;
    if (decades > 2) return { ...written, dtick: Math.ceil(decades / 7) };
    if (decades > 0.8) return { ...written, dtick: "D2" };
    const [digit, power] = ((high - low) / 4).toExponential(0).split("e");
    return { ...written, dtick: `L${digit > 5 ? 10 : digit > 2 ? 5 : digit}e${power}` };
  }

  function axis(given = {}, values = []) {
    const lines = { gridcolor: colour("--grid"), linecolor: colour("--line"), zerolinecolor: colour("--line") };
    const words = given.ticktext ? { ticktext: given.ticktext.map(plain) } : {};
    const title = given.title ? { title: { text: plain(given.title.text) } } : {};
    const isLong = values.some((value) => Math.abs(value) >= 1e7);
    const format = given.type === "log" ? logTicks(values) : { exponentformat: isLong ? "e" : "none", separatethousands: true };
    return { automargin: true, ...format, ...lines, ...given, ...words, ...title };
  }

  // A long title in lines: on a telephone there is room for no more than this.
  const wrapped = (text) => (text.length > 40 ? text.replaceAll(", ", ",\n") : text);

  function layout(panel, { seconds, other }) {
    const own = panel.layout;
    const switched = other && panel.can_be_log ? { type: (own.yaxis || {}).type === "log" ? "linear" : "log" } : {};
    const all = (of) => panel.traces.flatMap((trace) => trace[of]);
    // What is seen along the horizontal axis: points, the ends of intervals, and lines across.
    const ends = panel.traces.flatMap(({ x, error_x: error }) =>
      error ? x.flatMap((at, i) => [at - error.arrayminus[i], at + error.array[i]]) : [],
    );
    const across = (own.shapes || []).map((shape) => shape.x0);
    const [x, y] = [axis(own.xaxis, [...all("x"), ...ends, ...across]), axis({ ...own.yaxis, ...switched }, all("y"))];
    if (seconds && panel.us_per_step) x.title = { text: "seconds of training steps" };
    // Of few steps each is named, and no half of one.
    else if (titleOf(own.xaxis) === "step" && Math.max(...all("x")) <= 5) x.dtick = 1;
    // Of a title in lines plotly puts the first higher.
    const text = plain(wrapped(panel.title));
    const lines = text.split("<br>").length;
    const above = lines > 1 ? 16 : 8;
    const title = { text, font: { size: 13 }, x: 0.02, xanchor: "left", y: 1, yref: "container", yanchor: "top", pad: { t: above } };
    const room = 12 + above + 15 * lines + (own.showlegend ? 24 : 0);
    return {
      showlegend: false,
      ...own,
      height: panel.height,
      title,
      margin: { t: room, r: 12, b: 46, l: 56 },
      xaxis: x,
      yaxis: y,
      hovermode: "closest",
      uirevision: `${seconds} ${other}`,
      legend: { orientation: "h", y: 1.01, yanchor: "bottom", font: { size: 11 } },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("--text"), family: "system-ui, sans-serif", size: 12 },
    };
  }

  // What a word of an axis stands for a value; the value itself where there are no words.
  const word = (axis, value) => {
    const at = axis && axis.ticktext ? axis.tickvals.findIndex((tick) => Math.abs(tick - value) < 0.4) : -1;
    return at < 0 ? value : axis.ticktext[at].replaceAll("\n", " ");
  };
  const titleOf = (axis) => (axis && axis.title && axis.title.text) || "";
  const short = (x) => (typeof x === "number" ? Number(x.toPrecision(6)) : x);
  const ends = ({ x, meta, error_x: error }, i) =>
    error && meta !== "unbounded" ? [x[i] - error.arrayminus[i], x[i] + error.array[i]].map(short) : ["", ""];

  // A panel for those who do not see it: its axis, and from where to where each line goes, or where each row lies. Edges of
  // bands and single seeds are left to the numbers below the figure.
  function inWords({ title }, panel, { off }) {
    const { xaxis, yaxis } = panel.layout;
    const rough = (x) => (typeof x === "number" ? Number(x.toPrecision(3)) : x);
    const said = (trace) => {
      const points = trace.x.map((_, i) => i).filter((i) => trace.x[i] !== null && trace.y[i] !== null);
      if (points.length === 0) return [];
      const [first, last] = [points[0], points[points.length - 1]];
      if (yaxis && yaxis.ticktext) {
        const [low, high] = ends(trace, first).map(rough);
        return [`${trace.name}: ${rough(trace.x[first])}${low === "" ? "" : `, interval ${low} to ${high}`}`];
      }
      const at = (i) => `${rough(trace.y[i])} at ${rough(word(xaxis, trace.x[i]))}`;
      const name = [trace.legendgroup, trace.name].filter(Boolean).join(", ");
      return [first === last ? `${name}: ${at(last)}` : `${name}: ${at(first)}, ${at(last)}`];
    };
    const shown = panel.traces.filter(({ legendgroup, meta, text }) => !off.has(legendgroup) && meta !== "band" && !text);
    const along = titleOf(xaxis) ? ` The horizontal axis is ${titleOf(xaxis)}.` : "";
    const head = [title, panel.title].filter(Boolean).join(": ");
    return `${head}.${along} ${shown.flatMap(said).join("; ")}. All numbers are in the table below the figure.`;
  }

  const configuration = {
    displayModeBar: matchMedia("(hover: hover)").matches ? "hover" : false,
    displaylogo: false,
    responsive: true,
    showSendToCloud: false,
    plotlyServerURL: "",
    modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
    toImageButtonOptions: { format: "svg" },
  };

  function draw(place) {
    const number = Number(place.closest("figure").dataset.figure);
    const panel = figures[number].panels[Number(place.dataset.panel)];
    const wanted = asked();
    place.dataset.drawn = "yes";
    // A panel all of whose arms are switched off is not shown: its axes would say nothing.
    place.hidden = panel.traces.every((trace) => wanted.off.has(trace.legendgroup));
    place.setAttribute("aria-label", inWords(figures[number], panel, wanted));
    // On paper it is as wide as its place is there, whatever the window is.
    const isOnPaper = document.documentElement.classList.contains("printing");
    const size = isOnPaper ? { width: place.clientWidth, height: place.clientHeight } : { autosize: true };
    return Plotly.react(place, traces(panel, wanted), { ...layout(panel, wanted), ...size }, configuration);
  }

  function redraw() {
    all(".panel[data-drawn]").forEach(draw);
    const { off } = asked();
    all(".key [data-arm]").forEach((arm) => (arm.hidden = off.has(arm.dataset.arm)));
    sayCrowded();
  }

  function sayCrowded() {
    const { off } = asked();
    document.getElementById("crowded").hidden = panels.every((panel) => armsOf(panel, off).size <= MOST_BANDS);
  }

  // ------------------------------------------------------------------ its numbers

  // One row a point: panel, arm, what of it, the two axes; and the ends of its interval where it has one.
  function rows(figure) {
    const body = [];
    for (const { title: panel, traces, layout: { xaxis, yaxis } } of figure.panels) {
      for (const trace of traces) {
        const { legendgroup: arm, name, x, y, text } = trace;
        x.forEach((at, i) => {
          if (at === null) return;
          const seed = text ? text[i].replace("seed ", "") : "";
          body.push([panel, arm, name, seed, titleOf(xaxis), word(xaxis, at), word(yaxis, y[i] ?? ""), ...ends(trace, i)]);
        });
      }
    }
    return [["panel", "arm", "what", "seed", "x_axis", "x", "y", "x_low", "x_high"], ...body];
  }

  // The same for a reader: headings in words, and no column in which nothing stands.
  function readable(figure) {
    const [, ...body] = rows(figure);
    const axes = [...new Set(figure.panels.map((panel) => titleOf(panel.layout.xaxis)))];
    const inRows = figure.panels.filter((panel) => panel.layout.yaxis && panel.layout.yaxis.ticktext).length;
    const areRows = inRows === figure.panels.length;
    const value = inRows === 0 ? "value" : areRows ? "row" : "row or value";
    const one = axes[0] === "step" ? "step (updates of the weights)" : axes[0] || (areRows ? "value" : "place");
    const along = axes.length > 1 ? "place on it" : one;
    const words = ["panel", "arm", "what", "seed", "horizontal axis", along, value, "interval from", "interval to"];
    const says = (i) => body.some((cells) => cells[i] !== "") && !(i === 4 && axes.length === 1);
    const kept = words.map((_, i) => i).filter(says);
    return [kept.map((i) => words[i]), ...body.map((cells) => kept.map((i) => cells[i]))];
  }

  // Text that begins like a formula gets a space in front, so that a spreadsheet does not compute it.
  function cell(value) {
    const text = String(value);
    const safe = typeof value === "string" && /^[=+\-@]/.test(text) ? ` ${text}` : text;
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  const MOST_ROWS = 300;

  function table(place, [header, ...body]) {
    const made = document.createElement("table");
    const isNumber = header.map((_, i) => body.some((cells) => typeof cells[i] === "number"));
    const row = (cells, kind) => {
      const line = document.createElement("tr");
      cells.forEach((value, i) => {
        const one = document.createElement(kind);
        one.textContent = typeof value === "number" ? String(Number(value.toPrecision(6))) : value;
        if (isNumber[i]) one.className = "number";
        line.append(one);
      });
      return line;
    };
    const head = document.createElement("thead");
    head.append(row(header, "th"));
    const rest = document.createElement("tbody");
    rest.append(...body.slice(0, MOST_ROWS).map((cells) => row(cells, "td")));
    made.append(head, rest);
    place.replaceChildren(made);
    if (body.length > MOST_ROWS) {
      const more = document.createElement("p");
      more.textContent = `These are the first ${MOST_ROWS} of ${body.length} rows; the CSV has all.`;
      place.prepend(more);
    }
  }

  for (const place of all("figure")) {
    const figure = figures[Number(place.dataset.figure)];
    const numbers = place.querySelector(".numbers");
    numbers.addEventListener("toggle", () => numbers.open && table(numbers.querySelector(".wide"), readable(figure)));
    place.querySelector(".download").addEventListener("click", () => {
      const text = rows(figure).map((cells) => cells.map(cell).join(",")).join("\n") + "\n";
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
      const name = `${place.closest("section").getAttribute("aria-label")} ${figure.title}`;
      link.download = `${name.toLowerCase().replace(/[^a-z0-9.]+/g, "-")}.csv`;
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }

  // ------------------------------------------------------------------ when things are drawn

  const watcher = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        watcher.unobserve(target);
        draw(target);
      }
    },
    { rootMargin: "300px" },
  );
  all(".panel").forEach((place) => watcher.observe(place));
  sayCrowded();
  controls.addEventListener("change", redraw);
  controls.addEventListener("submit", (event) => event.preventDefault());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  // On paper nothing can be opened. The numbers of the figures would fill it.
  const closed = [];
  addEventListener("beforeprint", () => {
    closed.push(...all("details:not(.numbers):not([open])"));
    closed.forEach((part) => (part.open = true));
    document.documentElement.classList.add("printing");
    all(".panel").forEach(draw);
  });
  addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    closed.splice(0).forEach((part) => (part.open = false));
    redraw();
  });
})();
