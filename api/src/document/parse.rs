//! Text to tree: apollo-compiler's parser, and its tree as async-graphql executes it.
//!
//! One parser, so that what is validated is what runs; and not async-graphql's, which knows no
//! blanks in `$ id` and `ID !` and no descriptions. Source of the rules: the GraphQL specification,
//! section 2, and its appendix B.

use std::collections::HashMap;

use apollo_compiler::{
    Name, Node,
    ast::{
        Argument, Definition, DirectiveList, Document, OperationType as Kind, Selection, Type,
        Value, VariableDefinition,
    },
    parser::{Parser, SourceSpan},
};
use async_graphql::{
    Pos, Positioned, ServerError,
    parser::types::{
        self as executable, BaseType, DocumentOperations, ExecutableDocument, OperationType,
        SelectionSet, TypeCondition,
    },
};

use async_graphql_value::Value as Literal;

use super::{limit::tokens, validate::first};
use crate::error::{Code, coded, excerpt};

type Arguments = Vec<(Positioned<async_graphql::Name>, Positioned<Literal>)>;

/// # Errors
/// One `GRAPHQL_PARSE_FAILED`: what comes after the first is mostly its consequence.
pub(super) fn parse(text: &str) -> Result<Document, ServerError> {
    let document = Parser::new().parse_ast(text, "document");
    let document = document.map_err(|invalid| {
        let error = first(invalid.errors.iter(), Code::GraphqlParseFailed);
        error.unwrap_or_else(|| unreadable("Syntax error: expected a document.", None))
    })?;
    match left_out(text, &document) {
        None => Ok(document),
        Some(found) => {
            let at = Reader::new(text).at(found.as_ptr().addr() - text.as_ptr().addr());
            let found = excerpt(found);
            let message = format!("Syntax error: unexpected `{found}`.");
            Err(unreadable(message, Some(at)))
        }
    }
}

/// What the parser has passed over without a word, such as an argument without a value. The tree,
/// printed, has to be the text.
fn left_out<'a>(text: &'a str, document: &Document) -> Option<&'a str> {
    let printed = document.serialize().no_indent().to_string();
    let mut printed = tokens(&printed).peekable();
    tokens(text).find(|found| {
        let same = |kept: &&str| kept == found || kept.starts_with('"') && found.starts_with('"');
        // A query without a name is printed without this word.
        printed.next_if(same).is_none() && !(*found == "query" && printed.peek() == Some(&"{"))
    })
}

fn unreadable(message: impl Into<String>, at: Option<Pos>) -> ServerError {
    coded(Code::GraphqlParseFailed, message, at)
}

/// The operations and fragments of a document as they are executed. Of two that have one name there
/// is one here; that they have, and what else is not for execution, is the validator's to say.
///
/// # Errors
/// Where braces are empty, and where a number has more than 64 bits.
pub(super) fn executable(
    text: &str,
    document: &Document,
) -> Result<ExecutableDocument, ServerError> {
    let mut reader = Reader::new(text);
    let mut unnamed = None;
    let mut operations = HashMap::new();
    let mut fragments = HashMap::new();
    for definition in &document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => {
                let pos = reader.position(operation.location());
                let name = operation.name.as_ref().map(|name| reader.name(name).node);
                let operation = executable::OperationDefinition {
                    ty: match operation.operation_type {
                        Kind::Query => OperationType::Query,
                        Kind::Mutation => OperationType::Mutation,
                        Kind::Subscription => OperationType::Subscription,
                    },
                    variable_definitions: reader.variables(&operation.variables)?,
                    directives: reader.directives(&operation.directives)?,
                    selection_set: reader.set(&operation.selection_set, pos)?,
                };
                let operation = Positioned::new(operation, pos);
                match name {
                    Some(name) => drop(operations.insert(name, operation)),
                    None => unnamed = Some(operation),
                }
            }
            Definition::FragmentDefinition(fragment) => {
                let pos = reader.position(fragment.location());
                let name = reader.name(&fragment.name).node;
                let fragment = executable::FragmentDefinition {
                    type_condition: reader.condition(&fragment.type_condition),
                    directives: reader.directives(&fragment.directives)?,
                    selection_set: reader.set(&fragment.selection_set, pos)?,
                };
                fragments.insert(name, Positioned::new(fragment, pos));
            }
            _ => {}
        }
    }
    let operations = unnamed.map_or(
        DocumentOperations::Multiple(operations),
        DocumentOperations::Single,
    );
    Ok(ExecutableDocument {
        operations,
        fragments,
    })
}

