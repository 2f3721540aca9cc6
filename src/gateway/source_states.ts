import type { SourceReadiness } from "../http/health_routes.ts";

type State = SourceReadiness["state"];

/** Which sources are attached, warming, up or down: what `/readyz` and the clients are told. */
export class SourceStates {
  readonly #states = new Map<string, State>();

  constructor(sources: Iterable<string>) {
    for (const source of sources) this.#states.set(source, "attaching");
  }

  /** True when this changed something. */
  set(source: string, state: State): boolean {
    if (this.#states.get(source) === state) return false;
    this.#states.set(source, state);
    return true;
  }

  get(source: string): State {
    return this.#states.get(source) ?? "attaching";
  }

  list(): readonly SourceReadiness[] {
    return [...this.#states].map(([source, state]) => ({ source, state }));
  }
}
