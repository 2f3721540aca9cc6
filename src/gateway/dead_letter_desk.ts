import type { EventBus } from "../bus/event_bus.ts";
import type { Config } from "../config/schema.ts";
import type { DeadLetter } from "../pipeline/dead_letter.ts";
import { createPipeline, type Pipeline } from "../pipeline/pipeline.ts";
import { letterKey, readLetters, readRetryStates, type RetryState } from "./dead_letter_notes.ts";
import { type DeadLetterPlace, deadLetterPlaces } from "./dead_letter_place.ts";
import { retryLetters, type RetryResult } from "./dead_letter_retry.ts";
import { openBus } from "./open_bus.ts";

/** Which letters are meant. */
export interface LetterFilter {
  readonly source?: string | undefined;
  readonly reason?: string | undefined;
  /** Letters with this state alone; all without. */
  readonly states?: readonly RetryState["kind"][];
  /** Most letters that are given, the oldest of each place first. */
  readonly limit: number;
}

/** A letter and where its retry stands. */
export interface KeptLetter {
  readonly letter: DeadLetter;
  readonly state: RetryState;
}

/** What was found. */
export interface FoundLetters {
  readonly letters: readonly KeptLetter[];
  /** How many more fit the filter. */
  readonly more: number;
  /** Entries that are no letters: written by something else, or by another version. */
  readonly unreadable: number;
}

/** Looks through the configured places of dead letters, from outside of a gateway, and tries letters again. */
export class DeadLetterDesk implements AsyncDisposable {
  readonly #config: Config;
  readonly #buses: Map<string, EventBus>;
  readonly #places: Places;

  private constructor(config: Config, buses: Map<string, EventBus>, places: Places) {
    this.#config = config;
    this.#buses = buses;
    this.#places = places;
  }

  /** @throws Error when the configuration keeps dead letters nowhere, or where only the gateway's process gets at them */
  static async open(config: Config): Promise<DeadLetterDesk> {
    const { source } = config.mappings.deadLetter;
    const buses = new Map<string, EventBus>();
    if (source !== undefined) buses.set(source, await openFromOutside(config, source));
    const [first, ...others] = deadLetterPlaces(config.mappings, buses.get(source ?? ""));
    if (first === undefined) {
      throw new Error(
        "Cannot look for dead letters: they are kept nowhere. Set mappings.deadLetter.source or mappings.deadLetter.file",
      );
    }
    return new DeadLetterDesk(config, buses, [first, ...others]);
  }

  /** Each letter once, however often and in how many places it was written. */
  async find({ source, reason, states: wanted, limit }: LetterFilter): Promise<FoundLetters> {
    const states = await this.#states();
    const seen = new Set<string>();
    const letters: KeptLetter[] = [];
    let more = 0;
    let unreadable = 0;
    for (const place of this.#places) {
      for await (const letter of readLetters(place)) {
        if (letter === undefined) {
          unreadable++;
          continue;
        }
        const key = letterKey(letter);
        const state = states.get(key) ?? WAITING;
        if (source !== undefined && letter.source !== source) continue;
        if (reason !== undefined && letter.reason !== reason) continue;
        if (seen.has(key) || wanted?.includes(state.kind) === false) continue;
        seen.add(key);
        if (letters.length < limit) letters.push({ letter, state });
        else more++;
      }
    }
    return { letters, more, unreadable };
  }

  /** Tries letters again; see {@link retryLetters}. */
  async retry(
    letters: readonly DeadLetter[],
    options: { readonly isDryRun: boolean; readonly isAgain: boolean },
  ): Promise<ReadonlyMap<DeadLetter, RetryResult>> {
    const busOf = (source: string) => this.#busOf(source);
    const context = { pipeline: pipelineOf(this.#config), places: this.#places, busOf, now: () => new Date() };
    return await retryLetters(letters, { ...context, ...options });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#buses.values()].map((bus) => bus[Symbol.asyncDispose]()));
  }

  /** The first place decides; what another notes beyond it is of a time in which the first was not configured. */
  async #states(): Promise<ReadonlyMap<string, RetryState>> {
    const states = new Map<string, RetryState>();
    for (const place of this.#places) {
      for (const [key, state] of await readRetryStates(place)) if (!states.has(key)) states.set(key, state);
    }
    return states;
  }

  async #busOf(source: string): Promise<EventBus> {
    const open = this.#buses.get(source);
    if (open !== undefined) return open;
    const bus = await openFromOutside(this.#config, source);
    this.#buses.set(source, bus);
    return bus;
  }
}

/** The first decides whose a letter is. */
type Places = readonly [DeadLetterPlace, ...DeadLetterPlace[]];

const WAITING: RetryState = { kind: "waiting" };

async function openFromOutside({ sources }: Config, source: string): Promise<EventBus> {
  const settings = Object.hasOwn(sources, source) ? sources[source] : undefined;
  if (settings === undefined) throw new Error(`Cannot open the source ${JSON.stringify(source)}: it is not configured`);
  if (settings.kind === "embedded" && settings.embedded.path === undefined) {
    throw new Error(`Cannot open the source ${source}: it is an embedded log in the memory of the gateway's process`);
  }
  return await openBus(source, settings);
}

function pipelineOf({ sources, mappings }: Config): Pipeline {
  return createPipeline({
    mappings,
    formats: new Map(Object.entries(sources).map(([source, { format }]) => [source, format])),
  });
}
