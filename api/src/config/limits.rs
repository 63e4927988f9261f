//! The options that say what requests and connections may take.

use clap::{Args, builder::TypedValueParser, value_parser};

use crate::Limits;

/// One option for each figure of [`Limits`] that is not a time.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_field_names, reason = "they are the options' names")]
pub struct LimitOptions {
    /// What a request may cost: the objects in its answer, and what is looked through to find them
    #[arg(long, env, value_name = "N", default_value_t = Limits::default().cost)]
    #[arg(value_parser = value_parser!(u64).range(1..=1_000_000_000))]
    max_cost: u64,

    /// How many rows a page may have; the schema's 100 is the most
    #[arg(long, env, value_name = "N", default_value_t = Limits::default().page)]
    #[arg(value_parser = value_parser!(i32).range(1..=100))]
    max_page: i32,

    /// How many words, numbers, strings and signs a document may have
    #[arg(long, env, value_name = "N", default_value_t = Limits::default().tokens)]
    #[arg(value_parser = count(10, 1_000_000))]
    max_tokens: usize,

    /// How many fields a document may have, with fragments written out wherever they are spread
    #[arg(long, env, value_name = "N", default_value_t = Limits::default().selections)]
    #[arg(value_parser = count(1, 100_000))]
    max_fields: usize,

    /// How deep fields may be nested
    #[arg(long, env, value_name = "N", default_value_t = Limits::default().depth)]
    #[arg(value_parser = count(1, 60))]
    max_depth: usize,

    /// How many fields may stand at the root of an operation
    #[arg(long, env, value_name = "N", default_value_t = Limits::default().root_fields)]
    #[arg(value_parser = count(1, 100_000))]
    max_root_fields: usize,

    /// How many aliases a document may have
    #[arg(long, env, value_name = "N", default_value_t = Limits::default().aliases)]
    #[arg(value_parser = count(0, 100_000))]
    max_aliases: usize,

    /// How many directives a document may have
    #[arg(long, env, value_name = "N", default_value_t = Limits::default().directives)]
    #[arg(value_parser = count(0, 100_000))]
    max_directives: usize,

    /// How many directives a field may have, or another place in a document
    #[arg(long, env, value_name = "N", default_value_t = Limits::default().directives_at_once)]
    #[arg(value_parser = count(0, 100))]
    max_directives_per_field: usize,

    /// How deep brackets may be nested in a document, and in variables
    #[arg(long, env, value_name = "N", default_value_t = Limits::default().nesting)]
    #[arg(value_parser = count(8, 100))]
    max_nesting: usize,

    /// How many values the variables of a request may have, lists and objects counted too
    #[arg(long, env, value_name = "N", default_value_t = Limits::default().values)]
    #[arg(value_parser = count(0, 1_000_000))]
    max_values: usize,

    /// How many errors an answer may list
    #[arg(long, env, value_name = "N", default_value_t = Limits::default().errors)]
    #[arg(value_parser = count(2, 1_000))]
    max_errors: usize,

    /// How long a body or a WebSocket's message may be, in bytes
    #[arg(long, env, value_name = "BYTES", default_value_t = Limits::default().message)]
    #[arg(value_parser = count(1_024, 1_073_741_824))]
    max_body: usize,

    /// How many bytes of bodies there may be at a time, those of up to 16 KiB aside
    #[arg(long, env, value_name = "BYTES", default_value_t = Limits::default().bodies)]
    #[arg(value_parser = count(1_024, 1_099_511_627_776))]
    max_bodies: usize,

    /// How many operations a WebSocket may have at a time
    #[arg(long, env, value_name = "N", default_value_t = Limits::default().operations)]
    #[arg(value_parser = count(1, 10_000))]
    max_operations: usize,

    /// How many sockets and event streams may be open
    #[arg(long, env, value_name = "N", default_value_t = Limits::default().sockets)]
    #[arg(value_parser = count(0, 1_000_000))]
    max_sockets: usize,
}

impl LimitOptions {
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            cost: self.max_cost,
            page: self.max_page,
            tokens: self.max_tokens,
            selections: self.max_fields,
            depth: self.max_depth,
            root_fields: self.max_root_fields,
            aliases: self.max_aliases,
            directives: self.max_directives,
            directives_at_once: self.max_directives_per_field,
            nesting: self.max_nesting,
            values: self.max_values,
            errors: self.max_errors,
            message: self.max_body,
            bodies: self.max_bodies,
            operations: self.max_operations,
            sockets: self.max_sockets,
            ..Limits::default()
        }
    }
}

fn count(least: u64, most: u64) -> impl TypedValueParser<Value = usize> {
    let number = value_parser!(u64).range(least..=most);
    number.map(|number| usize::try_from(number).unwrap_or(usize::MAX))
}
