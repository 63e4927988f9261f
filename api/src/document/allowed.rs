//! What an operation asks for at its root, held against what its caller may do: before anything of
//! it is executed. Knows no field and no role: [`crate::viewer`] does.

use std::collections::HashSet;

use async_graphql::{
    Name, PathSegment, Pos, Positioned, ServerError, Value, Variables,
    parser::types::{
        self, Directive, ExecutableDocument, OperationDefinition, Selection, SelectionSet,
    },
};
use async_graphql_value::Value as Written;

use crate::{
    Result,
    error::{Code, coded},
    viewer::{Beside, Caller, Needs, beside, needs},
};

/// What the fields at an operation's root need.
pub(super) struct Asked {
    /// The most that one of them does.
    most: Needs,
    fields: Vec<Field>,
}

struct Field {
    name: String,
    key: String,
    position: Pos,
    conditions: Vec<Condition>,
    /// What its input may ask for beside, and the input.
    beside: Option<(&'static Beside, Written)>,
}

/// A `@skip` or an `@include`, of the field or of a fragment that it is in.
#[derive(Clone)]
struct Condition {
    runs_if: bool,
    /// Of this variable, or as it stands there.
    variable: Option<Name>,
    value: Value,
}

impl Asked {
    /// Of a valid document, whose fragments go round in no circle.
    pub(super) fn by(operation: &OperationDefinition, document: &ExecutableDocument) -> Self {
        let mut root = Root {
            document,
            fields: Vec::new(),
            seen: HashSet::new(),
        };
        root.collect(&operation.selection_set.node, &[]);
        let most = root.fields.iter().map(Field::most).max();
        Self {
            most: most.unwrap_or(Needs::Token),
            fields: root.fields,
        }
    }

    /// An error for each field that is not for this caller: none where all may run.
    pub(super) fn refused(&self, caller: &Caller, variables: &Variables) -> Vec<ServerError> {
        if caller.has(self.most) {
            return Vec::new();
        }
        let fields = (self.fields.iter())
            .filter(|field| field.conditions.iter().all(|it| it.holds(variables)));
        let refused = fields.filter_map(|field| {
            let error = field.permit(caller, variables).err()?;
            let mut error = coded(Code::Forbidden, error.message(), Some(field.position));
            error.path = vec![PathSegment::Field(field.key.clone())];
            Some(error)
        });
        let mut told = HashSet::new();
        refused
            .filter(|error| told.insert(format!("{:?}", error.path)))
            .collect()
    }
}

impl Field {
    /// The most that it does, whatever the variables are.
    fn most(&self) -> Needs {
        let beside = self.beside.as_ref().map(|(beside, _)| needs(beside.what));
        beside.into_iter().fold(needs(&self.name), Needs::max)
    }

    fn permit(&self, caller: &Caller, variables: &Variables) -> Result<()> {
        caller.may(&self.name)?;
        match &self.beside {
            Some((beside, input)) if asks(input, beside, variables) => caller.may(beside.what),
            _ => Ok(()),
        }
    }
}

/// Whether an input has the value: as it is written, or by a variable for it or for all of it.
fn asks(input: &Written, beside: &Beside, variables: &Variables) -> bool {
    let asked = Value::Boolean(beside.value);
    match input {
        Written::Variable(all) => match variables.get(all) {
            Some(Value::Object(fields)) => fields.get(beside.key) == Some(&asked),
            _ => false,
        },
        Written::Object(fields) => match fields.get(beside.key) {
            Some(Written::Variable(name)) => variables.get(name) == Some(&asked),
            Some(Written::Boolean(value)) => *value == beside.value,
            _ => false,
        },
        _ => false,
    }
}

impl Condition {
    fn holds(&self, variables: &Variables) -> bool {
        let value = match &self.variable {
            Some(name) => variables.get(name).unwrap_or(&Value::Null),
            None => &self.value,
        };
        (*value == Value::Boolean(true)) == self.runs_if
    }
}

struct Root<'a> {
    document: &'a ExecutableDocument,
    fields: Vec<Field>,
    /// Fragments that are spread without a condition: once is enough.
    seen: HashSet<&'a str>,
}

impl<'a> Root<'a> {
    fn collect(&mut self, set: &'a SelectionSet, above: &[Condition]) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let name = field.node.name.node.as_str();
                    if needs(name) > Needs::Token {
                        self.fields.push(Field {
                            name: name.to_owned(),
                            key: field.node.response_key().node.to_string(),
                            position: field.pos,
                            conditions: with(above, &field.node.directives),
                            beside: input(&field.node),
                        });
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let conditions = with(above, &fragment.node.directives);
                    self.collect(&fragment.node.selection_set.node, &conditions);
                }
                Selection::FragmentSpread(spread) => {
                    let conditions = with(above, &spread.node.directives);
                    let name = &spread.node.fragment_name.node;
                    if conditions.is_empty() && !self.seen.insert(name.as_str()) {
                        continue;
                    }
                    if let Some(fragment) = self.document.fragments.get(name) {
                        self.collect(&fragment.node.selection_set.node, &conditions);
                    }
                }
            }
        }
    }
}

/// What the input of a field may ask for beside, with the input.
fn input(field: &types::Field) -> Option<(&'static Beside, Written)> {
    let beside = beside(&field.name.node)?;
    let input = field.get_argument("input")?;
    Some((beside, input.node.clone()))
}

fn with(above: &[Condition], directives: &[Positioned<Directive>]) -> Vec<Condition> {
    let own = directives.iter().filter_map(|directive| {
        let runs_if = match directive.node.name.node.as_str() {
            "include" => true,
            "skip" => false,
            _ => return None,
        };
        let mut variable = None;
        let value = directive.node.get_argument("if")?.node.clone();
        let value = value.into_const_with(|name| {
            variable = Some(name);
            Ok::<_, ()>(Value::Null)
        });
        Some(Condition {
            runs_if,
            variable,
            value: value.unwrap_or_default(),
        })
    });
    above.iter().cloned().chain(own).collect()
}
