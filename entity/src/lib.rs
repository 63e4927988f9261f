//! The shop's tables as SeaORM entities, column for column as the Drizzle schema has them.
//!
//! Owns names, types and relations of columns. Knows nothing of GraphQL, of migrations, or of
//! which database is behind it.

pub mod customer;
pub mod ticket;

use sea_orm::{
    DbBackend, EntityTrait, Schema,
    sea_query::{IndexCreateStatement, TableCreateStatement},
};

/// An entity's table, as SeaORM's schema builder would make it.
#[derive(Debug, Clone)]
pub struct Definition {
    pub name: String,
    pub table: TableCreateStatement,
    pub indexes: Vec<IndexCreateStatement>,
}

impl Definition {
    pub fn of<E: EntityTrait>(entity: E, backend: DbBackend) -> Self {
        let schema = Schema::new(backend);
        Self {
            name: entity.table_name().to_owned(),
            table: schema.create_table_from_entity(entity),
            indexes: schema.create_index_from_entity(entity),
        }
    }
}

/// The tables of all entities: a new entity is added here, so that `check` and `migrate generate` see
/// it. A table comes after those that it refers to.
#[must_use]
pub fn definitions(backend: DbBackend) -> Vec<Definition> {
    vec![
        Definition::of(customer::Entity, backend),
        Definition::of(ticket::Entity, backend),
    ]
}
