/** Events that are remembered: more than a page of a replay, and some 100 KB. */
const MAX_REMEMBERED = 1_000;

/** Which events came lately, so that a reconnect gives none twice. */
export class RecentEvents {
  readonly #connectionOf = new Map<string, number>();
  #connection = 0;

  startConnection(): void {
    this.#connection++;
  }

  /** Within one connection nothing comes twice, but one record may have made several events: only earlier ones count. */
  isNew(key: string): boolean {
    if (!key) return true;
    const connection = this.#connectionOf.get(key) ?? this.#connection;
    this.#connectionOf.delete(key);
    this.#connectionOf.set(key, connection);
    const [oldest = key] = this.#connectionOf.keys();
    if (this.#connectionOf.size > MAX_REMEMBERED) this.#connectionOf.delete(oldest);
    return connection === this.#connection;
  }
}
