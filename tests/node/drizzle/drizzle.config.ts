import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: './drizzle/schema.ts',
  out: process.env.OUT,
  dbCredentials: { url: process.env.DATABASE_URL! },
  verbose: true,
  strict: true,
});
