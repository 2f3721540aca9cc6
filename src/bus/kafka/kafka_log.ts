import { getLogger } from "@logtape/logtape";
import type { ConnectionLogger } from "./kafkajs_connection.d.ts";

/** Where the Kafka bus writes its own lines: one a change of state. */
export const kafkaLog = getLogger(["tidegate", "bus", "kafka"]);

/**
 * kafkajs' own lines, all of them at level debug: it reports every failed attempt as an error, where we report each
 * outage once. Its debug lines are dropped, because they quote whole answers.
 */
export const kafkajsLog: ConnectionLogger = {
  namespace: () => kafkajsLog,
  debug: () => {},
  info: (message) => kafkaLog.debug("kafkajs: {message}", { message }),
  warn: (message) => kafkaLog.debug("kafkajs: {message}", { message }),
  error: (message) => kafkaLog.debug("kafkajs: {message}", { message }),
};
