// Mercurius with its compiler and its loaders, as its documentation has them, over prepared
// statements by hand: one for each level. With `--tuned` it looks ahead as well: only the columns
// that are asked for, and a JOIN in place of the loader for parents.
import Fastify from 'fastify';
import mercurius from 'mercurius';
import pg from 'pg';
import {
  FOREIGN_KEY_VIOLATION, asked, behind, blanks, camel, cursor, noCustomer, noTicket, number, typeDefs,
} from './contract.js';

const tuned = process.argv.includes('--tuned');

// As the contract prints it, without a `Date` between.
pg.types.setTypeParser(pg.types.builtins.TIMESTAMP, (text) => `${text.replace(' ', 'T')}Z`);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });

const names = new Map();

/** The rows of a statement, which each connection prepares once. */
async function query(text, values) {
  let name = names.get(text);
  if (!name) names.set(text, (name = `statement ${names.size}`));
  return (await pool.query({ name, text, values })).rows;
}

const columns = (names) => Object.fromEntries(names.split(' ').map((name) => [camel(name), name]));
const CUSTOMER = {
  name: 'Customer',
  table: 'customers',
  columns: {
    number: 'id',
    ...columns('first_name last_name email phone address1 address2 city state zip_code notes active created_at updated_at'),
  },
};
const TICKET = {
  name: 'Ticket',
  table: 'tickets',
  columns: { number: 'id', ...columns('customer_id title description completed tech created_at updated_at') },
};

/** All columns, or those behind the fields that are asked for under a path. */
function selected(type, fields, path, alias, as = '') {
  const wanted = Object.entries(type.columns).filter(
    ([field]) => !tuned || field === 'number' || fields.has(path + field),
  );
  return wanted.map(([field, column]) => `${alias}.${column} AS "${as}${field}"`).join(', ');
}

const OPERATORS = { eq: '=', ne: 'IS DISTINCT FROM', lt: '<', lte: '<=', gt: '>', gte: '>=' };

/** A filter as SQL; its values join `values`. */
function condition(type, where, values) {
  const all = [];
  for (const [field, operators] of Object.entries(where ?? {})) {
    const column = `t.${type.columns[field]}`;
    for (const [operator, value] of Object.entries(operators)) {
      if (operator === 'contains') {
        const pattern = `%${value.replace(/[\\%_]/g, '\\$&')}%`;
        all.push(`${column} ILIKE $${values.push(pattern)}`);
      } else {
        // A boolean as it is, so that an index on the open tickets serves the prepared statement.
        const operand = typeof value === 'boolean' ? value : `$${values.push(value)}`;
        all.push(`${column} ${OPERATORS[operator]} ${operand}`);
      }
    }
  }
  return all;
}

/** A connection from one row more than the page has, where that is of interest. */
function connection(type, rows, first, fields) {
  const page = { nodes: rows, pageInfo: null, totalCount: null };
  if (fields.has('pageInfo')) {
    const hasNextPage = rows.length > first;
    if (hasNextPage) rows.pop();
    const last = rows.at(-1);
    const endCursor = last ? cursor(type.name, last.number) : null;
    page.pageInfo = { hasNextPage, endCursor };
  }
  return page;
}

const order = (type, orderBy) =>
  [...(orderBy ?? []), { field: 'NUMBER', direction: 'ASC' }]
    .map(({ field, direction }) => `t.${type.columns[camel(field)]} ${direction}`)
    .join(', ');

/** Which rows of a list: their columns, their order, how many at most. */
function shape(type, { first, orderBy }, fields) {
  const limit = first + (fields.has('pageInfo') ? 1 : 0);
  return {
    columns: selected(type, fields, 'nodes.', 't'),
    tail: `ORDER BY ${order(type, orderBy)} LIMIT ${limit}`,
  };
}

async function list(type, args, info) {
  const page = { ...args, first: args.first ?? 20 };
  const fields = asked(info);
  const values = [];
  const conditions = condition(type, args.where, values);
  const where = conditions.length ? `WHERE ${conditions.join(' AND ')}` : '';
  const total = fields.has('totalCount')
    ? query(`SELECT count(*)::int AS count FROM ${type.table} t ${where}`, values)
    : null;

  const pageValues = [...values];
  if (args.after) conditions.push(`t.id > $${pageValues.push(behind(args.after))}`);
  const rest = conditions.length ? `WHERE ${conditions.join(' AND ')}` : '';
  let { columns, tail } = shape(type, page, fields);
  let join = '';
  if (tuned && type === TICKET && fields.has('nodes.customer')) {
    columns += `, ${selected(CUSTOMER, fields, 'nodes.customer.', 'c', 'customer.')}`;
    join = 'JOIN customers c ON c.id = t.customer_id';
  }
  const rows = await query(`SELECT ${columns} FROM ${type.table} t ${join} ${rest} ${tail}`, pageValues);
  if (join) rows.forEach(nest);
  const answer = connection(type, rows, page.first, fields);
  if (total) answer.totalCount = (await total)[0].count;
  return answer;
}

