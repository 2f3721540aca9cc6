/// <reference lib="dom" />
import type { AdminApi } from "./admin_api.ts";
import type { Problem, Sample, Source, Status } from "./answers.ts";
import { Chart } from "./chart.ts";
import { element, fill } from "./element.ts";
import { bytes, clock, count, duration } from "./figures.ts";
import { TailCard } from "./tail_card.ts";
import { repeat, type View } from "./view.ts";

const SAMPLES = 120;
const SAMPLE_EVERY_MS = 1_000;

/** What the node does at this moment: figures, events, sources, errors. */
export function liveView(api: AdminApi): View {
  const over = new AbortController();
  const tiles = FIGURES.map((figure) => new Tile(figure));
  const sources = element("div", { class: "rows" });
  const problems = element("ul", { class: "problems" });
  const journal = element("p", { class: "hint" });
  const tail = new TailCard(api, over.signal);
  let samples: Sample[] = [];
  repeat(
    async () => {
      const since = samples.at(-1)?.atMs ?? 0;
      const answer = await api.get<{ samples: readonly Sample[] }>("stats", { since: String(since) });
      samples = [...samples, ...answer.samples].slice(-SAMPLES);
      for (const tile of tiles) tile.draw(samples);
    },
    SAMPLE_EVERY_MS,
    over.signal,
  );
  return {
    element: element(
      "div",
      { class: "live" },
      element("section", { class: "tiles", "aria-label": "Figures" }, ...tiles.map((tile) => tile.element)),
      tail.element,
      element(
        "div",
        { class: "side" },
        element(
          "section",
          { class: "card", "aria-labelledby": "sources" },
          element("h2", { id: "sources" }, "Sources"),
          sources,
          journal,
        ),
        element(
          "section",
          { class: "card", "aria-labelledby": "problems" },
          element("h2", { id: "problems" }, "Last warnings and errors"),
          problems,
        ),
      ),
    ),
    update: (status) => {
      fill(sources, ...status.sources.map(sourceRow));
      journal.textContent = `Journal: ${count(status.journal.frames)} of ${count(status.journal.maxFrames)} events, ` +
        `${bytes(status.journal.bytes)} of ${bytes(status.journal.maxBytes)}`;
      fill(problems, ...problemRows(status));
    },
    leave: () => over.abort(),
  };
}

interface Figure {
  readonly title: string;
  readonly unit: string;
  readonly of: (sample: Sample) => number;
  /** Above zero it is worth a look. */
  readonly isTrouble?: boolean;
}

const FIGURES: readonly Figure[] = [
  { title: "Open streams", unit: "", of: ({ streams }) => streams },
  { title: "Records in", unit: "/s", of: ({ rates }) => rates.records },
  { title: "Deliveries", unit: "/s", of: ({ rates }) => rates.deliveries },
  { title: "Dropped records", unit: "/s", of: ({ rates }) => rates.dropped },
  { title: "Dead letters", unit: "/s", of: ({ rates }) => rates.deadLetters, isTrouble: true },
  { title: "Shed for slow readers", unit: "/s", of: ({ rates }) => rates.shed, isTrouble: true },
  { title: "Event loop delay", unit: " ms", of: ({ loopDelayMs }) => loopDelayMs },
];

class Tile {
  readonly element: HTMLElement;
  readonly #figure: Figure;
  readonly #value = element("output", { class: "value" }, "–");
  /** The scale of the chart, and what a look that came a second too late would have missed. */
  readonly #peak = element("p", { class: "hint peak" });
  readonly #chart = new Chart(SAMPLES);

  constructor(figure: Figure) {
    this.#figure = figure;
    this.element = element(
      "div",
      { class: "card tile" },
      element("h2", {}, figure.title),
      this.#value,
      this.#peak,
      this.#chart.element,
    );
  }

  draw(samples: readonly Sample[]): void {
    const { of, unit } = this.#figure;
    const values = samples.map(of);
    const now = values.at(-1);
    const peak = Math.max(0, ...values);
    this.#value.textContent = now === undefined ? "–" : `${count(round(now))}${unit}`;
    this.#peak.textContent = peak === 0 ? "" : `peak ${count(round(peak))}`;
    this.element.classList.toggle("trouble", this.#figure.isTrouble === true && (now ?? 0) > 0);
    this.#chart.draw(values);
  }
}

function round(value: number): number {
  return value < 10 ? Math.round(value * 10) / 10 : Math.round(value);
}

function sourceRow({ source, kind, state, records, ms, partitions }: Source): HTMLElement {
  const lag = records !== null
    ? records === 0 ? "up to date" : `${count(records)} behind`
    : ms !== null
    ? ms === 0 ? "up to date" : `${duration(ms / 1_000)} behind`
    : "lag unknown";
  // None are known of a source that was never reached.
  const of = partitions.length < 2 ? "" : `, ${partitions.length} partitions`;
  return element(
    "div",
    { class: "row" },
    element("span", { class: `pill ${state === "up" ? "good" : state === "down" ? "bad" : "warn"}` }, state),
    element("strong", {}, source),
    element("span", { class: "hint" }, `${kind}${of}`),
    element("span", { class: "end" }, lag),
  );
}

function problemRows({ problems }: Status): HTMLElement[] {
  if (problems.length === 0) return [element("li", { class: "hint" }, "None since the node started.")];
  return problems.slice(0, 20).map((problem: Problem) =>
    element(
      "li",
      { class: problem.level === "warning" ? "warn-line" : "bad-line" },
      element("time", { datetime: problem.at }, clock(problem.at)),
      element("span", { class: "logger" }, problem.logger.replace(/^tidegate\./, "")),
      element("span", {}, problem.message),
    )
  );
}
