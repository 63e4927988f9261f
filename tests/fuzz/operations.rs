//! Operations made up from the schema, as introspection tells it: valid for the most part, with
//! values that nobody would think of.

use std::{collections::HashMap, fmt::Write};

use serde_json::{Value, json};

use super::Dice;
use crate::harness::Answer;

const INTROSPECTION: &str = "{ __schema { types { kind name
    fields { name args { ...Input } type { ...Type } }
    inputFields { ...Input } enumValues { name } possibleTypes { name } } } }
    fragment Input on __InputValue { name type { ...Type } }
    fragment Type on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// How deep selections and values are nested at most.
const DEEPEST: usize = 4;

pub(super) struct Operations(HashMap<String, Value>);

impl Operations {
    pub(super) async fn of(url: &str, client: &reqwest::Client) -> Self {
        let answer = Answer::to(client, url, &json!({ "query": INTROSPECTION })).await;
        let types = answer.data("/__schema/types").as_array().cloned();
        let types = types.expect("types").into_iter();
        Self(types.map(|it| (name(&it).to_owned(), it)).collect())
    }

    pub(super) fn random(&self, dice: &mut Dice) -> String {
        let (keyword, root) = if dice.one_in(3) {
            ("mutation", "Mutation")
        } else {
            ("query", "Query")
        };
        let mut query = keyword.to_owned();
        self.selection(dice, root, 0, &mut query);
        query
    }

    fn selection(&self, dice: &mut Dice, on: &str, level: usize, query: &mut String) {
        let Some(of) = self.0.get(on) else { return };
        query.push_str(" { __typename ");
        if let Some(possible) = of["possibleTypes"].as_array() {
            for one in possible {
                let _ = write!(query, "... on {}", name(one));
                self.selection(dice, name(one), level + 1, query);
            }
        }
        let fields = of["fields"].as_array().map_or(&[][..], Vec::as_slice);
        for _ in 0..=dice.below(3) {
            let Some(field) = fields.get(dice.below(fields.len().max(1))) else {
                continue;
            };
            let returned = named(&field["type"]);
            let has_fields = !self.0[returned]["fields"].is_null();
            if has_fields && level >= DEEPEST {
                continue;
            }
            // An alias of its own each time: arguments differ.
            let _ = write!(query, "a{}: {}", query.len(), name(field));
            self.arguments(dice, field, query);
            if has_fields {
                self.selection(dice, returned, level + 1, query);
            }
            query.push(' ');
        }
        query.push_str("} ");
    }

    fn arguments(&self, dice: &mut Dice, field: &Value, query: &mut String) {
        let arguments = field["args"].as_array().expect("arguments");
        let mut given = String::new();
        for argument in arguments {
            let must = argument["type"]["kind"] == "NON_NULL";
            if must || dice.one_in(4) {
                let _ = write!(given, "{}: ", name(argument));
                self.value(dice, &argument["type"], 0, &mut given);
                given.push(' ');
            }
        }
        if !given.is_empty() {
            let _ = write!(query, "({given})");
        }
    }

    fn value(&self, dice: &mut Dice, of: &Value, level: usize, query: &mut String) {
        match of["kind"].as_str().expect("a kind") {
            "NON_NULL" => self.value(dice, &of["ofType"], level, query),
            _ if dice.one_in(30) => query.push_str("null"),
            "LIST" => {
                query.push('[');
                for _ in 0..dice.below(3) {
                    self.value(dice, &of["ofType"], level, query);
                    query.push(' ');
                }
                query.push(']');
            }
            "INPUT_OBJECT" => {
                let fields = self.0[name(of)]["inputFields"].as_array().expect("fields");
                query.push('{');
                for field in fields {
                    let must = field["type"]["kind"] == "NON_NULL";
                    if must || level < DEEPEST && dice.one_in(1 + fields.len() / 2) {
                        let _ = write!(query, "{}: ", name(field));
                        self.value(dice, &field["type"], level + 1, query);
                        query.push(' ');
                    }
                }
                query.push('}');
            }
            "ENUM" => {
                let values = self.0[name(of)]["enumValues"].as_array().expect("values");
                query.push_str(name(&values[dice.below(values.len())]));
            }
            _ => scalar(dice, name(of), query),
        }
    }
}

fn scalar(dice: &mut Dice, of: &str, query: &mut String) {
    let instants = [
        "2026-11-22T09:30:00.123456Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999Z",
        "2016-12-31T23:59:60Z",
        "2026-11-22T00:00:00+23:59",
    ];
    let numbers = [
        "0",
        "1",
        "-1",
        "2",
        "7",
        "100",
        "101",
        "2147483647",
        "-2147483648",
    ];
    match of {
        "Int" => query.push_str(dice.pick(&numbers)),
        "Boolean" => query.push_str(dice.pick(&["true", "false"])),
        "DateTime" => drop(write!(query, "{:?}", dice.pick(&instants))),
        "ID" if dice.one_in(2) => {
            let of = dice.pick(&["Ticket", "Customer"]);
            let _ = write!(query, "\"{of}:{}\"", dice.below(20));
        }
        _ => drop(write!(query, "{}", json!(dice.text()))),
    }
}

fn name(of: &Value) -> &str {
    of["name"].as_str().expect("a name")
}

/// The name of a type without its lists and exclamation marks.
fn named(mut of: &Value) -> &str {
    while !of["ofType"].is_null() {
        of = &of["ofType"];
    }
    name(of)
}
