/** RFC 3339, section 5.6, `date-time`. A leap second (60) is none that JavaScript can name. */
const RFC3339 =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$/;
/** UTC with milliseconds or whole seconds, from 1970 on, on a day that every month has. */
const CANONICAL =
  /^(?:19[7-9][0-9]|[2-9][0-9]{3})-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{3})?Z$/;

/** 9999-12-31T23:59:59.999Z: later years have another form. */
const MAX_TIME_MS = 253_402_300_799_999;

/**
 * RFC 3339 in UTC with milliseconds, from the same in any form or from milliseconds since 1970; `undefined` for
 * anything else, or a time before 1970 or after the year 9999.
 */
export function formatEventTime(value: unknown): string | undefined {
  if (typeof value === "number") return formatTimeMs(value);
  if (typeof value !== "string" || value.length > 40) return undefined;
  // Most producers write this form on most days: nothing needs to be computed.
  if (CANONICAL.test(value)) return value.length === 24 ? value : `${value.slice(0, 19)}.000Z`;
  if (!RFC3339.test(value)) return undefined;
  const time = formatTimeMs(Date.parse(value.toUpperCase()));
  // Date.parse turns 30 February into 2 March; where no zone moves the day, it must come back as it was.
  return time !== undefined && /Z$/i.test(value) && time.slice(0, 10) !== value.slice(0, 10) ? undefined : time;
}

/** Records come in the order of time: all of one second share its text, which costs most. */
let knownSecond = { startMs: 0, text: "1970-01-01T00:00:00." };

/** The same from milliseconds since 1970. */
export function formatTimeMs(timeMs: number): string | undefined {
  if (!(timeMs >= 0 && timeMs <= MAX_TIME_MS)) return undefined;
  const millis = Math.floor(timeMs) % 1_000;
  const startMs = Math.floor(timeMs) - millis;
  if (knownSecond.startMs !== startMs) {
    knownSecond = { startMs, text: new Date(startMs).toISOString().slice(0, "YYYY-MM-DDThh:mm:ss.".length) };
  }
  return `${knownSecond.text}${millis < 10 ? "00" : millis < 100 ? "0" : ""}${millis}Z`;
}
