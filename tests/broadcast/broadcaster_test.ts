import assert from "node:assert/strict";
import fc from "fast-check";
import { Broadcaster, type Member, type Membership } from "../../src/broadcast/broadcaster.ts";
import { eventMatches } from "../../src/model/event_name.ts";
import type { Scope } from "../../src/model/scope.ts";
import { encodeFrame, encodeGaps, type Frame, joinBytes } from "../../src/wire/frame.ts";
import { EventStreamParser } from "../checker/event_stream_parser.ts";
import { messageTo, scopeOf } from "../replay/frames.ts";

const SCOPES = ["user:1", "user:2", "novel:1", "global"].map(scopeOf);
const EVENTS = ["task.done", "task.begun", "novel.changed"];
const PATTERNS = [[], ["task.*"], ["task.done", "novel.changed"], ["novel.changed"]];

/** Remembers what it was given, and that chunk and frames say the same. */
class FakeMember implements Member {
  joinedAfterSeq: number;
  readonly scopes: readonly Scope[];
  readonly mayReadAudience: boolean;
  readonly seqs: number[] = [];
  readonly chunks: Uint8Array[] = [];
  /** The scopes that each event was said to have, but for gaps. */
  readonly told: string[] = [];
  deliveries = 0;

  constructor(joinedAfterSeq = 0, mayReadAudience = true, scopes: readonly Scope[] = SCOPES) {
    this.joinedAfterSeq = joinedAfterSeq;
    this.scopes = scopes;
    this.mayReadAudience = mayReadAudience;
  }

  mayRead(frame: Frame): boolean {
    return this.mayReadAudience || frame.audience.length === 0;
  }

  deliver(frames: readonly Frame[], chunk: Uint8Array): void {
    this.deliveries++;
    this.chunks.push(chunk);
    assert.deepEqual(chunk, joinBytes(frames.map(({ bytes }) => bytes)));
    this.seqs.push(...frames.map(({ seq }) => seq));
    for (const { event, data = "" } of new EventStreamParser().push(chunk)) {
      if (event?.startsWith("stream.") === false) this.told.push(scopesIn(data));
    }
  }
}

/** The scopes that an envelope tells. */
function scopesIn(envelope: string): string {
  const { scope, scopes = [scope] } = JSON.parse(envelope);
  assert.equal(scope, scopes[0]);
  return scopes.join();
}

function frame(seq: number, scope: string, event = "task.done", audience: readonly Scope[] = []): Frame {
  return encodeFrame(messageTo(scope, { event, audience, data: { seq } }), `s0:0:${seq}`, {
    seq,
    sourceIndex: 0,
    partition: 0,
    offset: BigInt(seq),
  });
}

function gap(seq: number): Frame {
  const gap = {
    source: "s0",
    partition: 0,
    from: 0n,
    next: 1n,
    reason: "retention",
    lost: null,
    resync: true,
  } as const;
  return encodeGaps([gap], "integer", "~B", { seq, sourceIndex: 0, partition: 0, offset: 0n });
}

Deno.test("Broadcaster.flush: members of one active cohort share one chunk", () => {
  using broadcaster = new Broadcaster(0);
  const members = [new FakeMember(), new FakeMember(), new FakeMember()];
  for (const [index, member] of members.entries()) {
    broadcaster.join(member, ["user:1", index === 0 ? "user:2" : "novel:1"].map(scopeOf), []);
  }
  broadcaster.publish([frame(1, "user:1"), frame(2, "user:1")]);
  assert.equal(broadcaster.flush(), 3);
  assert.ok(members.every(({ chunks }) => chunks[0] === members[0]?.chunks[0]));
});

Deno.test("Broadcaster.flush: a member is given all that it is owed at once, in journal order, a record once", () => {
  using broadcaster = new Broadcaster(0);
  const member = new FakeMember();
  broadcaster.join(member, SCOPES, []);
  broadcaster.publish([frame(1, "user:2"), frame(2, "user:1"), frame(2, "novel:1"), frame(3, "user:2")]);
  broadcaster.flush();
  assert.deepEqual([member.seqs, member.deliveries], [[1, 2, 3], 1]);
  assert.equal(broadcaster.flush(), 0);
});

