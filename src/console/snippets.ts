/** What a stream is to be asked for. */
export interface ConnectWish {
  /** Of the gateway, without a slash at its end. */
  readonly url: string;
  /** Whose own scope is published to where no scope is asked for. */
  readonly subject: string;
  readonly scopes: readonly string[];
  readonly events: readonly string[];
  /** A token, or the shell's variable for one. */
  readonly token: string;
}

/** Ready to paste: the same stream from a terminal and from a page. */
export function snippets(wish: ConnectWish): readonly { readonly title: string; readonly code: string }[] {
  const { url, token } = wish;
  const query = queryOf(wish);
  const stream = `${url}/api/v1/events/stream${query === "" ? "" : `?${query}`}`;
  const more = query === "" ? "" : `&${query}`;
  return [
    { title: "curl", code: `curl -N -H ${authorization(token)} ${shell(stream)}` },
    { title: "The client, in a module script", code: clientCode(wish) },
    {
      title: "EventSource, with a one-time ticket",
      code: [
        `const response = await fetch(${script(`${url}/api/v1/events/tickets`)}, {`,
        `  method: "POST",`,
        `  headers: { authorization: ${script(`Bearer ${token}`)} },`,
        `});`,
        `const { ticket } = await response.json();`,
        `const source = new EventSource(${script(`${url}/api/v1/events/stream?ticket=`)} + ticket${
          more === "" ? "" : ` + ${script(more)}`
        });`,
        `source.addEventListener("task.progress-updated", (event) => show(JSON.parse(event.data).data));`,
      ].join("\n"),
    },
    {
      title: "EventSource, with the token in a cookie of the same site",
      code: `const source = new EventSource(${script(stream)}, { withCredentials: true });`,
    },
    {
      title: "Publish",
      code: [
        `curl -H ${authorization(token)} -H 'Content-Type: application/json' \\`,
        `  -d ${
          shell(JSON.stringify({
            event: "task.progress-updated",
            scope: wish.scopes[0] ?? `user:${wish.subject}`,
            data: { taskId: "mine", progress: 40 },
          }))
        } \\`,
        `  ${shell(`${url}/api/v1/events`)}`,
      ].join("\n"),
    },
  ];
}

function clientCode({ url, scopes, events, token }: ConnectWish): string {
  return [
    `import { SSEClient } from ${script(`${url}/client/core.js`)};`,
    ``,
    `const client = new SSEClient({`,
    `  url: ${script(url)},`,
    ...(scopes.length === 0 ? [] : [`  scopes: ${JSON.stringify(scopes)},`]),
    ...(events.length === 0 ? [] : [`  events: ${JSON.stringify(events)},`]),
    `  getToken: () => ${script(token)}, // yours asks your server`,
    `});`,
    `client.onAny(({ name, data }) => show(name, data));`,
    `client.onReset(() => readEverythingAnew());`,
    `client.open();`,
  ].join("\n");
}

function queryOf({ scopes, events }: ConnectWish): string {
  return new URLSearchParams([...scopes.map((each) => ["scope", each]), ...events.map((each) => ["event", each])])
    .toString();
}

/** The header's word; a variable in place of a token is left to the shell. */
function authorization(token: string): string {
  return token === "$TOKEN" ? `"Authorization: Bearer $TOKEN"` : shell(`Authorization: Bearer ${token}`);
}

/** One word of a shell's command line: whatever stands in it, the shell reads it as text. */
function shell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A string of JavaScript. */
function script(text: string): string {
  return JSON.stringify(text);
}
