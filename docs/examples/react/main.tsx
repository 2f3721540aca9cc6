/// <reference lib="dom" />
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { SSEClient } from "@tidegate/client";
import { withPolling } from "@tidegate/client/poll";
import { SSEProvider } from "@tidegate/client/react";
import { streamTransport } from "@tidegate/client";
import { StrictMode } from "react";
// @ts-types="@types/react-dom/client"
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";

const client = new SSEClient({
  url: document.querySelector<HTMLMetaElement>('meta[name="gateway"]')?.content ?? "",
  getToken: async () => await (await fetch("/api/token")).text(),
  // Where a proxy holds streams back, it polls.
  transport: withPolling(streamTransport()),
});
// What is shown is kept fresh by events; nothing has to be fetched because time has passed.
const queries = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, refetchOnWindowFocus: false } } });

const root = document.getElementById("app");
if (root === null) throw new Error("Cannot show the page: it has no #app");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <SSEProvider client={client}>
        <App />
      </SSEProvider>
    </QueryClientProvider>
  </StrictMode>,
);
