import { startNginx } from "../../tests/support/nginx_server.ts";
import { childrenOf } from "../process_figures.ts";
import type { Peer } from "./peer.ts";

/** Publishers side by side; more did not make it faster. */
const PUBLISHER_CONNECTIONS = 16;
const WORKERS_WAIT_MS = 5_000;
const POLL_MS = 20;

/**
 * nginx with nchan, as its documentation sets it up for EventSource: messages stay in memory for those who come back, a
 * subscriber of several channels is a multi-channel subscriber. No log, no compression, no tokens: each makes it slower.
 */
export function nchanPeer(workers: number): Peer {
  return {
    name: workers === 1 ? "nchan" : `nchan, ${workers} workers`,
    start: async () => {
      const server = await startNginx({
        hasNchan: true,
        workers,
        main: "worker_rlimit_nofile 20000;",
        events: "worker_connections 19000;",
        http: "nchan_shared_memory_size 1024M; keepalive_requests 1000000000; keepalive_timeout 1h;",
        server: `
          location = /publish {
            nchan_publisher http;
            nchan_channel_id $arg_id;
            nchan_message_buffer_length 1000;
            nchan_message_timeout 10m;
          }
          location = /stream {
            nchan_subscriber eventsource;
            nchan_channel_id $arg_id;
            nchan_channel_id_split_delimiter ",";
            nchan_subscriber_first_message newest;
            nchan_subscriber_timeout 0;
          }`,
      });
      // The port is open before the workers are.
      const hasWorkers = () => server.pid !== null && childrenOf(server.pid).length >= workers;
      for (let waitedMs = 0; !hasWorkers() && waitedMs < WORKERS_WAIT_MS; waitedMs += POLL_MS) {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
      return {
        name: "nchan",
        port: server.port,
        pids: () => server.pid === null ? [] : [server.pid, ...childrenOf(server.pid)],
        streamRequest: (_user, scopes) =>
          `GET /stream?id=${scopes.join(",")} HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n`,
        publishing: () => ({
          kind: "nchan",
          token: "",
          connections: PUBLISHER_CONNECTIONS,
          maxBatch: 1,
          turns: "scope",
        }),
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  };
}
