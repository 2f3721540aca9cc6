import * as z from "zod";
import { settingRegistry } from "./setting_registry.ts";

declare const unit: unique symbol;

/** A parsed duration; {@link section} turns a key `heartbeat` with it into `heartbeatMs: number`. */
export type Milliseconds = number & { readonly [unit]: "ms" };

/** How durations are written: digits and one unit, `250ms`, `15s`, `10m`, `24h`, `7d`. */
export const DURATION = /^(0|[1-9][0-9]{0,8})(ms|s|m|h|d)$/;

const MILLISECONDS_PER_UNIT = new Map([["ms", 1], ["s", 1_000], ["m", 60_000], ["h", 3_600_000], ["d", 86_400_000]]);

/** A setting that is a duration between two others, both included and written as in the file: `duration("1s", "1h")`. */
export function duration(min: string, max: string) {
  const minMs = parseDuration(min);
  const maxMs = parseDuration(max);
  if (minMs === undefined || maxMs === undefined) {
    throw new TypeError(`Cannot bound a duration by "${min}" and "${max}": not durations`);
  }
  const allowed = `a duration from ${min} to ${max}, with its unit: ms, s, m, h or d`;
  return z.string({ error: `must be ${allowed}` })
    .regex(DURATION, { error: `must be ${allowed}`, abort: true })
    .refine((text) => isBetween(parseDuration(text), minMs, maxMs), { error: `must be ${allowed}` })
    .transform((text) => (parseDuration(text) ?? 0) as Milliseconds)
    .register(settingRegistry, { unit: "ms", allowed });
}

/** Milliseconds of a duration as written; `undefined` when the text is none. */
export function parseDuration(text: string): number | undefined {
  const [, digits, unitName] = DURATION.exec(text) ?? [];
  const factor = MILLISECONDS_PER_UNIT.get(unitName ?? "");
  return factor === undefined ? undefined : Number(digits) * factor;
}

function isBetween(value: number | undefined, min: number, max: number): boolean {
  return value !== undefined && value >= min && value <= max;
}