/** A joined row's `customer.` columns as an object of their own. */
function nest(row) {
  const customer = {};
  for (const name in row) if (name.startsWith('customer.')) customer[name.slice(9)] = row[name];
  row.customer = customer;
}

const resolvers = {
  Query: {
    async ticket(_, { id }, __, info) {
      const fields = asked(info);
      let columns = selected(TICKET, fields, '', 't');
      let join = '';
      if (tuned && fields.has('customer')) {
        columns += `, ${selected(CUSTOMER, fields, 'customer.', 'c', 'customer.')}`;
        join = 'JOIN customers c ON c.id = t.customer_id';
      }
      const [row] = await query(`SELECT ${columns} FROM tickets t ${join} WHERE t.id = $1`, [number(id)]);
      if (row && join) nest(row);
      return row ?? null;
    },
    customers: (_, args, __, info) => list(CUSTOMER, args, info),
    tickets: (_, args, __, info) => list(TICKET, args, info),
  },
  Mutation: {
    async createTicket(_, { input }, __, info) {
      const userErrors = blanks(input, ['title', 'tech']);
      if (userErrors.length) return { ticket: null, userErrors };
      const columns = selected(TICKET, asked(info), 'ticket.', 't');
      const values = [number(input.customerId), input.title, input.description, input.completed, input.tech];
      try {
        const [ticket] = await query(
          `INSERT INTO tickets AS t (customer_id, title, description, completed, tech) VALUES ($1, $2, $3, $4, $5) RETURNING ${columns}`,
          values,
        );
        return { ticket, userErrors: [] };
      } catch (error) {
        if (error.code === FOREIGN_KEY_VIOLATION) return { ticket: null, userErrors: [noCustomer] };
        throw error;
      }
    },
    async updateTicket(_, { input }, __, info) {
      const userErrors = blanks(input, ['title', 'tech']);
      if (userErrors.length) return { ticket: null, userErrors };
      const values = [number(input.id)];
      const changes = Object.keys(TICKET.columns)
        .filter((field) => input[field] !== undefined)
        .map((field) => {
          const value = field === 'customerId' ? number(input[field]) : input[field];
          return `${TICKET.columns[field]} = $${values.push(value)}`;
        });
      const columns = selected(TICKET, asked(info), 'ticket.', 't');
      const [ticket] = await query(
        `UPDATE tickets AS t SET ${[...changes, 'updated_at = now()'].join(', ')} WHERE t.id = $1 RETURNING ${columns}`,
        values,
      );
      return ticket ? { ticket, userErrors: [] } : { ticket: null, userErrors: [noTicket] };
    },
  },
};

/** The customers of all tickets that ask for theirs. */
async function customersOfTickets(queries) {
  const fields = asked(queries[0].info);
  const numbers = [...new Set(queries.map(({ obj }) => obj.customerId))];
  const rows = await query(
    `SELECT ${selected(CUSTOMER, fields, '', 'c')} FROM customers c WHERE c.id = ANY($1)`,
    [numbers],
  );
  const byNumber = new Map(rows.map((row) => [row.number, row]));
  return queries.map(({ obj }) => byNumber.get(obj.customerId));
}

/** The first tickets of each customer, in one statement for each field of the document. */
async function ticketsOfCustomers(queries) {
  const byField = Map.groupBy(queries, ({ info }) => info.fieldNodes[0]);
  const answers = new Map();
  for (const group of byField.values()) {
    const { params, info } = group[0];
    const page = { ...params, first: params.first ?? 20 };
    const fields = asked(info);
    const values = [group.map(({ obj }) => obj.number)];
    const conditions = ['t.customer_id = k.key', ...condition(TICKET, params.where, values)];
    const { columns, tail } = shape(TICKET, page, fields);
    const rows = await query(
      `SELECT k.key, t.* FROM unnest($1::int[]) AS k(key) CROSS JOIN LATERAL (SELECT ${columns} FROM tickets t WHERE ${conditions.join(' AND ')} ${tail}) t`,
      values,
    );
    const byCustomer = Map.groupBy(rows, (row) => row.key);
    for (const query of group) {
      const rows = byCustomer.get(query.obj.number) ?? [];
      answers.set(query, connection(TICKET, rows, page.first, fields));
    }
  }
  return queries.map((query) => answers.get(query));
}

// No cache: the documentation has it for what is asked for again, and its keys cost.
const opts = { cache: false };
const app = Fastify();
app.register(mercurius, {
  schema: typeDefs,
  resolvers,
  loaders: {
    Customer: { tickets: { loader: ticketsOfCustomers, opts } },
    ...(tuned ? {} : { Ticket: { customer: { loader: customersOfTickets, opts } } }),
  },
  jit: 1,
});
console.log(await app.listen({ host: '127.0.0.1', port: 0 }));
