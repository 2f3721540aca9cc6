import assert from "node:assert/strict";
import { GatewayMetrics } from "../../src/metrics/gateway_metrics.ts";

Deno.test({
  name:
    "GatewayMetrics: the memory of the process is told without rights to /proc, and what cannot be read is left out",
  permissions: { read: false, sys: false },
  async fn() {
    const { body, contentType } = await new GatewayMetrics().text();
    assert.match(contentType, /^text\/plain/);
    const [, residentBytes] = /^process_resident_memory_bytes (\S+)$/m.exec(body) ?? [];
    assert.ok(Number(residentBytes) > 1e6, `${residentBytes} bytes`);
    assert.doesNotMatch(body, /^process_(?:virtual_memory_bytes|heap_bytes|open_fds|max_fds) /m);
    assert.doesNotMatch(body, /^nodejs_eventloop_lag_\w+_seconds /m);
    assert.match(body, /^nodejs_eventloop_lag_seconds /m);
    assert.match(body, /^process_cpu_seconds_total /m);
  },
});

Deno.test("GatewayMetrics: a gauge that is observed is read when it is scraped", async () => {
  const metrics = new GatewayMetrics();
  let value = 1;
  metrics.observe("tidegate_streams_open", "Open streams", () => value);
  value = 7;
  assert.match((await metrics.text()).body, /^tidegate_streams_open 7$/m);
});
