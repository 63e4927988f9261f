//! The rules that apollo-compiler (2.0.0-beta.2) overlooks, each with its section in the GraphQL
//! specification. Found by holding its verdicts beside those of graphql-js.

use std::collections::HashSet;

use apollo_compiler::{
    ExecutableDocument, Name, Node, Schema,
    ast::{Argument, Definition, DirectiveList, Document, Selection, Type, Value},
    executable::{self, SelectionSet},
    parser::SourceSpan,
    schema::ExtendedType,
    validation::{DiagnosticList, Valid},
};
use async_graphql::ServerError;

use super::start;
use crate::{
    error::{Code, coded, excerpt},
    scalar,
};

/// 5.8.5, All Variable Usages Are Allowed: a default of null makes no variable non-null. Without it
/// a nullable variable means the same.
pub(super) fn without_null_defaults(document: &mut Document) {
    for definition in &mut document.definitions {
        if let Definition::OperationDefinition(operation) = definition {
            for variable in &mut operation.make_mut().variables {
                let is_null = (variable.default_value.as_ref()).is_some_and(|it| it.is_null());
                if is_null && !variable.ty.is_non_null() {
                    variable.make_mut().default_value = None;
                }
            }
        }
    }
}

/// 5.6.3, Input Object Field Uniqueness.
pub(super) fn repeated_input_fields(document: &mut Document) -> Vec<ServerError> {
    let mut errors = Vec::new();
    let sources = document.sources.clone();
    each_value(document, &mut |value| {
        let Value::Object(fields) = &**value else {
            return;
        };
        let mut seen = HashSet::new();
        for (name, _) in fields {
            if !seen.insert(name) {
                let message = format!("There can be only one input field named \"{name}\".");
                let position = name.location().and_then(|it| start(it, &sources));
                errors.push(coded(Code::GraphqlValidationFailed, message, position));
            }
        }
    });
    errors
}

/// What apollo-compiler calls fields of one key with different arguments.
pub(super) const CONFLICT: &str = "ConflictingFieldArgument";

/// 5.3.2, Field Selection Merging: `[1]` and `[1, 2]` are different arguments. With its length
/// beside each list, in an object, they are to apollo-compiler too. Of the errors found, only
/// [`CONFLICT`]s mean anything.
pub(super) fn lists_of_other_lengths(
    schema: &Valid<Schema>,
    mut document: Document,
) -> Option<DiagnosticList> {
    let mut lengths = HashSet::new();
    each_value(&mut document, &mut |value| {
        if let Value::List(items) = &**value {
            let length = format!("of{}", items.len());
            lengths.insert(items.len());
            if let Ok(length) = Name::new(&length) {
                let list = value.clone();
                *value.make_mut() = Value::Object(vec![(length, list)]);
            }
        }
    });
    if lengths.len() < 2 {
        return None;
    }
    let invalid = document.to_executable_validate(schema).err()?;
    Some(invalid.errors)
}

/// Visits all values in a document, the inner ones first.
fn each_value(document: &mut Document, visit: &mut impl FnMut(&mut Node<Value>)) {
    for definition in &mut document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => {
                let operation = operation.make_mut();
                for variable in &mut operation.variables {
                    let variable = variable.make_mut();
                    if let Some(default) = &mut variable.default_value {
                        in_value(default, visit);
                    }
                    in_directives(&mut variable.directives, visit);
                }
                in_directives(&mut operation.directives, visit);
                in_selections(&mut operation.selection_set, visit);
            }
            Definition::FragmentDefinition(fragment) => {
                let fragment = fragment.make_mut();
                in_directives(&mut fragment.directives, visit);
                in_selections(&mut fragment.selection_set, visit);
            }
            _ => {}
        }
    }
}

