//! The tests of the whole server, in one binary: a file per behaviour, over HTTP, each on SQLite
//! and on PostgreSQL. `tests/run` runs them; `tests/harness` is what they are written with.

mod harness;

mod attacks;
mod audits;
mod auth;
mod beside_drizzle;
mod browsers;
mod check;
mod clients;
mod coalesced;
mod command_line;
mod cut_requests;
mod errors;
mod excess;
mod fairness;
mod filters;
mod floods;
mod fuzz;
mod http;
mod http2;
mod instants;
mod limits;
mod live;
mod logs;
mod measured;
mod migrations;
mod mutations;
mod neon;
mod nodes;
mod overload;
mod pages;
mod playground;
mod readme;
mod running;
mod schema;
mod search;
mod sockets;
mod statements;
mod streams;
mod trusted;
mod unread;
mod validity;
mod values;
mod variables;
