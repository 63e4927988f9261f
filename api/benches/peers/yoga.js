// Yoga over Drizzle: relational queries, prepared where their text is always the same, and a
// DataLoader where there are many parents.
import { createServer } from 'node:http';
import DataLoader from 'dataloader';
import { and, asc, count, desc, eq, gt, gte, ilike, inArray, lt, lte, ne, relations, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { boolean, integer, pgTable, serial, text, timestamp, varchar } from 'drizzle-orm/pg-core';
import { GraphQLScalarType } from 'graphql';
import { createSchema, createYoga } from 'graphql-yoga';
import pg from 'pg';
import {
  FOREIGN_KEY_VIOLATION, asked, behind, blanks, camel, cursor, noCustomer, noTicket, number, typeDefs,
} from './contract.js';

const times = {
  createdAt: timestamp('created_at').notNull().defaultNow(),
  updatedAt: timestamp('updated_at').notNull().defaultNow().$onUpdate(() => new Date()),
};
const customers = pgTable('customers', {
  number: serial('id').primaryKey(),
  firstName: varchar('first_name').notNull(),
  lastName: varchar('last_name').notNull(),
  email: varchar('email').notNull().unique(),
  phone: varchar('phone').notNull(),
  address1: varchar('address1').notNull(),
  address2: varchar('address2'),
  city: varchar('city').notNull(),
  state: varchar('state', { length: 2 }).notNull(),
  zipCode: varchar('zip_code', { length: 10 }).notNull(),
  notes: text('notes'),
  active: boolean('active').notNull().default(true),
  ...times,
});
const tickets = pgTable('tickets', {
  number: serial('id').primaryKey(),
  customerId: integer('customer_id').notNull().references(() => customers.number),
  title: varchar('title').notNull(),
  description: text('description'),
  completed: boolean('completed').notNull().default(false),
  tech: varchar('tech').notNull().default('unassigned'),
  ...times,
});
const customersRelations = relations(customers, ({ many }) => ({ tickets: many(tickets) }));
const ticketsRelations = relations(tickets, ({ one }) => ({
  customer: one(customers, { fields: [tickets.customerId], references: [customers.number] }),
}));

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const db = drizzle(pool, { schema: { customers, tickets, customersRelations, ticketsRelations } });

const byNumber = { where: eq(tickets.number, sql.placeholder('number')) };
const ticketAlone = db.query.tickets.findFirst(byNumber).prepare('ticket');
const ticketWithCustomer = db.query.tickets
  .findFirst({ ...byNumber, with: { customer: true } })
  .prepare('ticket_with_customer');

const contains = (column, value) => ilike(column, `%${value.replace(/[\\%_]/g, '\\$&')}%`);
const OPERATORS = { eq, ne, lt, lte, gt, gte, contains };

const conditions = (table, where) =>
  Object.entries(where ?? {}).flatMap(([field, operators]) =>
    Object.entries(operators).map(([operator, value]) => OPERATORS[operator](table[field], value)),
  );

const order = (table, orderBy) => [
  ...(orderBy ?? []).map(({ field, direction }) => (direction === 'DESC' ? desc : asc)(table[camel(field)])),
  asc(table.number),
];

/** A connection from one row more than the page has. */
function connection(type, rows, first) {
  const hasNextPage = rows.length > first;
  const nodes = hasNextPage ? rows.slice(0, first) : rows;
  const last = nodes.at(-1);
  return { nodes, pageInfo: { hasNextPage, endCursor: () => (last ? cursor(type, last.number) : null) } };
}

async function list(type, table, relational, { first, after, where, orderBy }, related) {
  const limit = first ?? 20;
  const filter = conditions(table, where);
  const behindCursor = after ? [gt(table.number, behind(after))] : [];
  const rows = await relational.findMany({
    where: and(...filter, ...behindCursor),
    orderBy: order(table, orderBy),
    limit: limit + 1,
    with: related,
  });
  const totalCount = async () => {
    const [{ total }] = await db.select({ total: count() }).from(table).where(and(...filter));
    return total;
  };
  return { ...connection(type, rows, limit), totalCount };
}

/** Loaders of one request: for each field's arguments one, that asks for many customers at once. */
function ticketsOfCustomers() {
  const loaders = new Map();
  return (customer, args) => {
    const key = JSON.stringify(args);
    let loader = loaders.get(key);
    if (!loader) loaders.set(key, (loader = new DataLoader((numbers) => firstTickets(numbers, args))));
    return loader.load(customer);
  };
}

async function firstTickets(numbers, { first, where, orderBy }) {
  const limit = first ?? 20;
  const rows = await db.query.customers.findMany({
    columns: { number: true },
    where: inArray(customers.number, numbers),
    with: {
      tickets: {
        where: and(...conditions(tickets, where)),
        orderBy: order(tickets, orderBy),
        limit: limit + 1,
      },
    },
  });
  const byCustomer = new Map(rows.map((row) => [row.number, row.tickets]));
  return numbers.map((number) => connection('Ticket', byCustomer.get(number) ?? [], limit));
}

const resolvers = {
  DateTime: new GraphQLScalarType({ name: 'DateTime', serialize: (date) => date.toISOString() }),
  Query: {
    ticket: (_, { id }, __, info) =>
      (asked(info).has('customer') ? ticketWithCustomer : ticketAlone).execute({ number: number(id) }),
    customers: (_, args) => list('Customer', customers, db.query.customers, args),
    tickets: (_, args, __, info) =>
      list('Ticket', tickets, db.query.tickets, args, asked(info).has('nodes.customer') ? { customer: true } : undefined),
  },
  Customer: {
    tickets: (customer, args, context) => context.ticketsOfCustomers(customer.number, args),
  },
  Mutation: {
    async createTicket(_, { input: { customerId, ...input } }) {
      const userErrors = blanks(input, ['title', 'tech']);
      if (userErrors.length) return { ticket: null, userErrors };
      try {
        const [ticket] = await db.insert(tickets).values({ ...input, customerId: number(customerId) }).returning();
        return { ticket, userErrors: [] };
      } catch (error) {
        if (error.cause?.code === FOREIGN_KEY_VIOLATION) return { ticket: null, userErrors: [noCustomer] };
        throw error;
      }
    },
    async updateTicket(_, { input: { id, ...input } }) {
      const userErrors = blanks(input, ['title', 'tech']);
      if (userErrors.length) return { ticket: null, userErrors };
      const [ticket] = await db.update(tickets).set(input).where(eq(tickets.number, number(id))).returning();
      return ticket ? { ticket, userErrors: [] } : { ticket: null, userErrors: [noTicket] };
    },
  },
};

const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }),
  context: () => ({ ticketsOfCustomers: ticketsOfCustomers() }),
  graphiql: false,
  landingPage: false,
  multipart: false,
});
const server = createServer(yoga);
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
