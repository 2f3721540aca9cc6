import type { JWK } from "jose";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { JwksConfig } from "../config/auth_schema.ts";
import { isPrivateAddress } from "../config/private_address.ts";

/** Largest key set in bytes; real ones have a few thousand. */
const MAX_KEY_SET_BYTES = 262_144;
/** Most keys of a set; the ones after it are not looked at. */
const MAX_KEYS = 100;

/**
 * Fetches the key set from its configured URL, once: no redirect is followed (it could lead inside the network), no
 * credential is sent, size and time are bounded.
 *
 * @throws Error when it cannot be had; the message names the configured host and nothing of the answer's content
 */
export async function fetchKeySet(config: JwksConfig): Promise<readonly JWK[]> {
  const url = new URL(config.url);
  const signal = AbortSignal.timeout(config.timeoutMs);
  if (!config.allowPrivateAddresses) await refusePrivateAddresses(url, signal);
  const response = await fetch(url, {
    headers: { accept: "application/jwk-set+json, application/json" },
    redirect: "manual",
    credentials: "omit",
    signal,
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`Cannot fetch the key set from ${url.host}: it answered ${response.status}`);
  }
  return keysOf(await readText(response, url.host), url.host);
}

/**
 * Resolves the name before the fetch does. A name server that answers differently the second time gets past this;
 * the process's network permission is the wall behind it.
 */
async function refusePrivateAddresses(url: URL, signal: AbortSignal): Promise<void> {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const addresses = isIP(host) === 0 ? await inTime(lookup(host, { all: true }), signal) : [{ address: host }];
  if (addresses.some(({ address }) => isPrivateAddress(address))) {
    throw new Error(
      `Cannot fetch the key set from ${url.host}: it has a private address. Set allowPrivateAddresses if it is meant`,
    );
  }
}

/** A name server that does not answer cannot be told to stop; only the waiting ends. */
function inTime<Value>(value: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const timeout = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  return Promise.race([value, timeout]);
}

async function readText(response: Response, host: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    // Leaving the loop cancels the body.
    if (bytes > MAX_KEY_SET_BYTES) {
      throw new Error(`Cannot read the key set from ${host}: it has more than ${MAX_KEY_SET_BYTES} bytes`);
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function keysOf(text: string, host: string): readonly JWK[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Error(`Cannot read the key set from ${host}: it is not JSON`);
  }
  const keys = typeof parsed === "object" && parsed !== null && "keys" in parsed ? parsed.keys : undefined;
  if (!Array.isArray(keys)) throw new Error(`Cannot read the key set from ${host}: it has no list \`keys\``);
  return keys.slice(0, MAX_KEYS).filter((key: unknown) =>
    typeof key === "object" && key !== null && !Array.isArray(key)
  );
}
