/**
 * The servers that tests share. `deno task test` starts one of each and names it in a variable; a single test file run by
 * itself (`deno test -A tests/contract/some_test.ts`) starts its own and deletes it when it unloads.
 *
 * Call them at the top level of a test file (`const redis = await sharedRedis();`): a server that a test started would rightly be
 * that test's leak. A test that stops, kills or fills a server starts one of its own (`await using redis = await startRedis()`).
 * Everything else on a shared server needs names of its own: a topic, a key, a schema with a random part.
 */
import { startKafka } from "./kafka_server.ts";
import { startPostgres } from "./postgres_server.ts";
import { startRedis } from "./redis_server.ts";
import { SERVER_VARIABLES } from "./server_variables.ts";

export async function sharedRedis(): Promise<{ readonly url: string }> {
  const url = Deno.env.get(SERVER_VARIABLES.redis);
  return url === undefined ? untilUnload(await startRedis()) : { url };
}

export async function sharedKafka(): Promise<{ readonly brokers: readonly string[] }> {
  const brokers = Deno.env.get(SERVER_VARIABLES.kafka);
  return brokers === undefined ? untilUnload(await startKafka()) : { brokers: brokers.split(",") };
}

export async function sharedPostgres(): Promise<{ readonly url: string }> {
  const url = Deno.env.get(SERVER_VARIABLES.postgres);
  return url === undefined ? untilUnload(await startPostgres()) : { url };
}

function untilUnload<Server extends Disposable>(server: Server): Server {
  globalThis.addEventListener("unload", () => server[Symbol.dispose]());
  return server;
}
