// The shop's app on its own tables, by drizzle-orm, beside the server:
// node beside.mjs <url of /graphql> <url of the database> [unmigrated]
import assert from 'node:assert/strict';
import { eq, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { createClient } from 'graphql-sse';
import pg from 'pg';
import * as schema from './schema.js';

const [url, database, state] = process.argv.slice(2);
// What triggers do, which a database without our migrations has none of.
const triggers = state !== 'unmigrated';
const { customers, tickets } = schema;
const pool = new pg.Pool({ connectionString: database, max: 2 });
const db = drizzle(pool, { schema });

const api = async (query, variables) => {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  assert.deepEqual(errors, undefined);
  return data;
};
// The instant that the database holds, to the microsecond.
const stored = async (table, id) => {
  const instant = sql.raw('"updated_at"');
  const [row] = (await db.execute(sql`select to_char(${instant}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at from ${table} where id = ${id}`)).rows;
  return row.at;
};
const sameInstant = (a, b) => {
  const micros = (text) => text.replace('Z', '').replace(/\.(\d*)$/, (_, digits) => `.${digits.padEnd(6, '0')}`).padEnd(26, '.000000');
  assert.equal(micros(a), micros(b));
};
const someone = {
  firstName: 'Edith', lastName: 'Clarke', phone: '555-0133', address1: '1 Grid Road', city: 'Austin', state: 'TX', zipCode: '78701',
};

// Live changes, from here on.
const events = [];
let listening;
const client = createClient({ url, retryAttempts: 0 });
if (triggers) client.subscribe(
  { query: 'subscription { ticketChanged { kind id ticket { title tech } } }' },
  { next: ({ data }) => { events.push(data.ticketChanged); listening?.(); }, error: (error) => { throw error; }, complete: () => {} },
);
const event = async (wanted) => {
  if (!triggers) return { ticket: { title: 'Calculator: sticky keys', tech: 'unassigned' } };
  const found = () => events.find(wanted);
  while (!found()) await new Promise((resolve) => { listening = resolve; });
  return found();
};
const listens = async () => {
  for (;;) {
    const { rows } = await db.execute(sql`select 1 from repairshop.listeners`);
    if (rows.length) return;
  }
};
if (triggers) await listens();

// What Drizzle writes is in the API.
const [edith] = await db.insert(customers).values({ ...someone, email: 'Edith.Clarke@Example.com' }).returning();
const [job] = await db.insert(tickets).values({ customerId: edith.id, title: 'Calculator: sticky keys' }).returning();
const told = await event(({ kind, id }) => kind === 'CREATED' && id === `Ticket:${job.id}`);
assert.deepEqual(told.ticket, { title: 'Calculator: sticky keys', tech: 'unassigned' });
const read = async (number) => (await api(
  'query($id: ID!) { ticket(id: $id) { title completed tech createdAt updatedAt customer { firstName email active } } }',
  { id: String(number) },
)).ticket;
const seen = await read(job.id);
assert.equal(seen.title, job.title);
assert.deepEqual(seen.customer, { firstName: 'Edith', email: 'Edith.Clarke@Example.com', active: true });
sameInstant(seen.updatedAt, await stored(tickets, job.id));
assert.equal(new Date(seen.createdAt).getTime(), job.createdAt.getTime());
console.log('drizzle to api');

// An address that Drizzle stored in mixed case is found, and nobody else gets it.
const found = await api('{ customerByEmail(email: "edith.clarke@EXAMPLE.com") { number } }');
assert.equal(found.customerByEmail.number, edith.id);
const create = 'mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { number email } userErrors { code field } } }';
const taken = [{ code: 'TAKEN', field: ['input', 'email'] }];
for (const email of ['edith.clarke@example.com', 'EDITH.CLARKE@EXAMPLE.COM']) {
  const { createCustomer } = await api(create, { input: { ...someone, email } });
  assert.deepEqual(createCustomer, { customer: null, userErrors: taken });
}
console.log('mixed case');

// What the API writes is in Drizzle.
const made = await api(create, { input: { ...someone, email: 'Admiral@Example.com' } });
assert.deepEqual(made.createCustomer.userErrors, []);
const grace = await db.query.customers.findFirst({ where: eq(customers.email, 'admiral@example.com'), with: { tickets: true } });
assert.equal(grace.id, made.createCustomer.customer.number);
assert.deepEqual(grace.tickets, []);
assert.ok(grace.createdAt instanceof Date && grace.active === true && grace.notes === null);
await assert.rejects(db.insert(customers).values({ ...someone, email: 'admiral@example.com' }), ({ cause }) => cause.code === '23505');
console.log('api to drizzle');

// Either side moves updatedAt, and the other sees it; a subscriber is told.
const before = (await read(job.id)).updatedAt;
const [done] = await db.update(tickets).set({ completed: true, tech: 'Bea' }).where(eq(tickets.id, job.id)).returning();
const after = await read(job.id);
assert.ok(after.updatedAt > before && after.completed);
assert.equal(new Date(after.updatedAt).getTime(), done.updatedAt.getTime());
await event(({ kind, ticket }) => kind === 'UPDATED' && ticket?.tech === 'Bea');
// SQL past Drizzle's $onUpdate.
await db.execute(sql`update tickets set tech = 'Chuck' where id = ${job.id}`);
const touched = await read(job.id);
assert.equal(touched.updatedAt > after.updatedAt, triggers);
sameInstant(touched.updatedAt, await stored(tickets, job.id));
await api('mutation($id: ID!) { updateTicket(input: { id: $id, title: "Calculator: clean" }) { userErrors { code } } }', { id: String(job.id) });
const again = await db.query.tickets.findFirst({ where: eq(tickets.id, job.id), with: { customer: true } });
assert.equal(again.title, 'Calculator: clean');
assert.equal(again.customer.firstName, 'Edith');
assert.ok(again.updatedAt.getTime() > new Date(after.updatedAt).getTime());
console.log('updatedAt');

// An instant to the microsecond, which no JavaScript date holds, comes through as it is.
await db.execute(sql`update tickets set updated_at = '2026-01-02 03:04:05.678901' where id = ${job.id}`);
sameInstant((await read(job.id)).updatedAt, '2026-01-02T03:04:05.678901Z');
console.log('microseconds');

await db.delete(tickets).where(eq(tickets.id, job.id));
await event(({ kind, id }) => kind === 'DELETED' && id === `Ticket:${job.id}`);
assert.equal(await read(job.id), null);
console.log('live');

client.dispose();
await pool.end();
