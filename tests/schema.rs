//! The printed schema: the file at the top, what it promises, and that all of it is described.

use std::{collections::BTreeSet, fs};

use async_graphql::{
    Positioned,
    parser::{
        parse_schema,
        types::{FieldDefinition, InputValueDefinition, TypeKind, TypeSystemDefinition},
    },
};
use serde_json::json;

use crate::harness::{Shop, on_both, repairshop};

on_both!(the_viewer_is_a_manager_without_a_subject);

#[test]
fn the_file_at_the_top_is_what_the_server_prints() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../schema.graphql");
    let file = fs::read_to_string(path).expect("schema.graphql");
    let update = "schema.graphql is out of date: cargo run -- schema > schema.graphql";
    assert!(file == api::sdl(), "{update}");
}

#[test]
fn the_command_prints_the_schema() {
    let outcome = repairshop(&["schema"], &[]);
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    assert_eq!(outcome.stdout, api::sdl());
}

#[test]
fn the_schema_keeps_the_contract() {
    let printed = Facts::of(&api::sdl()).said;
    let contract = Facts::of(include_str!("contract.graphql")).said;
    let missing: Vec<_> = contract.difference(&printed).collect();
    assert!(missing.is_empty(), "not in the schema: {missing:#?}");
}

#[test]
fn everything_in_the_schema_is_described() {
    let undescribed = Facts::of(&api::sdl()).undescribed;
    assert!(undescribed.is_empty(), "{undescribed:#?}");
}

async fn the_viewer_is_a_manager_without_a_subject(shop: Shop) {
    let data = shop.ask("{ viewer { subject role } }").await;
    assert_eq!(
        data["viewer"],
        json!({ "subject": null, "role": "MANAGER" })
    );
}

/// A schema, taken apart: one line for each thing that it promises.
#[derive(Default)]
struct Facts {
    said: BTreeSet<String>,
    undescribed: Vec<String>,
}

impl Facts {
    fn of(sdl: &str) -> Self {
        let mut facts = Self::default();
        let document = parse_schema(sdl).expect("a schema");
        for definition in document.definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let definition = definition.node;
            let name = definition.name.node.as_str();
            let described = definition.description.is_some();
            let implement = |facts: &mut Self, kind: &str, implements: &[Positioned<_>]| {
                facts.add(format!("{kind} {name}"), described);
                for interface in implements {
                    let interface: &async_graphql::Name = &interface.node;
                    facts.add(format!("{name} implements {interface}"), true);
                }
            };
            match definition.kind {
                TypeKind::Scalar => facts.add(format!("scalar {name}"), described),
                TypeKind::Object(object) => {
                    implement(&mut facts, "type", &object.implements);
                    facts.add_fields(name, &object.fields);
                }
                TypeKind::Interface(interface) => {
                    implement(&mut facts, "interface", &interface.implements);
                    facts.add_fields(name, &interface.fields);
                }
                TypeKind::Union(union) => {
                    facts.add(format!("union {name}"), described);
                    for member in union.members {
                        facts.add(format!("{name} = {}", member.node), true);
                    }
                }
                TypeKind::Enum(values) => {
                    facts.add(format!("enum {name}"), described);
                    for value in values.values {
                        let described = value.node.description.is_some();
                        facts.add(format!("{name}.{}", value.node.value.node), described);
                    }
                }
                TypeKind::InputObject(input) => {
                    facts.add(format!("input {name}"), described);
                    for field in &input.fields {
                        facts.add_value(&format!("{name}."), &field.node, "");
                    }
                }
            }
        }
        facts
    }

    fn add_fields(&mut self, owner: &str, fields: &[Positioned<FieldDefinition>]) {
        for Positioned { node: field, .. } in fields {
            let path = format!("{owner}.{}", field.name.node);
            let described = field.description.is_some();
            self.add(format!("{path}: {}", field.ty.node), described);
            for argument in &field.arguments {
                self.add_value(&format!("{path}("), &argument.node, ")");
            }
        }
    }

    fn add_value(&mut self, before: &str, value: &InputValueDefinition, after: &str) {
        let default = value.default_value.as_ref();
        let default = default.map_or(String::new(), |value| format!(" = {}", value.node));
        let said = format!("{}: {}{default}", value.name.node, value.ty.node);
        let described = value.description.is_some();
        self.add(format!("{before}{said}{after}"), described);
    }

    fn add(&mut self, fact: String, described: bool) {
        if !described {
            self.undescribed.push(fact.clone());
        }
        self.said.insert(fact);
    }
}
