//! The shop's tables as SeaORM entities, column for column as the Drizzle schema has them.
//!
//! Owns names, types and relations of columns. Knows nothing of GraphQL, of migrations, or of
//! which database is behind it.

pub mod customer;
pub mod ticket;
