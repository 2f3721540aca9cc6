/** A queue in an array: append behind, take from the front, look anywhere. Nothing moves until half of it is used up. */
export class Deque<Item> {
  #items: (Item | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** The item at the place, counted from the front; `undefined` outside. */
  at(index: number): Item | undefined {
    return index < 0 ? undefined : this.#items[this.#head + index];
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item | undefined {
    const item = this.#items[this.#head];
    if (this.#head === this.#items.length) return undefined;
    this.#items[this.#head++] = undefined;
    if (this.#head > 32 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** The first place whose item satisfies a test that is false up to somewhere and true from there on; else the length. */
  firstWhere(isAtOrPast: (item: Item) => boolean): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const item = this.at(middle);
      if (item !== undefined && isAtOrPast(item)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
