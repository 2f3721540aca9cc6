/** What an event's data look like to people. */

/** The publisher's part of the data, on one line; the style cuts it. Data that were cut before lack their end. */
export function peek(text: string): string {
  return /,"data":(.*?)\}?$/.exec(text)?.[1]?.slice(0, 200) ?? "";
}

/** Indented where it is whole JSON, else as it is. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