Deno.test("Broadcaster.flush: of a record in several scopes each member is told those that are its own, its first ones first", () => {
  using broadcaster = new Broadcaster(0);
  const join = (scopes: readonly string[], mayReadAudience = true) => {
    const member = new FakeMember(0, mayReadAudience, scopes.map(scopeOf));
    broadcaster.join(member, member.scopes, []);
    return member;
  };
  const members = [["user:1"], ["novel:1", "user:1"], ["global", "user:2"], ["user:2", "novel:1", "user:1", "global"]];
  const readers = members.map((scopes) => join(scopes));
  const [alike, outsider] = [join(["user:1"]), join(["user:1", "novel:1"], false)];
  broadcaster.publish(["user:1", "user:2", "novel:1"].map((scope) => frame(1, scope)));
  broadcaster.flush();
  assert.deepEqual(readers.map(({ told }) => told), [["user:1"], ["novel:1,user:1"], ["user:2"], [
    "user:2,novel:1,user:1",
  ]]);
  assert.equal(readers[0]?.chunks[0], alike.chunks[0], "who reads one of them only shares the chunk");
  broadcaster.publish(["user:1", "novel:1"].map((scope) => frame(2, scope, "task.done", [scopeOf("session:x")])));
  broadcaster.flush();
  assert.deepEqual([readers[1]?.told[1], outsider.told], ["novel:1,user:1", ["user:1,novel:1"]]);
});

Deno.test("Broadcaster: flushes by itself in the turn after a publish, and tells how much it delivered", async () => {
  const flushed: number[] = [];
  using broadcaster = new Broadcaster(0, (deliveries) => flushed.push(deliveries));
  const members = [new FakeMember(), new FakeMember()];
  for (const member of members) broadcaster.join(member, [scopeOf("user:1")], []);
  broadcaster.publish([frame(1, "user:1")]);
  broadcaster.publish([frame(2, "user:1")]);
  assert.deepEqual(members[0]?.seqs, []);
  await undefined;
  assert.deepEqual([members[0]?.seqs, flushed], [[1, 2], [4]]);
});

Deno.test("Broadcaster.publish: what nobody reads waits nowhere", () => {
  using broadcaster = new Broadcaster(0);
  const member = new FakeMember();
  broadcaster.publish([frame(1, "user:1")]);
  broadcaster.join(member, [scopeOf("user:1")], []);
  assert.equal(broadcaster.flush(), 0);
  assert.deepEqual(member.seqs, []);
});

Deno.test("Broadcaster.publish: a gap goes to everybody at once, behind what was pending", () => {
  using broadcaster = new Broadcaster(0);
  const [reader, other, replaying] = [new FakeMember(), new FakeMember(), new FakeMember(2)];
  broadcaster.join(reader, [scopeOf("user:1")], []);
  broadcaster.join(other, [scopeOf("user:2")], ["novel.changed"]);
  broadcaster.publish([frame(1, "user:1")]);
  broadcaster.join(replaying, [scopeOf("user:1")], []);
  broadcaster.publish([gap(2)]);
  assert.deepEqual([reader.seqs, other.seqs, replaying.seqs], [[1, 2], [2], []]);
});

Deno.test("Broadcaster.publish: does not gather without end", () => {
  using broadcaster = new Broadcaster(1_000);
  const member = new FakeMember();
  broadcaster.join(member, [scopeOf("user:1")], []);
  for (let seq = 1; seq <= 4_096; seq++) broadcaster.publish([frame(seq, "user:1")]);
  assert.equal(member.seqs.length, 4_096);
});

Deno.test("Broadcaster.join: what was pending from before is in the member's replay, and not given again", () => {
  using broadcaster = new Broadcaster(0);
  const [early, late] = [new FakeMember(), new FakeMember(2)];
  broadcaster.join(early, [scopeOf("user:1")], []);
  broadcaster.publish([frame(1, "user:1"), frame(2, "user:1")]);
  broadcaster.join(late, [scopeOf("user:1")], []);
  broadcaster.publish([frame(3, "user:1")]);
  broadcaster.flush();
  assert.deepEqual([early.seqs, late.seqs], [[1, 2, 3], [3]]);
});

Deno.test("Broadcaster.leave: nothing any more, also of what is pending, and no cohort stays", () => {
  using broadcaster = new Broadcaster(0);
  const member = new FakeMember();
  const membership = broadcaster.join(member, SCOPES, ["task.*"]);
  broadcaster.publish([frame(1, "user:1")]);
  broadcaster.leave(membership);
  broadcaster.flush();
  broadcaster.publish([frame(2, "user:1"), gap(3)]);
  broadcaster.flush();
  assert.deepEqual([member.seqs, broadcaster.memberCount], [[], 0]);
});

Deno.test("Broadcaster.leaveScope: stops that scope alone, also what is pending of it", () => {
  using broadcaster = new Broadcaster(0);
  const member = new FakeMember();
  const membership = broadcaster.join(member, SCOPES, []);
  broadcaster.publish([frame(1, "user:1"), frame(2, "user:2")]);
  broadcaster.leaveScope(membership, scopeOf("user:1"));
  broadcaster.publish([frame(3, "user:1"), frame(4, "novel:1")]);
  broadcaster.flush();
  assert.deepEqual(member.seqs, [2, 4]);
});

