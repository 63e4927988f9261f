import { check, only, socket } from "./transports.mjs";

const client = socket();
await check({
  execute: only(client),
  subscribe: (request, sink) => client.subscribe(request, sink),
});
await client.dispose();
