import { createClient } from "graphql-sse";
import { check, only, url } from "./transports.mjs";

const client = createClient({ url, retryAttempts: 0 });
await check({
  execute: only(client),
  subscribe: (request, sink) => client.subscribe(request, sink),
});
client.dispose();
