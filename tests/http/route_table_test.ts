import assert from "node:assert/strict";
import { routeTable } from "../../src/http/route_table.ts";

const find = routeTable(["/", "/a", "/a/{id}", "/a/{id}/b"].map((path) => ({ path, methods: {} })));

for (
  const [path, route, parameters] of [
    ["/", "/", {}],
    ["/a", "/a", {}],
    ["/a/7", "/a/{id}", { id: "7" }],
    ["/a/x%2Fy%20z", "/a/{id}", { id: "x/y z" }],
    ["/a/7/b", "/a/{id}/b", { id: "7" }],
    ["/a/", undefined, {}],
    ["/a/%ff", undefined, {}],
    ["/a/7/c", undefined, {}],
    ["/A", undefined, {}],
    ["/__proto__", undefined, {}],
  ] as const
) {
  Deno.test(`routeTable: ${path} is ${route ?? "nothing"}`, () => {
    const found = find(path);
    assert.equal(found.route?.path, route);
    assert.deepEqual({ ...found.parameters }, parameters);
  });
}
