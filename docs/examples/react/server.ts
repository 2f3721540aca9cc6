// deno-lint-ignore-file no-console -- it tells where the page is
/**
 * The sample application's server, and a gateway beside it: `deno task example:react`. What is the application's own here would be
 * in your backend: the page, its API, and a token of the gateway for who is signed in.
 */
import { SignJWT } from "jose";
import { Desk, type OutgoingEvent } from "./desk.ts";

const HERE = new URL("./", import.meta.url);
const ROOT = new URL("../../../", HERE);
const PAGE_PORT = Number(Deno.env.get("PAGE_PORT") ?? 8000);
const GATEWAY_PORT = Number(Deno.env.get("GATEWAY_PORT") ?? 8080);
const PAGE_ORIGIN = `http://127.0.0.1:${PAGE_PORT}`;
const GATEWAY = `http://127.0.0.1:${GATEWAY_PORT}`;
const STEP_MS = 300;
/** Until a gateway that was stopped comes back: longer than the 5 s after which the page says that it is gone. */
const AWAY_MS = 10_000;
const TOKEN_LIFETIME = "15 minutes";

const secret = crypto.getRandomValues(new Uint8Array(32)).toHex();
let gateway: Deno.ChildProcess | undefined;
let isStopping = false;
void keepGateway();
const script = await bundle();
const page = (await Deno.readTextFile(new URL("index.html", HERE))).replace(
  "{gateway}",
  // Where pages find it, when something stands in front of it.
  Deno.env.get("GATEWAY_URL") ?? GATEWAY,
);
const style = await Deno.readTextFile(new URL("style.css", HERE));

const backendToken = await tokenFor({ sub: "backend", role: "backend", permissions: ["events:publish"] });
const desk = new Desk((events) => void publish(events));
desk.start();
setInterval(() => desk.step(), STEP_MS);

Deno.serve(
  { hostname: "127.0.0.1", port: PAGE_PORT, onListen: () => console.log(`The page is at ${PAGE_ORIGIN}`) },
  answer,
);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    isStopping = true;
    if (gateway === undefined) Deno.exit();
    gateway.kill("SIGTERM");
  });
}

async function answer(request: Request): Promise<Response> {
  const route = `${request.method} ${new URL(request.url).pathname}`;
  switch (route) {
    case "GET /":
      return new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } });
    case "GET /app.js":
      return new Response(script, { headers: { "content-type": "text/javascript; charset=utf-8" } });
    case "GET /style.css":
      return new Response(style, { headers: { "content-type": "text/css; charset=utf-8" } });
    case "GET /api/tasks":
      return Response.json(desk.tasks);
    case "POST /api/tasks":
      return Response.json(desk.start(), { status: 201 });
    case "GET /api/chapters":
      return Response.json(desk.chapters);
    case "GET /api/token":
      // Ada is signed in, as your session would say.
      return new Response(await tokenFor({ sub: "ada", novels: ["moby"] }));
    default:
      return new Response("There is nothing here", { status: 404 });
  }
}

function tokenFor(claims: Record<string, unknown>): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer("writing-desk")
    .setIssuedAt()
    .setExpirationTime(claims["role"] === "backend" ? "30 days" : TOKEN_LIFETIME)
    .sign(new TextEncoder().encode(secret));
}

/** A real backend writes to its Kafka, its Redis or its outbox, and loses nothing; a sample that starts anew may. */
async function publish(events: readonly OutgoingEvent[]): Promise<void> {
  const response = await fetch(`${GATEWAY}/api/v1/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${backendToken}`, "content-type": "application/json" },
    body: JSON.stringify(events),
  }).catch((error: Error) => error);
  if (response instanceof Error) return;
  if (!response.ok) console.error(`The gateway refused an event: ${await response.text()}`);
  else await response.body?.cancel();
}

/** Runs the gateway, and after a while again when somebody has stopped it. */
async function keepGateway(): Promise<never> {
  for (;;) {
    gateway = startGateway();
    console.log(`The gateway is process ${gateway.pid}`);
    const { code, signal } = await gateway.status;
    gateway = undefined;
    // One that cannot start has said why, and would say it again.
    if (isStopping || (code !== 0 && signal === null)) Deno.exit(code);
    await new Promise((resolve) => setTimeout(resolve, AWAY_MS));
  }
}

function startGateway(): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-P=gateway", "main.ts", "serve", "--config=docs/examples/react/tidegate.yaml"],
    cwd: ROOT,
    env: { EXAMPLE_SECRET: secret, PAGE_ORIGIN, TIDEGATE_SERVER_PORT: String(GATEWAY_PORT) },
  }).spawn();
}

async function bundle(): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    // The versions of deno.lock, or none: what is bundled here a browser will run.
    args: ["bundle", "--frozen", "--quiet", "--platform=browser", "--minify", "docs/examples/react/main.tsx"],
    cwd: ROOT,
  }).output();
  if (code !== 0) throw new Error(`Cannot bundle the page: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
