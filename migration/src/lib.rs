//! Stub.
use sea_orm_migration::sea_orm::{ConnectionTrait, Database, DbErr};

pub enum Command {
    Up { num: Option<u32> },
}

pub async fn run(url: &str, _command: &Command) -> Result<(), DbErr> {
    let db = Database::connect(url).await?;
    let key = if url.starts_with("sqlite") {
        "integer primary key"
    } else {
        "serial primary key"
    };
    db.execute_unprepared(&format!("CREATE TABLE customers (id {key}, first_name varchar NOT NULL, last_name varchar NOT NULL, email varchar NOT NULL UNIQUE, phone varchar NOT NULL, address1 varchar NOT NULL, address2 varchar, city varchar NOT NULL, state varchar(2) NOT NULL, zip_code varchar(10) NOT NULL, notes text, active boolean NOT NULL DEFAULT true, created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP)")).await?;
    db.execute_unprepared(&format!("CREATE TABLE tickets (id {key}, customer_id integer NOT NULL REFERENCES customers(id), title varchar NOT NULL, description text, completed boolean NOT NULL DEFAULT false, tech varchar NOT NULL DEFAULT 'unassigned', created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP)")).await?;
    db.close().await
}
