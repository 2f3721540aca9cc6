import assert from "node:assert/strict";
import type { EventMap as ClientMap } from "../../../src/client/core/event_map.ts";
import type { EventMap as ServerMap } from "../../../src/model/events.ts";
import { EVENT_SCHEMAS } from "../../../src/model/events.ts";

type Same<One, Other> = [One] extends [Other] ? [Other] extends [One] ? true : false : false;

Deno.test("the client's event map has the names and types that the gateway checks", () => {
  // The type checker holds these two: a name or a field that differs makes one of them `false`.
  const names: Same<keyof ClientMap, keyof ServerMap> = true;
  const fields: { [Name in keyof ServerMap]: Same<Required<ClientMap[Name]>, Required<ServerMap[Name]>> } = {
    "task.progress-updated": true,
    "task.status-changed": true,
    "system.notification-sent": true,
    "content.updated": true,
    "stream.failed": true,
  };
  assert.ok(names);
  assert.deepEqual(Object.keys(fields).sort(), Object.keys(EVENT_SCHEMAS).sort());
});
