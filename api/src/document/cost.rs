//! What a request costs: how many objects its answer may have, and what else the database has to do
//! for it. A document's operations are looked at once, and what is left for each request are the
//! variables that have a say in it.
//!
//! Each object counts 1, with what is below it; a list counts its objects as often as `first` or
//! `last` allows (20 times where neither is given), as `ids` has items, and 10 times where nothing
//! says how long it may be. A scalar counts nothing. What [`work`] has prices for counts once for a
//! field, whatever the number of the objects above it: one statement does it for all of them. So
//! does `totalCount`, which goes through the rows of its list once more. What `@skip` and `@include`
//! leave out counts nothing. Fields that are merged count once.

mod compile;
mod work;

use std::sync::Arc;

use apollo_compiler::{ExecutableDocument, Name, Node, ast::Value, executable::Operation};
use async_graphql::{Pos, ServerError, Value as ConstValue, Variables};

use self::{
    compile::Compiler,
    work::{Uses, Work},
};
use crate::{Error, Limits, page};

/// What an operation costs.
#[derive(Debug, Default)]
pub(super) struct Cost {
    all: Sum,
    uses: Uses,
}

/// What a selection costs.
#[derive(Debug, Default)]
struct Sum {
    /// Whatever the variables.
    fixed: Price,
    parts: Vec<Part>,
    /// Work that is a variable's to say.
    varying: Vec<usize>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Price {
    objects: u64,
    /// Not more where there are more objects.
    work: u64,
}

/// What variables have a say in.
#[derive(Debug)]
struct Part {
    conditions: Box<[Condition]>,
    size: Size,
    below: Sum,
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
        let (all, uses) = Compiler::new(document, limits).operation(operation);
        Self { all, uses }
    }

    /// With these variables, coerced; at least 1.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` where a list is asked for that is longer than lists may be.
    pub(super) fn with(&self, variables: &Variables) -> Result<u64, ServerError> {
        let given = Given {
            variables,
            prices: self.uses.prices(variables),
        };
        let sum = self.all.with(&given)?;
        Ok(sum.objects.saturating_add(sum.work).max(1))
    }

    /// How many parts there are, at all levels: what it takes to keep.
    pub(super) fn parts(&self) -> usize {
        self.all.parts() + self.uses.len()
    }
}

/// What a request has for the variables.
struct Given<'a> {
    variables: &'a Variables,
    /// Of each of the operation's uses of them.
    prices: Vec<u64>,
}

impl Sum {
    fn with(&self, given: &Given<'_>) -> Result<Price, ServerError> {
        let mut sum = self.fixed;
        for index in &self.varying {
            sum.work = sum.work.saturating_add(given.prices[*index]);
        }
        for part in &self.parts {
            if part.conditions.iter().all(|it| it.holds(given.variables)) {
                let times = match &part.size {
                    Size::Fixed(times) => *times,
                    Size::Asked(asked) => asked.size(given.variables)?,
                };
                // Below no object nothing is executed.
                if times > 0 {
                    sum.add(part.below.with(given)?, times);
                }
            }
        }
        Ok(sum)
    }

    fn parts(&self) -> usize {
        let below = self.parts.iter().map(|part| part.below.parts());
        self.varying.len() + self.parts.len() + below.sum::<usize>()
    }

    fn add(&mut self, conditions: Vec<Condition>, size: Size, below: Self) {
        match size {
            Size::Fixed(times)
                if conditions.is_empty() && below.parts.is_empty() && below.varying.is_empty() =>
            {
                self.fixed.add(below.fixed, times);
            }
            Size::Fixed(1) if conditions.is_empty() => self.include(below),
            size => self.parts.push(Part {
                conditions: conditions.into(),
                size,
                below,
            }),
        }
    }

    fn include(&mut self, other: Self) {
        self.fixed.add(other.fixed, 1);
        self.parts.extend(other.parts);
        self.varying.extend(other.varying);
    }
}

impl From<Work> for Sum {
    fn from(work: Work) -> Self {
        Self {
            fixed: Price {
                objects: 0,
                work: work.fixed,
            },
            parts: Vec::new(),
            varying: work.varying,
        }
    }
}

impl Price {
    fn add(&mut self, below: Self, times: u64) {
        if times > 0 {
            let objects = below.objects.saturating_mul(times);
            self.objects = self.objects.saturating_add(objects);
            self.work = self.work.saturating_add(below.work);
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
