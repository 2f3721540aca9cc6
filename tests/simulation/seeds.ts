/**
 * The seeds of a test: `--seed=17` behind `--` is that one alone, `--seed=17-2000` a range, and so is the variable
 * `TIDEGATE_SEED`; else 1 to `count`.
 *
 * @throws TypeError when what was asked for is neither
 */
export function seeds(
  count: number,
  args: readonly string[] = Deno.args,
  variable: string | null = Deno.env.get("TIDEGATE_SEED") ?? null,
): readonly [first: number, last: number] {
  const asked = args.find((arg) => arg.startsWith(ARGUMENT))?.slice(ARGUMENT.length) ?? variable ?? `1-${count}`;
  const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(asked) ?? [];
  if (first === undefined) {
    throw new TypeError(`Cannot use the seed "${asked}": it is neither a number nor a range as 1-99`);
  }
  return [Number(first), Number(last)];
}

const ARGUMENT = "--seed=";