/// Goes through a tree in the order of its text, and counts lines and columns on the way.
struct Reader<'a> {
    text: &'a str,
    offset: usize,
    pos: Pos,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let pos = Pos { line: 1, column: 1 };
        Self {
            text,
            offset: 0,
            pos,
        }
    }

    fn position(&mut self, span: Option<SourceSpan>) -> Pos {
        self.at(span.map_or(self.offset, |span| span.offset()))
    }

    /// The line and the column, in characters, of a byte.
    fn at(&mut self, to: usize) -> Pos {
        if to < self.offset {
            (self.offset, self.pos) = (0, Pos { line: 1, column: 1 });
        }
        let mut between = self.text.get(self.offset..to).unwrap_or_default().chars();
        while let Some(char) = between.next() {
            let ends_line = char == '\n' || char == '\r' && !between.as_str().starts_with('\n');
            if ends_line {
                self.pos.line += 1;
                self.pos.column = 1;
            } else {
                self.pos.column += 1;
            }
        }
        self.offset = to;
        self.pos
    }

    fn name(&mut self, name: &Name) -> Positioned<async_graphql::Name> {
        let pos = self.position(name.location());
        Positioned::new(async_graphql::Name::new(name), pos)
    }

    fn condition(&mut self, name: &Name) -> Positioned<TypeCondition> {
        let on = self.name(name);
        let pos = on.pos;
        Positioned::new(TypeCondition { on }, pos)
    }

    fn variables(
        &mut self,
        variables: &[Node<VariableDefinition>],
    ) -> Result<Vec<Positioned<executable::VariableDefinition>>, ServerError> {
        let mut all = Vec::with_capacity(variables.len());
        for variable in variables {
            let pos = self.position(variable.location());
            let name = self.name(&variable.name);
            let type_pos = self.position(variable.ty.location());
            let default_value = match &variable.default_value {
                Some(value) => self.value(value)?.node.into_const(),
                None => None,
            };
            let variable = executable::VariableDefinition {
                name,
                var_type: Positioned::new(type_of(&variable.ty), type_pos),
                default_value: default_value.map(|value| Positioned::new(value, type_pos)),
                directives: self.directives(&variable.directives)?,
            };
            all.push(Positioned::new(variable, pos));
        }
        Ok(all)
    }

    fn directives(
        &mut self,
        directives: &DirectiveList,
    ) -> Result<Vec<Positioned<executable::Directive>>, ServerError> {
        let mut all = Vec::with_capacity(directives.len());
        for directive in directives {
            let pos = self.position(directive.location());
            let directive = executable::Directive {
                name: self.name(&directive.name),
                arguments: self.arguments(&directive.arguments)?,
            };
            all.push(Positioned::new(directive, pos));
        }
        Ok(all)
    }

    fn arguments(&mut self, arguments: &[Node<Argument>]) -> Result<Arguments, ServerError> {
        let mut all = Vec::with_capacity(arguments.len());
        for argument in arguments {
            all.push((self.name(&argument.name), self.value(&argument.value)?));
        }
        Ok(all)
    }

    /// `pos` is that of what has the selections.
    fn set(
        &mut self,
        selections: &[Selection],
        pos: Pos,
    ) -> Result<Positioned<SelectionSet>, ServerError> {
        if selections.is_empty() {
            let message = "Syntax error: expected a selection between the braces.";
            return Err(unreadable(message, Some(pos)));
        }
        let mut items = Vec::with_capacity(selections.len());
        for selection in selections {
            items.push(self.selection(selection)?);
        }
        Ok(Positioned::new(SelectionSet { items }, pos))
    }

    fn selection(
        &mut self,
        selection: &Selection,
    ) -> Result<Positioned<executable::Selection>, ServerError> {
        let pos = self.position(selection.location());
        let selection = match selection {
            Selection::Field(field) => {
                let field = executable::Field {
                    alias: field.alias.as_ref().map(|alias| self.name(alias)),
                    name: self.name(&field.name),
                    arguments: self.arguments(&field.arguments)?,
                    directives: self.directives(&field.directives)?,
                    selection_set: match &field.selection_set {
                        Some(selections) => self.set(selections, pos)?,
                        None => Positioned::new(SelectionSet::default(), pos),
                    },
                };
                executable::Selection::Field(Positioned::new(field, pos))
            }
            Selection::FragmentSpread(spread) => {
                let spread = executable::FragmentSpread {
                    fragment_name: self.name(&spread.fragment_name),
                    directives: self.directives(&spread.directives)?,
                };
                executable::Selection::FragmentSpread(Positioned::new(spread, pos))
            }
            Selection::InlineFragment(fragment) => {
                let condition = fragment.type_condition.as_ref();
                let fragment = executable::InlineFragment {
                    type_condition: condition.map(|it| self.condition(it)),
                    directives: self.directives(&fragment.directives)?,
                    selection_set: self.set(&fragment.selection_set, pos)?,
                };
                executable::Selection::InlineFragment(Positioned::new(fragment, pos))
            }
        };
        Ok(Positioned::new(selection, pos))
    }

    fn value(&mut self, value: &Node<Value>) -> Result<Positioned<Literal>, ServerError> {
        let pos = self.position(value.location());
        let number = |text: &str| {
            let message = || format!("Expected a number of 64 bits, found `{}`.", excerpt(text));
            let number = text.parse().map(Literal::Number);
            number.map_err(|_| unreadable(message(), Some(pos)))
        };
        let literal = match &**value {
            Value::Null => Literal::Null,
            Value::Boolean(value) => Literal::Boolean(*value),
            Value::Int(value) => number(value.as_str())?,
            Value::Float(value) => number(value.as_str())?,
            Value::String(value) => Literal::String(value.clone()),
            Value::Enum(name) => Literal::Enum(async_graphql::Name::new(name)),
            Value::Variable(name) => Literal::Variable(async_graphql::Name::new(name)),
            Value::List(items) => {
                let items = items.iter().map(|item| Ok(self.value(item)?.node));
                Literal::List(items.collect::<Result<_, ServerError>>()?)
            }
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| {
                    Ok((async_graphql::Name::new(name), self.value(value)?.node))
                });
                Literal::Object(fields.collect::<Result<_, ServerError>>()?)
            }
        };
        Ok(Positioned::new(literal, pos))
    }
}

fn type_of(ty: &Type) -> executable::Type {
    let base = match ty {
        Type::Named(name) | Type::NonNullNamed(name) => {
            BaseType::Named(async_graphql::Name::new(name))
        }
        Type::List(item) | Type::NonNullList(item) => BaseType::List(Box::new(type_of(item))),
    };
    executable::Type {
        base,
        nullable: !ty.is_non_null(),
    }
}
