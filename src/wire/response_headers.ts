import { SERVER_VERSION } from "../model/server_version.ts";

/** Headers of every stream. Nothing on the way may cache, buffer, compress or guess at it. */
export const STREAM_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream",
  "cache-control": "private, no-store, no-transform",
  "x-accel-buffering": "no",
  "x-content-type-options": "nosniff",
  "x-server-version": SERVER_VERSION,
};

/** Names the close reason of a stream that is refused in a way that the client should retry. */
export const REFUSED_HEADER = "x-tidegate-refused";
