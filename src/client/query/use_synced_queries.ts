import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useSSEClient } from "../react/sse_provider.ts";
import { type QueryRules, type SyncOptions, syncQueries } from "./sync_queries.ts";

/**
 * {@link syncQueries} while the component is mounted: one component, above all queries, that is never unmounted. Rules and
 * options are those of the first render: make them outside of it.
 */
export function useSyncedQueries(rules: QueryRules, options?: SyncOptions): void {
  const client = useSSEClient();
  const queries = useQueryClient();
  // Rules that are written where they are passed are new at each render; starting anew with them would lose what is pending.
  // deno-lint-ignore react-rules-of-hooks -- as documented
  useEffect(() => syncQueries(client, queries, rules, options), [client, queries]);
}
