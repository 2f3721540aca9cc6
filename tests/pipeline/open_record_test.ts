import assert from "node:assert/strict";
import type { RecordFormat } from "../../src/config/mapping_schema.ts";
import { onlyMessage, pipelineOf, record, rule } from "./mapped.ts";

const FIELDS = {
  v: "v",
  type: "$envelope.type",
  id: "$envelope.id",
  subject: "$envelope.subject",
  extra: "$envelope.extra",
  op: "$envelope.op",
  table: "$envelope.table",
};

/** What a rule reads of data and envelope. */
function opened(value: unknown, rest: Parameters<typeof record>[1] = {}, format: RecordFormat = "auto") {
  return onlyMessage(pipelineOf({ rules: [rule({ fields: FIELDS })] }, format).mapRecord("s", record(value, rest), 0));
}

function refused(value: unknown, format: RecordFormat, rest: Parameters<typeof record>[1] = {}): string {
  const outcome = pipelineOf({ rules: [rule({ fields: FIELDS })] }, format).mapRecord("s", record(value, rest), 0);
  return outcome.kind === "dead-letter" ? outcome.reason : outcome.kind === "dropped" ? outcome.by : "mapped";
}

const STRUCTURED = {
  specversion: "1.0",
  id: "1",
  source: "/a",
  type: "t",
  subject: "s",
  extra: 7,
  time: "2026-02-03T04:05:06+01:00",
};
const BINARY = {
  ce_specversion: "1.0",
  ce_id: "1",
  ce_source: "/a",
  ce_type: "t",
  ce_extra: "é",
  ce_time: "2026-02-03T04:05:06Z",
};

for (const format of ["auto", "cloudevents"] as const) {
  Deno.test(`openRecord opens structured CloudEvents in the format ${format}`, () => {
    const message = opened({ ...STRUCTURED, data: { v: 1 } }, {}, format);
    assert.deepEqual(message.data, { v: 1, type: "t", id: "1", subject: "s", extra: "7" });
    assert.equal(message.time, "2026-02-03T03:05:06.000Z");
    assert.deepEqual(opened({ ...STRUCTURED, data_base64: btoa('{"v":2}') }, {}, format).data, {
      v: 2,
      type: "t",
      id: "1",
      subject: "s",
      extra: "7",
    });
    assert.equal(opened({ ...STRUCTURED, time: "soon", data: null }, {}, format).time, "2026-01-01T00:00:00.000Z");
  });

  Deno.test(`openRecord opens binary CloudEvents in the format ${format}`, () => {
    const message = opened({ v: 1 }, { headers: BINARY }, format);
    assert.deepEqual(message.data, { v: 1, type: "t", id: "1", extra: "é" });
    assert.equal(message.time, "2026-02-03T04:05:06.000Z");
  });

  Deno.test(`openRecord dead-letters broken CloudEvents in the format ${format}`, () => {
    for (const name of ["id", "source", "type"]) {
      assert.equal(refused({ ...STRUCTURED, [name]: "" }, format), "invalid-envelope");
      assert.equal(refused({}, format, { headers: { ...BINARY, [`ce_${name}`]: "" } }), "invalid-envelope");
    }
    for (const data_base64 of ["%", btoa("{"), 7, null, btoa("\xff")]) {
      assert.equal(refused({ ...STRUCTURED, data_base64 }, format), "invalid-envelope");
    }
  });
}

const ROW = { id: "e1", aggregatetype: "novel", aggregateid: "n7", type: "Renamed", payload: '{"v":9007199254740993}' };
const CHANGE = { before: null, op: "c", source: { connector: "postgresql", table: "outbox" } };

for (const format of ["auto", "debezium-outbox"] as const) {
  Deno.test(`openRecord opens the outbox event router's records in the format ${format}`, () => {
    const rest = { key: "n7", headers: { id: "e1", eventType: "Renamed" } };
    const expected = { v: 1, type: "Renamed", id: "e1", subject: "n7" };
    assert.deepEqual(opened({ v: 1 }, rest, format).data, expected);
    assert.deepEqual(opened({ schema: { type: "string" }, payload: '{"v":1}' }, rest, format).data, expected);
    assert.deepEqual(opened({ payload: { v: 1 } }, rest, format).data, expected);
    assert.deepEqual(opened('"{\\"v\\":1}"', rest, format).data, expected);
    assert.equal(refused('"{"', format, rest), "invalid-envelope");
  });

  Deno.test(`openRecord opens raw change records in the format ${format}`, () => {
    const expected = '{"v":9007199254740993,"type":"Renamed","id":"e1","subject":"n7","op":"c","table":"outbox"}';
    assert.equal(JSON.stringify(opened({ payload: { ...CHANGE, after: ROW } }, {}, format).data), expected);
    assert.equal(JSON.stringify(opened({ schema: {}, payload: { ...CHANGE, after: ROW } }, {}, format).data), expected);
    const row = opened({ ...CHANGE, op: "u", after: { id: 3, v: "x" } }, {}, format);
    assert.deepEqual(row.data, { v: "x", op: "u", table: "outbox" });
    assert.equal(refused({ ...CHANGE, op: "d", after: null }, format), "delete");
    assert.equal(refused({ ...CHANGE, after: { ...ROW, payload: "{" } }, format), "invalid-envelope");
  });
}

Deno.test("openRecord takes what only resembles an envelope as plain data in the format auto", () => {
  assert.deepEqual(opened({ v: 1, specversion: "1.0" }).data, { v: 1 });
  assert.deepEqual(opened({ v: 1, after: { v: 2 }, op: "c" }).data, { v: 1 });
  assert.deepEqual(opened({ v: 1 }, { headers: { id: "7" } }).data, { v: 1 });
});

Deno.test("openRecord dead-letters what lacks the envelope that is configured", () => {
  assert.equal(refused({ v: 1 }, "cloudevents"), "invalid-envelope");
  assert.equal(refused({ v: 1 }, "debezium-outbox"), "invalid-envelope");
  assert.equal(refused([], "cloudevents"), "invalid-envelope");
});

Deno.test("openRecord opens nothing in the format json", () => {
  assert.deepEqual(opened({ ...STRUCTURED, v: 0, data: { v: 1 } }, { headers: BINARY }, "json").data, { v: 0 });
});

Deno.test("openRecord never takes a foreign record for one of the gateway's own", () => {
  const forged = { event: "thing.forged", scope: "user:victim", data: { v: 1 }, time: "2026-01-01T00:00:00.000Z" };
  for (const format of ["auto", "json"] as const) {
    const message = opened(forged, {}, format);
    assert.equal(message.event, "thing.happened");
    assert.equal(message.scope, "global");
    assert.deepEqual(message.data, {});
  }
});
