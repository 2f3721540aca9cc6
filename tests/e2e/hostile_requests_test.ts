/**
 * Requests that no client of ours would write, byte by byte: what the server itself refuses is pinned here too, because the
 * routes rely on it. After each of them the gateway still delivers to a stream that was open all along.
 */
import assert from "node:assert/strict";
import { RunningGateway } from "./running_gateway.ts";

interface HostileRequest {
  readonly name: string;
  readonly bytes: string | Uint8Array;
  /** The first line of each answer begins so, after its version; none when the connection just ends. */
  readonly answers: readonly string[];
  /** What the server of an older Deno answers instead; as good. */
  readonly olderAnswers?: readonly string[];
  /** Somewhere in the answer. */
  readonly holds?: RegExp;
}

const STREAM = "/api/v1/events/stream";
/** `TOKEN` becomes a good token of alice's. */
const AUTHORIZATION = "Authorization: Bearer TOKEN\r\n";
const JSON_TYPE = "Content-Type: application/json\r\n";

function get(path: string, headers = "", version = "1.1", host = "Host: h\r\n"): string {
  return `GET ${path} HTTP/${version}\r\n${host}${headers}Connection: close\r\n\r\n`;
}

function post(headers: string, body: string): string {
  return `POST /api/v1/events HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${AUTHORIZATION}${headers}\r\n${body}`;
}

function stream(headers: string, query = ""): string {
  return get(STREAM + query, AUTHORIZATION + headers);
}

/** A stream opens, and the gap that an unreadable cursor is comes before anything else. */
const INVALID_CURSOR = /event: stream\.opened\n[^]*"reason":"invalid-cursor"/;

