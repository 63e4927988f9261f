// As the shop's app has it; the test says which database, and where the migrations go.
import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: './drizzle/schema.js',
  out: process.env.OUT,
  dbCredentials: { url: process.env.DATABASE_URL },
  verbose: true,
  strict: true,
});
