import type { Publishing } from "../load_job.ts";

/** A server under measurement, as the scenarios see it. */
export interface RunningPeer extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  /** Every process that serves. */
  pids(): readonly number[];
  /** The request that opens a stream of these scopes, as their only reader `user` may read them. */
  streamRequest(user: string, scopes: readonly string[]): string;
  publishing(): Publishing;
}

/** Starts a fresh server: nothing of an earlier round warms or burdens it. */
export interface Peer {
  readonly name: string;
  start(): Promise<RunningPeer>;
}
