/// <reference lib="dom" />

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 240;
const HEIGHT = 48;

/** A small line chart of the last two minutes, drawn by hand: no library knows these numbers better. */
export class Chart {
  readonly element: SVGSVGElement;
  readonly #line = part("path", "chart-line");
  readonly #area = part("path", "chart-area");
  readonly #capacity: number;

  /** @param capacity points from edge to edge; fewer are drawn at the right, where the present is */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.element = document.createElementNS(SVG, "svg");
    this.element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute("preserveAspectRatio", "none");
    this.element.setAttribute("class", "chart");
    // The number beside it says what can be said in words.
    this.element.setAttribute("aria-hidden", "true");
    this.element.append(this.#area, this.#line);
  }

  draw(values: readonly number[]): void {
    const shown = values.slice(-this.#capacity);
    if (shown.length < 2) return;
    const highest = Math.max(1, ...shown);
    const step = WIDTH / (this.#capacity - 1);
    const points = shown.map((value, index) => {
      const x = WIDTH - (shown.length - 1 - index) * step;
      return `${x.toFixed(1)} ${(HEIGHT - 2 - value / highest * (HEIGHT - 6)).toFixed(1)}`;
    });
    const line = `M${points.join("L")}`;
    this.#line.setAttribute("d", line);
    const left = (WIDTH - (shown.length - 1) * step).toFixed(1);
    this.#area.setAttribute("d", `${line}L${WIDTH} ${HEIGHT}L${left} ${HEIGHT}Z`);
  }
}

function part(name: "path", style: string): SVGPathElement {
  const made = document.createElementNS(SVG, name);
  made.setAttribute("class", style);
  return made;
}
