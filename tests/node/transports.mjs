// What every client is asked to do, whatever its transport.
import assert from "node:assert/strict";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

// Browsers have it; Node.js before 22 does not.
globalThis.WebSocket ??= WebSocket;

export const [url, transport] = process.argv.slice(2);

// graphql-ws's own client, which the others use over a socket.
export const socket = () =>
  createClient({
    url: url.replace("http", "ws"),
    lazyCloseTimeout: 0,
    retryAttempts: 0,
  });

// The one result of a request to a client that has only subscriptions: { data, errors }.
export const only = (client) => (request) =>
  new Promise((resolve, reject) => {
    let result;
    client.subscribe(request, {
      next: (value) => (result = value),
      complete: () => resolve(result),
      // Over a socket request errors are an array.
      error: (error) => (Array.isArray(error) ? resolve({ errors: error }) : reject(error)),
    });
  });

// `execute` resolves with { data, errors } (each with a `message` and `extensions`); `subscribe`
// takes a sink and returns what unsubscribes.
export async function check({ execute, subscribe }) {
  const done = [];
  const query = "query Ticket($id: ID!) { ticket(id: $id) { id title } }";
  const variables = { id: "Ticket:1" };
  const before = await execute({ query, variables }, "query");
  assert.equal(before.errors?.length ?? 0, 0, JSON.stringify(before));
  assert.equal(before.data.ticket.id, "Ticket:1");
  done.push("query");

  const mutation = `mutation Rename($title: String!) {
    updateTicket(input: { id: 1, title: $title }) { ticket { id title } userErrors { code } } }`;
  const title = "Seen by a client";
  const rename = () => execute({ query: mutation, variables: { title } }, "mutation");
  const renamed = await rename();
  assert.equal(renamed.data.updateTicket.ticket.title, title);
  done.push("mutation");

  const subscription = `subscription Changes($id: ID) {
    ticketChanged(id: $id) { kind id ticket { id title } } }`;
  const event = await new Promise((resolve, reject) => {
    let waiting = true;
    const end = (how) => (value) => {
      waiting = false;
      how(value);
    };
    const stop = subscribe(
      { query: subscription, variables },
      {
        next: end(resolve),
        error: end(reject),
        complete: end(() => reject(new Error("a subscription does not end"))),
      },
    );
    // There is no moment at which it is known to have begun.
    (async () => {
      while (waiting) await rename();
      stop();
    })().catch(reject);
  });
  const { kind, ticket } = event.data.ticketChanged;
  assert.deepEqual([kind, ticket.id, ticket.title], ["UPDATED", "Ticket:1", title]);
  done.push("subscription");

  const refused = await execute({ query: "query { nothing }" }, "query");
  assert.equal(refused.errors[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
  done.push("refusal");
  console.log(done.join(" "));
}