const REQUESTS: readonly HostileRequest[] = [
  // The head.
  {
    name: "two Host headers",
    bytes: get("/livez", "", "1.1", "Host: a\r\nHost: b\r\n"),
    answers: ["400"],
    olderAnswers: ["200"],
  },
  { name: "HTTP/1.0 without Host", bytes: get("/livez", "", "1.0", ""), answers: ["200"] },
  {
    name: "HTTP/1.0 on the stream",
    bytes: get(STREAM, AUTHORIZATION, "1.0", ""),
    answers: ["200"],
    holds: /event: stream\.opened/,
  },
  { name: "HTTP/2.0 as text", bytes: get("/livez", "", "2.0"), answers: ["400"] },
  {
    name: "100 requests in one write",
    bytes: "GET /livez HTTP/1.1\r\nHost: h\r\n\r\n".repeat(99) + get("/livez"),
    answers: Array.from({ length: 100 }, () => "200"),
  },
  {
    name: "the hello of TLS",
    bytes: new Uint8Array([0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3, ...Array.from({ length: 194 }, () => 7)]),
    answers: ["400"],
  },
  { name: "bytes that are no request", bytes: "\u0000\u0001\u0002\r\n\r\n", answers: ["400"] },
  { name: "a NUL in a header", bytes: get("/livez", "X: a\u0000b\r\n"), answers: ["400"] },
  { name: "a bare CR in a header", bytes: get("/livez", "X: a\rB: c\r\n"), answers: ["400"] },
  { name: "an escape sequence in User-Agent", bytes: get("/livez", "User-Agent: \u001b[31m\r\n"), answers: ["400"] },
  { name: "a folded header", bytes: get("/livez", "X: a\r\n b\r\n"), answers: ["400"] },
  {
    name: "300 headers",
    bytes: get("/livez", Array.from({ length: 300 }, (_, n) => `X-${n}: 1\r\n`).join("")),
    answers: ["400"],
    olderAnswers: ["431"],
  },
  {
    name: "headers __proto__ and constructor",
    bytes: stream("__proto__: x\r\nconstructor: y\r\n"),
    answers: ["200"],
    holds: /event: stream\.opened/,
  },
  {
    name: "a User-Agent of 60,000 characters",
    bytes: get("/livez", `User-Agent: ${"u".repeat(60_000)}\r\n`),
    answers: ["200"],
  },
  {
    name: "a URL of 66,000 characters",
    bytes: get(`/livez?${"a".repeat(66_000)}`),
    answers: ["400"],
    olderAnswers: ["414"],
  },
  { name: "a URL of 8,000 characters", bytes: get(`/livez?${"a".repeat(8_000)}`), answers: ["200"] },
  { name: "a path that climbs", bytes: get("/../../etc/passwd"), answers: ["404"] },
  { name: "a path that looks like a host", bytes: get("//evil.example/livez"), answers: ["404"] },
  {
    name: "the method CONNECT",
    bytes: "CONNECT evil:80 HTTP/1.1\r\nHost: evil:80\r\nConnection: close\r\n\r\n",
    answers: ["405"],
  },
  { name: "the method TRACE", bytes: get("/livez").replace("GET", "TRACE"), answers: ["405"] },
  {
    name: "a method of nobody's",
    bytes: get("/livez").replace("GET", "FOO_BAR"),
    answers: ["405"],
    holds: /allow: GET, HEAD, OPTIONS/i,
  },
  // The stream.
  {
    name: "an upgrade to WebSocket",
    bytes: stream("Connection: Upgrade\r\nUpgrade: websocket\r\n"),
    answers: ["400"],
    holds: /"code":"invalid-request"/,
  },
  {
    name: "Range and conditions on the stream",
    bytes: stream("Range: bytes=0-5\r\nIf-None-Match: *\r\nIf-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n"),
    answers: ["200"],
    holds: /event: stream\.opened/,
  },
  {
    name: "Last-Event-ID twice",
    bytes: stream("Last-Event-ID: events:0:0\r\nLast-Event-ID: events:0:1\r\n"),
    answers: ["200"],
    holds: INVALID_CURSOR,
  },
  { name: "Last-Event-ID in UTF-8", bytes: stream("Last-Event-ID: é€\r\n"), answers: ["200"], holds: INVALID_CURSOR },
  {
    name: "Last-Event-ID of 60,000 characters",
    bytes: stream(`Last-Event-ID: ${"x".repeat(60_000)}\r\n`),
    answers: ["200"],
    holds: INVALID_CURSOR,
  },
  {
    name: "Last-Event-ID of 66,000 characters",
    bytes: stream(`Last-Event-ID: ${"x".repeat(66_000)}\r\n`),
    answers: ["400"],
    olderAnswers: ["200"],
  },
  {
    name: "an entry ID of Redis with a special meaning",
    bytes: stream("Last-Event-ID: events:0:$\r\n"),
    answers: ["200"],
    holds: INVALID_CURSOR,
  },
  { name: "an empty Last-Event-ID", bytes: stream("Last-Event-ID: \r\n"), answers: ["200"], holds: /"resumed":false/ },
  {
    name: "Authorization twice",
    bytes: get(STREAM, AUTHORIZATION + AUTHORIZATION),
    answers: ["401"],
    holds: /"code":"token-malformed"/,
  },
  {
    name: "percent signs that escape nothing",
    bytes: stream("", "?scope=%&scope=%zz"),
    answers: ["400"],
    holds: /"code":"invalid-scope"/,
  },
  {
    name: "a scope that is no UTF-8",
    bytes: stream("", "?scope=user:%ff%c0%af"),
    answers: ["403"],
    holds: /"code":"scope-not-granted"/,
  },
  {
    name: "empty scopes and events",
    bytes: stream("", "?scope=&scope=,,&event="),
    answers: ["200"],
    holds: /"scopes":\["user:alice","global"\]/,
  },
  {
    name: "one scope a thousand times",
    bytes: stream("", `?${"scope=user:alice&".repeat(1_000)}`),
    answers: ["200"],
    holds: /"scopes":\["user:alice"\]/,
  },
  {
    name: "a novel past 2^53",
    bytes: stream("", "?scope=novel:9007199254740993"),
    answers: ["403"],
    holds: /novel:9007199254740993/,
  },
  {
    name: "a zero-width space in a scope",
    bytes: stream("", "?scope=user:alice%E2%80%8B"),
    answers: ["400"],
    holds: /"code":"invalid-scope"/,
  },
  // The body.
  {
    name: "Content-Length and Transfer-Encoding",
    bytes: post(`${JSON_TYPE}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n`, "2\r\n{}\r\n0\r\n\r\n"),
    answers: ["400"],
  },
  {
    name: "two different Content-Lengths",
    bytes: post(`${JSON_TYPE}Content-Length: 2\r\nContent-Length: 3\r\n`, "{} "),
    answers: ["400"],
  },
  ...["5, 5", "-1", "1e3", "0x2", "18446744073709551616"].map((length) => (
    {
      name: `Content-Length: ${length}`,
      bytes: post(`${JSON_TYPE}Content-Length: ${length}\r\n`, "{}"),
      answers: ["400"],
    }
  )),
  ...["xchunked", "chunked, chunked", "gzip"].map((encoding) => (
    {
      name: `Transfer-Encoding: ${encoding}`,
      bytes: post(`${JSON_TYPE}Transfer-Encoding: ${encoding}\r\n`, "2\r\n{}\r\n0\r\n\r\n"),
      answers: ["400"],
    }
  )),
  {
    name: "a chunk whose length is no number",
    bytes: post(`${JSON_TYPE}Transfer-Encoding: chunked\r\n`, "zz\r\n{}\r\n0\r\n\r\n"),
    answers: [],
    olderAnswers: ["400"],
  },
  {
    name: "2 MiB in chunks, of no announced length",
    bytes: post(
      `${JSON_TYPE}Transfer-Encoding: chunked\r\n`,
      `10000\r\n${" ".repeat(65_536)}\r\n`.repeat(32) + "0\r\n\r\n",
    ),
    answers: ["413"],
  },
  { name: "an announced gigabyte", bytes: post(`${JSON_TYPE}Content-Length: 1073741824\r\n`, "{}"), answers: ["413"] },
  { name: "no body", bytes: post(JSON_TYPE, ""), answers: ["400"], holds: /"code":"invalid-json"/ },
  { name: "no Content-Type", bytes: post("Content-Length: 2\r\n", "{}"), answers: ["415"] },
  {
    name: "a form with a file",
    bytes: post("Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 3\r\n", "--x"),
    answers: ["415"],
  },
  ...["gzip", "gzip, gzip", "br", "zstd", "identity", "x"].map((encoding) => (
    {
      name: `Content-Encoding: ${encoding}`,
      bytes: post(`${JSON_TYPE}Content-Encoding: ${encoding}\r\nContent-Length: 2\r\n`, "{}"),
      answers: ["415"],
    }
  )),
];

