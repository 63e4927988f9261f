//! repairshop: a GraphQL API over a repair shop's customers and tickets.
//!
//! A request's way: [`server`] accepts a connection; a transport turns bytes into a `request`
//! ([`http`], `socket` for sockets), and [`auth`] says who sends it; [`schema`] finds its
//! `document`, read and valid, gives it a database and a loader ([`context`]) and executes it when
//! `admission` gives it a turn; a resolver in [`customer`], [`ticket`] or
//! [`technician`] asks SeaORM; SQL. There is one hop of ours between resolver and SQL: [`row`] for
//! records by key, [`page`] for lists, `write` for changes. Features know these three; none of the
//! three knows a feature. Where several requests want the same rows at the same moment, [`database`]
//! reads once for all of them. `row` and `page` make JSON of each value that they read, [`shape`] puts
//! these together as the selection says, and [`response`] puts that into the answer.
//!
//! A subscription's way: [`schema`] likewise; a resolver in a feature's `change.rs` asks `live` for
//! the changes to its table, and each change that is wanted is executed as a request of its own.
//! `socket` and `stream` send what comes of it, until [`connections`] says that the server stops.
//!
//! What a type of the API is made of stands in its feature's file. What all of them need is below,
//! in reading order.

pub mod config;
pub mod database;
pub mod seed;

mod address;
mod clients;
pub mod connections;
mod health;
pub mod http;
mod playground;
mod request;
pub mod response;
pub mod schema;
pub mod server;
mod socket;
mod stream;

mod admission;
pub mod auth;
mod document;
mod finished;
mod limits;
mod settings;

pub mod context;
pub mod error;
pub mod node;
pub mod scalar;

pub mod customer;
pub mod technician;
pub mod ticket;
pub mod viewer;

mod dialect;
pub mod filter;
mod form;
mod live;
pub mod page;
pub mod row;
pub mod shape;
mod write;

pub use address::Proxy;
pub use admission::RateLimit;
pub use auth::{Auth, Tokens};
pub use connections::Connections;
pub use document::Manifest;
pub use error::{Error, Result};
pub use http::{app, app_with};
pub use limits::Limits;
pub use schema::{App, sdl};
pub use settings::Settings;
