// The introspection of GraphiQL, code generators and command lines, which all of them have from
// graphql-js: with each set of options that it takes, and the schema that comes of it.
// node introspection.mjs URL
import assert from 'node:assert/strict';
import { buildClientSchema, getIntrospectionQuery } from 'graphql';

const url = process.argv[2];
const flags = ['descriptions', 'specifiedByUrl', 'directiveIsRepeatable', 'schemaDescription', 'inputValueDeprecation'];
// What old servers do not know ours does.
const some = [0, 0b11111, 0b00001, 0b10000, 0b01010, 0b10101, 0b11100, 0b00111];
let count = 0;
const ask = async (query) => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ query, operationName: 'IntrospectionQuery' }),
  });
  const { data, errors } = await response.json();
  assert.deepEqual(errors, undefined);
  const schema = buildClientSchema(data);
  assert.ok(schema.getQueryType().getFields().tickets);
  count += 1;
};
for (const bits of some) {
  const options = Object.fromEntries(flags.map((flag, at) => [flag, Boolean(bits & (1 << at))]));
  const query = getIntrospectionQuery(options);
  await ask(query);
  // graphql-js 17 goes deeper: nine wrappers, and `typeDepth` sets it.
  const deepest = query.replace(/fragment TypeRef[^]*$/, '');
  for (const depth of [9, 20]) {
    await ask(`${deepest} fragment TypeRef on __Type { kind name ${'ofType { kind name '.repeat(depth)}${'}'.repeat(depth)} }`);
  }
}
console.log(`${count} introspections`);