fn in_selections(selections: &mut [Selection], visit: &mut impl FnMut(&mut Node<Value>)) {
    for selection in selections {
        match selection {
            Selection::Field(field) => {
                let field = field.make_mut();
                in_arguments(&mut field.arguments, visit);
                in_directives(&mut field.directives, visit);
                in_selections(
                    field.selection_set.as_deref_mut().unwrap_or_default(),
                    visit,
                );
            }
            Selection::FragmentSpread(spread) => {
                in_directives(&mut spread.make_mut().directives, visit);
            }
            Selection::InlineFragment(fragment) => {
                let fragment = fragment.make_mut();
                in_directives(&mut fragment.directives, visit);
                in_selections(&mut fragment.selection_set, visit);
            }
        }
    }
}

fn in_directives(directives: &mut DirectiveList, visit: &mut impl FnMut(&mut Node<Value>)) {
    for directive in &mut directives.0 {
        in_arguments(&mut directive.make_mut().arguments, visit);
    }
}

fn in_arguments(arguments: &mut [Node<Argument>], visit: &mut impl FnMut(&mut Node<Value>)) {
    for argument in arguments {
        in_value(&mut argument.make_mut().value, visit);
    }
}

fn in_value(value: &mut Node<Value>, visit: &mut impl FnMut(&mut Node<Value>)) {
    match value.make_mut() {
        Value::List(items) => {
            for item in items {
                in_value(item, visit);
            }
        }
        Value::Object(fields) => {
            for (_, field) in fields {
                in_value(field, visit);
            }
        }
        _ => {}
    }
    visit(value);
}

/// 5.6.1, Values of Correct Type, for the scalars of this schema, of which nobody else knows what
/// they can be.
pub(super) fn unreadable_scalars(
    schema: &Schema,
    document: &ExecutableDocument,
) -> Vec<ServerError> {
    let mut search = Scalars {
        schema,
        found: Vec::new(),
    };
    for operation in document.operations.iter() {
        for variable in &operation.variables {
            if let Some(default) = &variable.default_value {
                search.value(&variable.ty, default);
            }
        }
        search.selections(&operation.selection_set);
    }
    for fragment in document.fragments.values() {
        search.selections(&fragment.selection_set);
    }
    (search.found.into_iter())
        .map(|(message, location)| {
            let position = location.and_then(|it| start(it, &document.sources));
            coded(Code::GraphqlValidationFailed, message, position)
        })
        .collect()
}

struct Scalars<'a> {
    schema: &'a Schema,
    found: Vec<(String, Option<SourceSpan>)>,
}

impl Scalars<'_> {
    fn selections(&mut self, set: &SelectionSet) {
        for selection in &set.selections {
            match selection {
                executable::Selection::Field(field) => {
                    for argument in &field.arguments {
                        let defined = field.definition.argument_by_name(&argument.name);
                        if let Some(defined) = defined {
                            self.value(&defined.ty, &argument.value);
                        }
                    }
                    if let Some(set) = &field.selection_set {
                        self.selections(set);
                    }
                }
                executable::Selection::InlineFragment(fragment) => {
                    self.selections(&fragment.selection_set);
                }
                executable::Selection::FragmentSpread(_) => {}
            }
        }
    }

    fn value(&mut self, ty: &Type, value: &Node<Value>) {
        let name = ty.inner_named_type();
        match (&**value, self.schema.types.get(name)) {
            (Value::Null | Value::Variable(_), _) => {}
            (Value::List(items), _) if ty.is_list() => {
                for item in items {
                    self.value(ty.item_type(), item);
                }
            }
            (Value::Object(fields), Some(ExtendedType::InputObject(object))) => {
                for (field, value) in fields {
                    if let Some(defined) = object.fields.get(field) {
                        self.value(&defined.ty, value);
                    }
                }
            }
            (literal, Some(ExtendedType::Scalar(_))) => {
                let text = literal.as_str();
                let text = text.filter(|_| matches!(literal, Value::String(_)));
                if let Some(expected) = scalar::expected(name, text) {
                    let literal = literal.serialize().no_indent().to_string();
                    let found = excerpt(&literal);
                    let message = format!("Expected {expected}, found `{found}`.");
                    self.found.push((message, value.location()));
                }
            }
            _ => {}
        }
    }
}
