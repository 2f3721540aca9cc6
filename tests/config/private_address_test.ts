import assert from "node:assert/strict";
import { isPrivateAddress, isPrivateHost } from "../../src/config/private_address.ts";

Deno.test("isPrivateAddress: tells the public internet from everything else, in both families", () => {
  const inside = [
    ...["0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1"],
    ...["172.31.255.255", "192.168.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255"],
    ...[
      "::",
      "::1",
      "fe80::1",
      "fc00::1",
      "fd12::1",
      "ff02::1",
      "::ffff:10.0.0.1",
      "::ffff:127.0.0.1",
      "64:ff9b::a00:1",
    ],
    ...["2001:db8::1", "2002:a00:1::", "2001::1", "100::1", "", "localhost", "1.2.3", "0x7f.1"],
  ];
  for (const address of inside) assert.equal(isPrivateAddress(address), true, address);
  for (const address of ["1.1.1.1", "172.15.0.1", "172.32.0.1", "100.63.0.1", "2606:4700::1111", "2a00:1450::1"]) {
    assert.equal(isPrivateAddress(address), false, address);
  }
});

Deno.test("isPrivateHost: knows names that mean this machine or this network, and addresses however a URL writes them", () => {
  for (
    const host of [
      "localhost",
      "a.localhost",
      "printer.local",
      "db.internal",
      "router.home.arpa",
      "redis",
      "LOCALHOST.",
    ]
  ) {
    assert.equal(isPrivateHost(host), true, host);
  }
  for (const text of ["http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/", "http://[::ffff:7f00:1]/"]) {
    assert.equal(isPrivateHost(new URL(text).hostname), true, text);
  }
  for (const host of ["example.com", "1.1.1.1", "[2606:4700::1111]"]) assert.equal(isPrivateHost(host), false, host);
});
