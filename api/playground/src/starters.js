// What the tabs hold at first: the files in `operations`, by name, with their variables.
const files = import.meta.glob('./operations/*', { query: '?raw', import: 'default', eager: true });

export const starters = Object.entries(files)
  .filter(([path]) => path.endsWith('.graphql'))
  .map(([path, query]) => ({ query, variables: files[path.replace('.graphql', '.json')] }));
