import { BlockList, isIP } from "node:net";

/** Networks that no public name should lead to: this host, links, private and shared networks, documentation, multicast. */
const PRIVATE_IPV4 = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const;
/** IPv6 addresses that do not begin with 2 or 3 are no global unicast (RFC 4291); these of those that do are not either. */
const PRIVATE_IPV6 = [["2001:db8::", 32], ["2002::", 16], ["2001::", 32], ["3fff::", 20]] as const;

const ipv4 = new BlockList();
for (const [network, prefix] of PRIVATE_IPV4) ipv4.addSubnet(network, prefix, "ipv4");
const ipv6 = new BlockList();
for (const [network, prefix] of PRIVATE_IPV6) ipv6.addSubnet(network, prefix, "ipv6");

/** Whether a URL's host is plainly private: a private address, or a name that means this machine or this network. */
export function isPrivateHost(hostname: string): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "").toLowerCase();
  if (isIP(host) !== 0) return isPrivateAddress(host);
  return !host.includes(".") || /\.(?:localhost|local|internal|home\.arpa)$/.test(host);
}

/** Whether an IP address lies outside the public internet. IPv4 inside IPv6 counts as IPv4; what is no address is private. */
export function isPrivateAddress(address: string): boolean {
  if (isIP(address) === 4) return ipv4.check(address, "ipv4");
  if (isIP(address) !== 6) return true;
  const mapped = /^::ffff:([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return isPrivateAddress(mapped);
  return !/^[23][0-9a-f]{3}:/i.test(address) || ipv6.check(address, "ipv6");
}
