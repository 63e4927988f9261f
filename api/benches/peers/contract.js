// What the hand-written peers share: the contract, its ids and cursors, and what a request asks for.
// They implement what the benchmark asks of them, as they would if they did the rest too.
import { readFileSync } from 'node:fs';

export const typeDefs = readFileSync(new URL('../../../schema.graphql', import.meta.url), 'utf8');

/** The number in an id: `Ticket:42` or `42`. */
export const number = (id) => Number(id.slice(id.indexOf(':') + 1));

/** The cursor behind a record in the default order. */
export const cursor = (type, number) =>
  Buffer.from(JSON.stringify([`${type} NUMBER ASC`, number])).toString('base64url');

/** The number of the record that a cursor stands behind. */
export const behind = (cursor) => JSON.parse(Buffer.from(cursor, 'base64url'))[1];

export const camel = (name) => name.toLowerCase().replace(/_(.)/g, (_, letter) => letter.toUpperCase());

const known = new WeakMap();

/**
 * The fields that are asked for, by their paths, such as `nodes.customer`. Servers parse a document
 * once, so that this is found once a document too.
 */
export function asked(info) {
  const field = info.fieldNodes[0];
  let paths = known.get(field);
  if (!paths) {
    paths = new Set();
    collect(field, '', info.fragments, paths);
    known.set(field, paths);
  }
  return paths;
}

function collect(node, prefix, fragments, paths) {
  for (const selection of node.selectionSet?.selections ?? []) {
    if (selection.kind === 'Field') {
      const path = prefix + selection.name.value;
      paths.add(path);
      collect(selection, `${path}.`, fragments, paths);
    } else {
      collect(fragments[selection.name?.value] ?? selection, prefix, fragments, paths);
    }
  }
}

/** The texts among the fields that must not be blank and are. */
export const blanks = (input, fields) =>
  fields
    .filter((field) => typeof input[field] === 'string' && !input[field].trim())
    .map((field) => ({ code: 'BLANK', message: `Expected a ${field}, found nothing.`, field: ['input', field] }));

export const noCustomer = {
  code: 'NOT_FOUND',
  message: 'There is no such customer.',
  field: ['input', 'customerId'],
};

export const noTicket = { code: 'NOT_FOUND', message: 'There is no such ticket.', field: ['input', 'id'] };

/** PostgreSQL's code for a foreign key that leads nowhere. */
export const FOREIGN_KEY_VIOLATION = '23503';
