/** What of the end of a poll's answer its collector cannot know. */
export interface PollEnd {
  /** The cursor behind all that is told. */
  readonly cursor: string;
  /** Whether it is told up to the head of this moment. */
  readonly caughtUp: boolean;
}

/**
 * Turns the blocks of an event stream into the answer of `GET /api/v1/events/poll`: the same events, under the same ids,
 * as JSON. `data` is taken over as the text that it is, so that no number in it loses a digit.
 */
export class PollAnswer {
  readonly #events: string[] = [];
  readonly #gaps: string[] = [];
  #cursor: string | undefined;

  get isEmpty(): boolean {
    return this.#events.length === 0 && this.#gaps.length === 0;
  }

  /** The last `id` that was taken; `undefined` before the first. */
  get cursor(): string | undefined {
    return this.#cursor;
  }

  /** Takes whole blocks as a stream would send them: events and gaps. */
  take(blocks: Uint8Array): void {
    for (const text of decoder.decode(blocks).split("\n\n")) if (text !== "") this.#takeBlock(text);
  }

  /** The answer as JSON text. */
  text({ cursor, caughtUp }: PollEnd): string {
    return `{"cursor":${
      JSON.stringify(cursor)
    },"events":[${this.#events}],"gaps":[${this.#gaps}],"caughtUp":${caughtUp}}`;
  }

  #takeBlock(text: string): void {
    const id = fieldOf(text, "id");
    const event = fieldOf(text, "event");
    // One line of JSON, see SSEMessage.toSSEFormat and control_events.ts.
    const data = fieldOf(text, "data") ?? "null";
    if (event === "stream.gap-detected") {
      const idMember = id === undefined ? "" : `"id":${JSON.stringify(id)},`;
      this.#gaps.push(`{${idMember}"eventsBefore":${this.#events.length},${data.slice(1)}`);
    } else this.#events.push(`{"id":${JSON.stringify(id)},"event":${JSON.stringify(event)},"data":${data}}`);
    this.#cursor = id ?? this.#cursor;
  }
}

function fieldOf(block: string, name: string): string | undefined {
  const line = block.split("\n").find((each) => each.startsWith(`${name}: `));
  return line?.slice(name.length + 2);
}

const decoder = new TextDecoder();
