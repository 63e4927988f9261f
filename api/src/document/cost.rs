//! What a request costs: how many objects its answer may have. A document's operations are looked
//! at once, and what is left for each request are the variables that say how long a list is.
//!
//! Each object counts 1, with what is below it; a list counts its objects as often as `first` or
//! `last` allows (20 times where neither is given), as `ids` has items, and 10 times where nothing
//! says how long it may be. A scalar counts nothing, but for `totalCount`, which reads what it does
//! not show: 10. What `@skip` and `@include` leave out counts nothing. Fields that are merged count
//! once.

use std::{collections::HashMap, sync::Arc};

use apollo_compiler::{
    ExecutableDocument, Name, Node,
    ast::{DirectiveList, Value},
    executable::{Field, Operation, Selection, SelectionSet},
};
use async_graphql::{Pos, ServerError, Value as ConstValue, Variables};

use super::validate::start;
use crate::{
    Error, Limits,
    limits::{MAX_GROUPS, MAX_NODES},
    page::{self, DEFAULT_PAGE},
};

/// What counting the rows of a list costs.
const TOTAL: u64 = 10;
/// How long a list is taken to be of which nothing says it: the errors of a form, the arguments of
/// a field.
const UNKNOWN: u64 = 10;

/// What a selection costs.
#[derive(Debug, Default)]
pub(super) struct Cost {
    /// Whatever the variables.
    fixed: u64,
    parts: Vec<Part>,
}

/// What variables have a say in.
#[derive(Debug)]
struct Part {
    conditions: Box<[Condition]>,
    size: Size,
    below: Cost,
}

/// `@include(if: $variable)`, or `@skip`.
#[derive(Clone, Debug)]
struct Condition {
    variable: Name,
    wanted: bool,
}

#[derive(Clone, Debug)]
enum Size {
    Fixed(u64),
    Asked(Arc<Asked>),
}

/// How many a field asks for in its arguments.
#[derive(Debug)]
struct Asked {
    position: Option<Pos>,
    arguments: Vec<(Name, Node<Value>)>,
    /// Where none of them is given.
    otherwise: i32,
    most: i32,
}

impl Cost {
    /// Of an operation in a valid document.
    pub(super) fn new(
        document: &ExecutableDocument,
        operation: &Operation,
        limits: &Limits,
    ) -> Self {
        let compiler = Compiler { document, limits };
        compiler.sets(&[&operation.selection_set], None)
    }

    /// With these variables, coerced; at least 1.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` where a list is asked for that is longer than lists may be.
    pub(super) fn with(&self, variables: &Variables) -> Result<u64, ServerError> {
        Ok(self.sum(variables)?.max(1))
    }

    fn sum(&self, variables: &Variables) -> Result<u64, ServerError> {
        let mut sum = self.fixed;
        for part in &self.parts {
            if part.conditions.iter().all(|it| it.holds(variables)) {
                let times = match &part.size {
                    Size::Fixed(times) => *times,
                    Size::Asked(asked) => asked.size(variables)?,
                };
                // Below no object nothing is executed.
                if times > 0 {
                    let below = part.below.sum(variables)?;
                    sum = sum.saturating_add(below.saturating_mul(times));
                }
            }
        }
        Ok(sum)
    }

    /// How many parts there are, at all levels: what it takes to keep.
    pub(super) fn parts(&self) -> usize {
        let below = self.parts.iter().map(|part| part.below.parts());
        self.parts.len() + below.sum::<usize>()
    }

    fn add(&mut self, conditions: Vec<Condition>, size: Size, below: Self) {
        match size {
            Size::Fixed(times) if conditions.is_empty() && below.parts.is_empty() => {
                let fixed = below.fixed.saturating_mul(times);
                self.fixed = self.fixed.saturating_add(fixed);
            }
            Size::Fixed(1) if conditions.is_empty() => {
                self.fixed = self.fixed.saturating_add(below.fixed);
                self.parts.extend(below.parts);
            }
            size => self.parts.push(Part {
                conditions: conditions.into(),
                size,
                below,
            }),
        }
    }
}

impl Condition {
    fn holds(&self, variables: &Variables) -> bool {
        let value = variables.get(self.variable.as_str());
        *value.unwrap_or(&ConstValue::Null) == ConstValue::Boolean(self.wanted)
    }
}

impl Asked {
    fn size(&self, variables: &Variables) -> Result<u64, ServerError> {
        let mut size = None;
        for (name, value) in &self.arguments {
            let given = match &**value {
                Value::Null => None,
                Value::Int(number) => number.try_to_i32().ok(),
                Value::List(items) => Some(length(items.len())),
                Value::Variable(name) => match variables.get(name.as_str()) {
                    Some(ConstValue::List(items)) => Some(length(items.len())),
                    Some(ConstValue::Number(number)) => Some(
                        number
                            .as_i64()
                            .map_or(i32::MAX, |it| i32::try_from(it).unwrap_or(i32::MAX)),
                    ),
                    _ => None,
                },
                // An item alone is a list.
                _ => Some(1),
            };
            if let Some(given) = given {
                // What is below 0 is refused by who knows what it means; it costs nothing.
                if given > self.most {
                    return Err(self.refusal(name, given));
                }
                size = Some(size.unwrap_or(0).max(given));
            }
        }
        Ok(u64::try_from(size.unwrap_or(self.otherwise)).unwrap_or(0))
    }

    fn refusal(&self, argument: &str, found: i32) -> ServerError {
        let error = if argument == "ids" {
            Error::bad_user_input(format!(
                "Expected at most {} ids, found {found}.",
                self.most
            ))
        } else {
            page::out_of_range(self.most, argument, found)
        };
        let mut error = error.into_server_error();
        error.locations.extend(self.position);
        error
    }
}

