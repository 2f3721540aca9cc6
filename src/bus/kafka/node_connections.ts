import type { KafkaCluster } from "./kafka_cluster.ts";
import type { KafkaConnection } from "./kafka_connection.ts";

/** One user's connections, at most one to each broker, opened when they are needed and again when they have ended. */
export class NodeConnections {
  readonly #cluster: KafkaCluster;
  readonly #opening = new Map<number, Promise<KafkaConnection>>();
  readonly #stopping = new AbortController();

  constructor(cluster: KafkaCluster) {
    this.#cluster = cluster;
  }

  async to(nodeId: number): Promise<KafkaConnection> {
    const known = this.#opening.get(nodeId);
    if (known !== undefined) {
      const connection = await known.catch(() => null);
      if (connection?.isOpen) return connection;
      if (this.#opening.get(nodeId) === known) this.#opening.delete(nodeId);
    }
    const opening = this.#opening.get(nodeId) ?? this.#cluster.connect(nodeId, this.#stopping.signal);
    this.#opening.set(nodeId, opening);
    return await opening;
  }

  /** Closes what is open, with the requests under way. The next call of {@link to} opens anew. */
  reset(reason: string): void {
    for (const opening of this.#opening.values()) opening.then((connection) => connection.close(reason), () => {});
    this.#opening.clear();
  }

  /** Closes everything for good. */
  close(reason: string): void {
    this.#stopping.abort();
    this.reset(reason);
  }
}
