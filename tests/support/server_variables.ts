/** The variables that name running servers for the tests; for one that is not set, a server is started. */
export const SERVER_VARIABLES = {
  redis: "TIDEGATE_TEST_REDIS_URL",
  /** `host:port`, comma-separated. */
  kafka: "TIDEGATE_TEST_KAFKA_BROKERS",
  postgres: "TIDEGATE_TEST_POSTGRES_URL",
  /** A program's path, where Chromium is not Debian's. */
  chromium: "TIDEGATE_TEST_CHROMIUM",
} as const;
