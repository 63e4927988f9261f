import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { check, socket, transport, url } from "./transports.mjs";

const connection = transport === "socket" ? socket() : undefined;
const overSocket = () =>
  subscriptionExchange({
    enableAllOperations: true,
    forwardSubscription: ({ query, variables }) => ({
      subscribe: (sink) => ({ unsubscribe: connection.subscribe({ query, variables }, sink) }),
    }),
  });
const client = new Client({
  url,
  exchanges: [connection ? overSocket() : fetchExchange],
  fetchSubscriptions: true,
  preferGetMethod: false,
});

const plain = ({ data, error }) => {
  if (error?.networkError) throw error.networkError;
  return { data, errors: error?.graphQLErrors };
};

const execute = async ({ query, variables }, kind) =>
  plain(await client[kind](query, variables ?? {}).toPromise());

const subscribe = ({ query, variables }, sink) =>
  client.subscription(query, variables).subscribe((result) => {
    try {
      sink.next(plain(result));
    } catch (error) {
      sink.error(error);
    }
  }).unsubscribe;

await check({ execute, subscribe });
await connection?.dispose();
