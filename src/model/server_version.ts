import manifest from "../../deno.json" with { type: "json" };

/** Version of the gateway, as `X-Server-Version`, `stream.opened` and `--version` give it. */
export const SERVER_VERSION: string = manifest.version;
