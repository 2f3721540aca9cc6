/** TanStack Query kept in step with events. */
export { type QueryChange, type QueryRules, type SyncOptions, syncQueries } from "./sync_queries.ts";
export { useFallbackInterval } from "./use_fallback_interval.ts";
export { useSyncedQueries } from "./use_synced_queries.ts";
