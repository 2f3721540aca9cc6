/** Our client behind a real nginx that gathers answers before it passes them on. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { startNginx } from "../support/nginx_server.ts";
import { hears, numbers, Site, upTo } from "./site.ts";

Deno.test("behind a buffering nginx the client polls, and goes back to the stream when it comes through; nothing is lost", async () => {
  await using folder = await temporaryFolder();
  const flag = join(folder.path, "buffers");
  await Deno.writeTextFile(flag, "");
  await using stack = new AsyncDisposableStack();
  await using site = await Site.open({}, async (port) => {
    const nginx = stack.use(
      await startNginx({
        server: `
          location / { proxy_pass http://127.0.0.1:${port}; }
          location /api/v1/events/stream {
            # As long as the file is there, streams are held back.
            error_page 418 = @held;
            if (-f ${flag}) { return 418; }
            proxy_buffering off;
            proxy_pass http://127.0.0.1:${port};
          }
          location @held {
            proxy_ignore_headers X-Accel-Buffering;
            proxy_buffering on;
            proxy_buffers 8 1m;
            proxy_buffer_size 1m;
            proxy_busy_buffers_size 2m;
            proxy_pass http://127.0.0.1:${port};
          }`,
      }),
    );
    return nginx.url;
  });
  const page = await site.tab();
  await page.clock.install();
  await page.evaluate(() => openClient({ mode: "auto" }));
  await site.streams(1);
  // The client gives a stream twenty seconds to answer, and ten from there to say something.
  await page.clock.fastForward(21_000);
  await page.waitForFunction(() => client.getSnapshot().status === "polling", undefined, { timeout: 20_000 });
  await site.publish(3);
  await hears(page, 3);
  await site.publish(2);
  await hears(page, 5);
  assert.equal(await page.evaluate(() => client.getSnapshot().transport), "poll");

  await Deno.remove(flag);
  // Once a minute it looks whether streams come through again. In smaller steps: a minute at once is a laptop that slept.
  let sent = 5;
  for (; await page.evaluate(() => client.getSnapshot().status) !== "open"; sent++) {
    assert.ok(sent < 25, "it is back after 60 s");
    await page.clock.fastForward(8_000);
    await site.publish(1);
    await hears(page, sent + 1);
  }
  await site.publish(3);
  await hears(page, sent + 3);
  assert.deepEqual(await numbers(page), upTo(sent + 3));
  assert.equal(await page.evaluate(() => client.getSnapshot().transport), "stream");
  assert.equal((await page.evaluate(() => told)).includes("reset"), false);
});

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