Deno.test("Broadcaster.flush: a member that leaves while another is served does not disturb it", () => {
  using broadcaster = new Broadcaster(0);
  const last = new FakeMember();
  const leaving: Member = {
    joinedAfterSeq: 0,
    scopes: [scopeOf("user:1")],
    mayRead: () => true,
    deliver: () => broadcaster.leave(membership),
  };
  const membership = broadcaster.join(leaving, [scopeOf("user:1")], []);
  broadcaster.join(last, [scopeOf("user:1")], []);
  broadcaster.publish([frame(1, "user:1"), gap(2), frame(3, "user:1")]);
  broadcaster.flush();
  assert.deepEqual([last.seqs, broadcaster.memberCount], [[1, 2, 3], 1]);
});

/** One step of a run; shares pick a member or a scope. */
const STEP = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("publish" as const),
      scopes: fc.subarray([...SCOPES], { minLength: 1 }),
      event: fc.constantFrom(...EVENTS),
      hasAudience: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("join" as const),
      scopes: fc.shuffledSubarray([...SCOPES], { minLength: 1 }),
      patterns: fc.constantFrom(...PATTERNS),
      mayReadAudience: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("leave" as const), who: fc.nat(9) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("leaveScope" as const),
      who: fc.nat(9),
      scope: fc.constantFrom(...SCOPES),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("flush" as const, "gap" as const) }) },
);

interface ModelMember {
  readonly member: FakeMember;
  readonly membership: Membership;
  readonly scopes: Set<Scope>;
  readonly patterns: readonly string[];
  /** What it must have been given, and what waits for the next flush. */
  readonly expected: number[];
  readonly told: string[];
  owed: { readonly seq: number; readonly scopes: readonly Scope[] }[];
  isGone: boolean;
}

Deno.test("Broadcaster: any run of joins, publishes and flushes gives what a naive one gives", () => {
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 60 }), (steps) => {
      using broadcaster = new Broadcaster(1_000);
      const members: ModelMember[] = [];
      let seq = 0;
      const flush = () => {
        broadcaster.flush();
        for (const each of members) {
          for (const { seq, scopes } of each.owed) {
            const own = [...each.scopes].filter((scope) => scopes.includes(scope));
            if (own.length === 0) continue;
            each.expected.push(seq);
            each.told.push(own.join());
          }
          each.owed = [];
        }
      };
      for (const step of steps) {
        const present = members.filter(({ isGone }) => !isGone);
        const someone = "who" in step ? present[step.who % Math.max(1, present.length)] : undefined;
        switch (step.kind) {
          case "publish": {
            seq++;
            const audience = step.hasAudience ? [scopeOf("session:x")] : [];
            broadcaster.publish(step.scopes.map((scope) => frame(seq, scope, step.event, audience)));
            for (const each of present) {
              const isWanted = each.patterns.length === 0 ||
                each.patterns.some((pattern) => eventMatches(pattern, step.event));
              const scopes = step.scopes.filter((scope) => each.scopes.has(scope));
              if (isWanted && scopes.length > 0 && (!step.hasAudience || each.member.mayReadAudience)) {
                each.owed.push({ seq, scopes });
              }
            }
            break;
          }
          case "join": {
            const member = new FakeMember(seq, step.mayReadAudience, step.scopes);
            const membership = broadcaster.join(member, step.scopes, step.patterns);
            members.push({
              member,
              membership,
              scopes: new Set(step.scopes),
              patterns: step.patterns,
              expected: [],
              told: [],
              owed: [],
              isGone: false,
            });
            break;
          }
          case "leave":
            if (someone === undefined) {
              break;
            }
            broadcaster.leave(someone.membership);
            someone.isGone = true;
            someone.owed = [];
            break;
          case "leaveScope":
            if (someone === undefined) break;
            broadcaster.leaveScope(someone.membership, step.scope);
            someone.scopes.delete(step.scope);
            break;
          case "gap":
            seq++;
            broadcaster.publish([gap(seq)]);
            flush();
            for (const each of present) each.expected.push(seq);
            break;
          case "flush":
            flush();
        }
      }
      flush();
      for (const { member, expected, told } of members) assert.deepEqual([member.seqs, member.told], [expected, told]);
      assert.equal(broadcaster.memberCount, members.filter(({ isGone }) => !isGone).length);
    }),
    { numRuns: 400 },
  );
});
