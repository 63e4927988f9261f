// Tokens, as the clients of sockets and of events send them.
import assert from "node:assert/strict";
import { createClient as overEvents } from "graphql-sse";
import { createClient as overSocket } from "graphql-ws";
import WebSocket from "ws";
import { only, url } from "./transports.mjs";

globalThis.WebSocket ??= WebSocket;

const Authorization = `Bearer ${process.argv[4]}`;
const query = "{ viewer { role } }";
const expected = { data: { viewer: { role: "TECHNICIAN" } } };
const done = [];

const ask = (headers) =>
  fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query }),
  });
assert.deepEqual(await (await ask({ Authorization })).json(), expected);
done.push("http");

const socket = (connectionParams) =>
  overSocket({
    url: url.replace("http", "ws"),
    connectionParams,
    lazyCloseTimeout: 0,
    retryAttempts: 0,
  });
assert.deepEqual({ ...(await only(socket({ Authorization }))({ query })) }, expected);
done.push("socket");

const events = overEvents({ url, headers: { Authorization }, retryAttempts: 0 });
assert.deepEqual({ ...(await only(events)({ query })) }, expected);
done.push("events");

const refused = await ask({ Authorization: "Bearer a.b.c" });
assert.equal(refused.status, 401);
assert.match(refused.headers.get("www-authenticate"), /^Bearer .*error="invalid_token"/);
done.push("refused");

const closed = await only(socket({}))({ query }).catch((event) => event.code);
done.push(closed);
console.log(done.join(" "));
