import type { SocketFactory } from "./kafkajs_connection.d.ts";

/** `src/network/socketFactory.js` of kafkajs 2.2.4. */
export default function createSocketFactory(): SocketFactory;
