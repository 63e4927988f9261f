//! Creating, changing and deleting: what is stored, and what `userErrors` says why it was not.

mod create;
mod delete;
mod stale;
mod update;
