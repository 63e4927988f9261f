import { ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { parse } from "graphql";
import { check, socket, transport, url } from "./transports.mjs";

const connection = transport === "socket" ? socket() : undefined;
const link = connection ? new GraphQLWsLink(connection) : new HttpLink({ uri: url });
const client = new ApolloClient({ link, cache: new InMemoryCache() });

async function execute({ query, variables }, kind) {
  const document = parse(query);
  try {
    return kind === "mutation"
      ? await client.mutate({ mutation: document, variables })
      : await client.query({ query: document, variables, fetchPolicy: "network-only" });
  } catch (error) {
    if (CombinedGraphQLErrors.is(error)) return { errors: error.errors };
    throw error;
  }
}

function subscribe({ query, variables }, sink) {
  const subscription = client.subscribe({ query: parse(query), variables }).subscribe(sink);
  return () => subscription.unsubscribe();
}

await check({ execute, subscribe });
client.stop();
await connection?.dispose();
