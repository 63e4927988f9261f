// The audits of the GraphQL over HTTP specification, all of them: node audits.mjs URL
import { auditServer } from 'graphql-http';

const results = await auditServer({ url: process.argv[2] });
const failed = results.filter(({ status }) => status !== 'ok');
for (const { status, id, name, reason } of failed) console.log(status, id, name, reason);
console.log(`${results.length - failed.length} of ${results.length}`);
process.exitCode = failed.length === 0 && results.length >= 60 ? 0 : 1;
