/** RFC 3339, section 5.6, `date-time`. A leap second (60) is none that JavaScript can name. */
const RFC3339 =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$/;

/** 9999-12-31T23:59:59.999Z: later years have another form. */
const MAX_TIME_MS = 253_402_300_799_999;

/**
 * RFC 3339 in UTC with milliseconds, from the same in any form or from milliseconds since 1970; `undefined` for
 * anything else, or a time before 1970 or after the year 9999.
 */
export function formatEventTime(value: unknown): string | undefined {
  if (typeof value === "number") return formatTimeMs(value);
  if (typeof value !== "string" || value.length > 40 || !RFC3339.test(value)) return undefined;
  const timeMs = Date.parse(value.toUpperCase());
  const time = formatTimeMs(timeMs);
  // Date.parse turns 30 February into 2 March; where no zone moves the day, it must come back as it was.
  return time !== undefined && /Z$/i.test(value) && time.slice(0, 10) !== value.slice(0, 10) ? undefined : time;
}

/** The same from milliseconds since 1970. */
export function formatTimeMs(timeMs: number): string | undefined {
  return timeMs >= 0 && timeMs <= MAX_TIME_MS ? new Date(timeMs).toISOString() : undefined;
}