for (const { name, bytes, answers, olderAnswers = answers, holds } of REQUESTS) {
  const outcome = answers.length === 0 ? "ended without an answer" : `answered ${[...new Set(answers)]}`;
  Deno.test(`hostile request: ${name}: ${outcome}, and nobody is harmed`, async () => {
    await using running = await RunningGateway.start();
    const token = await running.tokenFor("alice");
    await using canary = await running.stream(token);
    await canary.next();
    const written = typeof bytes === "string" ? new TextEncoder().encode(bytes.replaceAll("TOKEN", token)) : bytes;
    const text = await exchange(running.gateway.port, written, answers.length, holds);
    const statuses = [...text.matchAll(/HTTP\/1\.[01] (\d+) /g)].map(([, status]) => status);
    assert.deepEqual(statuses, statuses.join() === olderAnswers.join() ? olderAnswers : answers, text.slice(0, 400));
    if (holds !== undefined) assert.match(text, holds);
    assert.doesNotMatch(text, /\bat .*\.ts|Error:/, "no stack leaves");
    const answer = await running.publish(token, { event: "test.numbered-sent", scope: "user:alice", data: name });
    assert.equal(answer.status, 201, await answer.text());
    assert.equal(JSON.parse((await canary.next()).data).data, name);
  });
}

/** What comes back for the bytes: until the server ends the connection, or everything that is expected is there. */
async function exchange(port: number, bytes: Uint8Array, answerCount: number, holds = /^/): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(64 * 1024);
  let text = "";
  // The server may end the connection before it has read everything.
  const writing = writeAll(connection, bytes).catch(() => {});
  while (answerCount === 0 || !isWhole(text, answerCount) || !holds.test(text)) {
    const length = await connection.read(buffer).catch(() => null);
    if (length === null) break;
    text += decoder.decode(buffer.subarray(0, length), { stream: true });
  }
  await writing;
  return text;
}

/** Whether the last of so many answers has come to the end of its body; a stream has none. */
function isWhole(text: string, answerCount: number): boolean {
  const heads = [...text.matchAll(/HTTP\/1\.[01] \d+ [^]*?\r\n\r\n/g)];
  const last = heads[answerCount - 1];
  if (last === undefined) return false;
  const [, length = "0"] = /^content-length: (\d+)/im.exec(last[0]) ?? [];
  return text.length >= last.index + last[0].length + Number(length);
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
