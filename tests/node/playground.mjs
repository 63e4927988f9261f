// GraphiQL in a real browser, as a newcomer uses it: node playground.mjs URL DIRECTORY
// Screenshots go into the directory. Whatever the page says on its console is a failure, and so is
// a request to any other server.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import puppeteer from 'puppeteer-core';

const [url, directory] = process.argv.slice(2);
const names = ['chromium', 'chromium-browser', 'google-chrome'];
const find = names.map((name) => `command -v ${name}`).join(' || ');
const browser = await puppeteer.launch({
  executablePath: execFileSync('sh', ['-c', find], { encoding: 'utf8' }).trim(),
  args: [
    '--no-sandbox', // Root has none, and it opens nothing but this server's page.
    '--disable-dev-shm-usage', // Containers have little of it.
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
  ],
  defaultViewport: { width: 1440, height: 900 },
});

const complaints = [];
const page = await browser.newPage();
page.on('pageerror', (error) => complaints.push(`${error}`));
page.on('console', (message) => {
  if (['error', 'warn'].includes(message.type())) complaints.push(message.text());
});
page.on('requestfailed', (request) => complaints.push(`not loaded: ${request.url()}`));
page.on('request', (request) => {
  const { protocol, origin } = new URL(request.url());
  const own = ['data:', 'blob:'].includes(protocol) || origin === new URL(url).origin;
  if (!own) complaints.push(`a request to ${request.url()}`);
});

const button = (label) => page.locator(`button[aria-label^="${label}"]`);
const text = (selector, part) =>
  page.waitForFunction(
    (selector, part) => document.querySelector(selector)?.innerText.includes(part),
    {},
    selector,
    part,
  );
// The editors keep their text in Monaco's models, whatever of it is on the screen.
const editor = (name) =>
  page.waitForFunction(
    (name) => globalThis.__MONACO?.editor.getModels().find(({ uri }) => uri.path.endsWith(name)),
    {},
    name,
  );
const read = async (name, until) => {
  const model = await editor(name);
  await page.waitForFunction((model, part) => model.getValue().includes(part), {}, model, until);
  return model.evaluate((model) => model.getValue());
};
const write = async (name, text) => {
  const model = await editor(name);
  await model.evaluate((model, text) => model.setValue(text), text);
};
const open = async (tab) => {
  await page.locator(`::-p-xpath(//button[@title="${tab}"])`).click();
  // GraphiQL has read the operation, and would send its name.
  await page.waitForFunction((tab) => {
    const { tabs, activeTabIndex } = JSON.parse(localStorage.getItem('graphiql:tabState'));
    return tabs[activeTabIndex].operationName === tab;
  }, {}, tab);
};
/** Asks the server past the page. */
const ask = async (query) => {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query }) });
  return (await response.json()).data;
};
/** Runs what the editor has, and returns its answer. */
const run = async () => {
  await write('response.json', '');
  await button('Execute query').click();
  return JSON.parse(await read('response.json', '\n}'));
};

try {
  const response = await page.goto(url);
  assert.match(response.headers()['content-security-policy'], /script-src 'self';/);
  await read('operation.graphql', 'query Customers');
  assert.match(await page.title(), /repairshop/);

  // The starters, as they are.
  const { customers } = (await run()).data;
  assert.ok(customers.nodes.some(({ tickets }) => tickets.nodes.length > 0));
  await page.screenshot({ path: `${directory}/playground.png` });
  await open('Search');
  const { tickets, ticketCounts } = (await run()).data;
  assert.ok(tickets.totalCount > 0 && ticketCounts.length > 0);
  // A query with variables of one's own.
  await write('variables.json', '{ "words": "surface martin" }');
  assert.deepEqual(
    (await run()).data.tickets.nodes.map(({ title }) => title),
    ['Surface Pro 9: screen flickers'],
  );
  // A mutation, and what it says the second time.
  await open('Create');
  const created = (await run()).data.createCustomer;
  assert.deepEqual(created.userErrors, []);
  assert.equal(created.customer.tickets.nodes.length, 1);
  assert.equal((await run()).data.createCustomer.userErrors[0].code, 'TAKEN');
  await open('Update');
  const updated = (await run()).data.updateTicket;
  assert.deepEqual(updated.userErrors, []);
  assert.equal(updated.ticket.completed, true);

  // A subscription, told of a change that this page has nothing to do with.
  await open('Live');
  await write('response.json', '');
  await button('Execute query').click();
  await button('Stop query').wait();
  const change = `mutation { updateTicket(input: { id: 1, title: "Seen live" }) { ticket { id } } }`;
  let told = '';
  while (!told.includes('"kind": "UPDATED"')) {
    // Again and again: nothing says when the server has heard of the subscription.
    await ask(change);
    told = await read('response.json', '');
  }
  await button('Stop query').click();
  await button('Execute query').wait();

  // The documentation of a field.
  await button('Show Documentation Explorer').click();
  await page.locator('.graphiql-doc-explorer ::-p-text(Mutation)').click();
  await page.locator('.graphiql-doc-explorer ::-p-text(createCustomer)').click();
  await text('.graphiql-doc-explorer', 'Adds a customer, and with `tickets`'.replaceAll('`', ''));
  // What was run.
  await button('Show History').click();
  await text('.graphiql-history', 'Search');
  // A query put together by clicking.
  await open('Customers');
  await button('Show GraphiQL Explorer').click();
  await page.locator('.graphiql-explorer-root ::-p-text(phone)').click();
  await read('operation.graphql', 'phone');
  assert.ok((await run()).data.customers.nodes.every(({ phone }) => phone));

  // As the system has it, also when that changes.
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }]);
  await page.waitForSelector('.vs-dark');
  await page.screenshot({ path: `${directory}/playground-dark.png` });

  // What was typed is there again, and `/` is the same page.
  await page.goto(new URL('/', url).href);
  await read('operation.graphql', 'phone');
  assert.ok((await run()).data.customers.totalCount > customers.totalCount);
} catch (error) {
  await page.screenshot({ path: `${directory}/playground-failed.png` });
  throw new Error(`${error.message}\n${complaints.join('\n')}`, { cause: error });
} finally {
  await browser.close();
}
assert.deepEqual(complaints, []);
