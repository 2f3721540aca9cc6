import { join } from "node:path";
import { startOnFreePort } from "./start_on_free_port.ts";
import type { TestServer } from "./server_process.ts";

export interface NginxServer extends TestServer {
  readonly url: string;
}

export interface NginxServerOptions {
  /** Goes inside `http { server { … } }`: locations and settings. */
  readonly server: string;
  /** Goes inside `http { … }`, before the server: upstreams, limits. */
  readonly http?: string;
  /** Goes before everything: `worker_rlimit_nofile 20000;`. */
  readonly main?: string;
  /** Goes inside `events { … }`. Default: 4,096 connections a worker. */
  readonly events?: string;
  /** Default 1. */
  readonly workers?: number;
  /** Loads nchan (Debian's `libnginx-mod-nchan`). Default false. */
  readonly hasNchan?: boolean;
}

/** Where Debian puts them; the first is not in the PATH of everybody. */
export const NGINX = "/usr/sbin/nginx";
export const NCHAN_MODULE = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/** An nginx of one's own (Debian's `nginx`). It is ready when it accepts connections: what it answers is the test's own. */
export async function startNginx(options: NginxServerOptions): Promise<NginxServer> {
  const server = await startOnFreePort(async (port, folder) => {
    const configuration = join(folder, "nginx.conf");
    await Deno.writeTextFile(configuration, configurationText(options, port, folder));
    return {
      name: "nginx",
      port,
      folder,
      command: [NGINX, "-p", folder, "-c", configuration, "-e", "stderr"],
      isReady: () => accepts(port),
      startTimeoutMs: 10_000,
      // SIGTERM ends the workers with their master; a SIGKILL of the master would leave them serving.
      orphanSignal: "SIGTERM",
    };
  });
  return Object.assign(server, { url: `http://127.0.0.1:${server.port}` });
}

function configurationText(options: NginxServerOptions, port: number, folder: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${join(folder, name)};`).join(" ");
  return `
${options.hasNchan ? `load_module ${NCHAN_MODULE};` : ""}
${Deno.uid() === 0 ? "user root;" : ""}
daemon off;
worker_processes ${options.workers ?? 1};
pid ${join(folder, "nginx.pid")};
error_log stderr warn;
${options.main ?? ""}
events { ${options.events ?? "worker_connections 4096;"} }
http {
  access_log off;
  ${temporary}
  ${options.http ?? ""}
  server {
    listen 127.0.0.1:${port};
    ${options.server}
  }
}
`;
}

async function accepts(port: number): Promise<boolean> {
  (await Deno.connect({ hostname: "127.0.0.1", port })).close();
  return true;
}