fn length(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}

struct Compiler<'a> {
    document: &'a ExecutableDocument,
    limits: &'a Limits,
}

/// The fields of one response key on one type, which are one once merged.
struct Merged<'a> {
    field: &'a Node<Field>,
    sets: Vec<&'a SelectionSet>,
    conditions: Vec<Condition>,
}

#[derive(Default)]
struct Collected<'a> {
    list: Vec<Merged<'a>>,
    places: HashMap<(&'a str, &'a str, &'a str), usize>,
}

impl<'a> Compiler<'a> {
    /// What the merged sets cost on one object. `page` is the size of the connection that they are
    /// on.
    fn sets(&self, sets: &[&'a SelectionSet], page: Option<&Size>) -> Cost {
        let mut fields = Collected::default();
        for set in sets {
            self.collect(set, &[], &mut fields);
        }
        let mut cost = Cost::default();
        if let Some(size @ Size::Asked(_)) = page {
            // It is looked at, whatever is selected below.
            cost.add(Vec::new(), size.clone(), Cost::default());
        }
        for merged in fields.list {
            let (size, below) = self.field(&merged, page);
            cost.add(merged.conditions, size, below);
        }
        cost
    }

    fn field(&self, merged: &Merged<'a>, page: Option<&Size>) -> (Size, Cost) {
        let field = merged.field;
        if merged.sets.is_empty() {
            let fixed = if field.name == "totalCount" { TOTAL } else { 0 };
            return (
                Size::Fixed(1),
                Cost {
                    fixed,
                    parts: Vec::new(),
                },
            );
        }
        let is_list = field.ty().is_list();
        let asked = self.asked(field);
        let (size, page) = match (is_list, asked) {
            (true, Some(asked)) => (asked, None),
            (true, None) => (page.cloned().unwrap_or(Size::Fixed(UNKNOWN)), None),
            (false, asked) => (Size::Fixed(1), asked),
        };
        let mut below = self.sets(&merged.sets, page.as_ref());
        // What introspection says of a type is one thing, however it is wrapped.
        if field.name != "ofType" {
            below.fixed = below.fixed.saturating_add(1);
        }
        (size, below)
    }

    /// How many a field asks for, if it has a say in it.
    fn asked(&self, field: &Node<Field>) -> Option<Size> {
        let first = field.definition.argument_by_name("first");
        let ids = (field.definition.argument_by_name("ids")).is_some_and(|it| it.ty.is_list());
        if first.is_none() && !ids {
            return None;
        }
        let most = match (ids, field.ty().is_list()) {
            (true, _) => length(MAX_NODES),
            (false, true) => MAX_GROUPS,
            (false, false) => self.limits.page,
        };
        let default = first.and_then(|first| first.default_value.as_ref()?.to_i32());
        let asked = Asked {
            position: (field.name.location()).and_then(|it| start(it, &self.document.sources)),
            arguments: (field.arguments.iter())
                .filter(|it| ["first", "last", "ids"].contains(&it.name.as_str()))
                .map(|it| (it.name.clone(), it.value.clone()))
                .collect(),
            otherwise: default.unwrap_or(DEFAULT_PAGE).min(most),
            most,
        };
        let varies =
            (asked.arguments.iter()).any(|(_, value)| matches!(&**value, Value::Variable(_)));
        if !varies && let Ok(size) = asked.size(&Variables::default()) {
            return Some(Size::Fixed(size));
        }
        Some(Size::Asked(Arc::new(asked)))
    }

    fn collect(&self, set: &'a SelectionSet, conditions: &[Condition], fields: &mut Collected<'a>) {
        for selection in &set.selections {
            let (directives, below) = match selection {
                Selection::Field(field) => (&field.directives, None),
                Selection::InlineFragment(fragment) => {
                    (&fragment.directives, Some(&fragment.selection_set))
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.fragment_name);
                    let Some(fragment) = fragment else { continue };
                    (&spread.directives, Some(&fragment.selection_set))
                }
            };
            let mut conditions = conditions.to_vec();
            if !add_conditions(directives, &mut conditions) {
                continue;
            }
            match (selection, below) {
                (Selection::Field(field), _) => fields.add(&set.ty, field, conditions),
                (_, Some(below)) => self.collect(below, &conditions, fields),
                _ => {}
            }
        }
    }
}

impl<'a> Collected<'a> {
    fn add(&mut self, parent: &'a str, field: &'a Node<Field>, conditions: Vec<Condition>) {
        let key = (field.response_name().as_str(), field.name.as_str(), parent);
        let next = self.list.len();
        let place = *self.places.entry(key).or_insert(next);
        if place == next {
            self.list.push(Merged {
                field,
                sets: field.selection_set.iter().collect(),
                conditions,
            });
        } else {
            let merged = &mut self.list[place];
            merged.sets.extend(&field.selection_set);
            // One or the other may hold; both count.
            merged.conditions.clear();
        }
    }
}

/// False where a directive leaves the selection out, whatever the variables.
fn add_conditions(directives: &DirectiveList, conditions: &mut Vec<Condition>) -> bool {
    for (name, wanted) in [("skip", false), ("include", true)] {
        let given = directives.get(name);
        let given = given.and_then(|it| it.specified_argument_by_name("if"));
        match given.map(|value| &**value) {
            Some(Value::Boolean(found)) if *found != wanted => return false,
            Some(Value::Variable(variable)) => conditions.push(Condition {
                variable: variable.clone(),
                wanted,
            }),
            _ => {}
        }
    }
    true
}
