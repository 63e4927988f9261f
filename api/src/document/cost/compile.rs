//! From an operation to its [`Sum`]: fields merged, fragments unfolded, each with its price.

use std::{collections::HashMap, sync::Arc};

use apollo_compiler::{
    ExecutableDocument, Node,
    ast::{DirectiveList, Value},
    executable::{Field, Operation, Selection, SelectionSet},
};
use async_graphql::Variables;

use super::{
    Asked, Condition, Size, Sum, length,
    work::{SEARCH, Uses, Work},
};
use crate::{
    Limits,
    document::validate::start,
    limits::{MAX_GROUPS, MAX_NODES},
    page::DEFAULT_PAGE,
};

/// How long a list is taken to be of which nothing says it: the errors of a form, the arguments of
/// a field.
const UNKNOWN: u64 = 10;

pub(super) struct Compiler<'a> {
    document: &'a ExecutableDocument,
    limits: &'a Limits,
    uses: Uses,
}

/// The connection that fields are on.
struct Page {
    size: Size,
    /// What it takes to find its rows, on all pages.
    scope: Work,
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
    pub(super) fn new(document: &'a ExecutableDocument, limits: &'a Limits) -> Self {
        Self {
            document,
            limits,
            uses: Uses::default(),
        }
    }

    /// What it costs, and what it uses variables for.
    pub(super) fn operation(mut self, operation: &'a Operation) -> (Sum, Uses) {
        let all = self.sets(&[&operation.selection_set], None);
        (all, self.uses)
    }

    /// What the merged sets cost on one object.
    fn sets(&mut self, sets: &[&'a SelectionSet], page: Option<&Page>) -> Sum {
        let mut fields = Collected::default();
        for set in sets {
            self.collect(set, &[], &mut fields);
        }
        let mut cost = Sum::default();
        if let Some(Page { size, .. }) = page
            && matches!(size, Size::Asked(_))
        {
            // It is looked at, whatever is selected below.
            cost.add(Vec::new(), size.clone(), Sum::default());
        }
        for merged in fields.list {
            let (size, below) = self.field(&merged, page);
            cost.add(merged.conditions, size, below);
        }
        cost
    }

    fn field(&mut self, merged: &Merged<'a>, page: Option<&Page>) -> (Size, Sum) {
        let field = merged.field;
        if merged.sets.is_empty() {
            let mut cost = Sum::default();
            if field.name == "totalCount"
                && let Some(page) = page
            {
                cost = page.scope.clone().into();
                cost.fixed.work = cost.fixed.work.saturating_add(SEARCH);
            }
            return (Size::Fixed(1), cost);
        }
        let scope = Work::of_scope(&field.arguments, &mut self.uses);
        let rest = Work::of_rest(&field.arguments, &mut self.uses);
        let mut all = Sum::from(scope.clone());
        all.include(rest.into());
        let is_list = field.ty().is_list();
        let asked = self.asked(field);
        let (size, page) = match (is_list, asked) {
            (true, Some(asked)) => (asked, None),
            (true, None) => {
                let size = page.map_or(Size::Fixed(UNKNOWN), |page| page.size.clone());
                (size, None)
            }
            (false, asked) => (Size::Fixed(1), asked.map(|size| Page { size, scope })),
        };
        all.include(self.sets(&merged.sets, page.as_ref()));
        // What introspection says of a type is one thing, however it is wrapped.
        if field.name != "ofType" {
            all.fixed.objects = all.fixed.objects.saturating_add(1);
        }
        (size, all)
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
