//! The values of variables, held against the types that an operation declares for them.
//!
//! async-graphql looks up defaults late, so that `@skip(if: $variable)` does not see them, takes
//! what is missing for not given, whatever its type, overlooks unknown fields of input objects, and
//! finds a wrong value only where a field uses it, when others are executed already. Source of the
//! rules: the GraphQL specification, section 6.1.2, `CoerceVariableValues`.

use std::fmt::{self, Display};

use apollo_compiler::{Schema, ast::Type, schema::ExtendedType};
use async_graphql::{
    Name, Pos, ServerError, Value, Variables,
    parser::types::{self, BaseType, VariableDefinition},
};

use crate::{
    error::{Code, coded, excerpt},
    scalar,
};

/// A variable as an operation declares it.
pub(super) struct Variable {
    name: Name,
    position: Pos,
    ty: Type,
    default: Option<Value>,
}

impl Variable {
    pub(super) fn new(definition: &VariableDefinition) -> Self {
        let default = definition.default_value.as_ref();
        Self {
            name: definition.name.node.clone(),
            position: definition.name.pos,
            ty: declared(&definition.var_type.node),
            default: default.map(|default| default.node.clone()),
        }
    }
}

/// A type in the terms of who knows the schema.
fn declared(ty: &types::Type) -> Type {
    let of = match &ty.base {
        // The parser has read it as a name.
        BaseType::Named(name) => Type::Named(apollo_compiler::Name::new_unchecked(name.as_str())),
        BaseType::List(item) => Type::List(Box::new(declared(item))),
    };
    if ty.nullable { of } else { of.non_null() }
}

/// The values of the declared variables, with defaults for those that are left out.
pub(super) fn coerce(
    schema: &Schema,
    variables: &[Variable],
    mut given: Variables,
) -> Result<Variables, ServerError> {
    let mut coerced = Variables::default();
    for variable in variables {
        let root = Path::Variable(&variable.name);
        let value = given.remove(&variable.name);
        let value = match (value, &variable.default) {
            (Some(mut value), _) => {
                coerce_value(schema, &variable.ty, &mut value, &root).map(|()| Some(value))
            }
            // The validator has seen to it that it is of the type.
            (None, Some(default)) => Ok(Some(default.clone())),
            (None, None) if variable.ty.is_non_null() => Err(root.is_not(&variable.ty, "nothing")),
            (None, None) => Ok(None),
        };
        let value =
            value.map_err(|message| coded(Code::BadUserInput, message, Some(variable.position)))?;
        if let Some(value) = value {
            coerced.insert(variable.name.clone(), value);
        }
    }
    Ok(coerced)
}

/// Makes one value what its type takes: an item alone a list, a number an id.
fn coerce_value(
    schema: &Schema,
    ty: &Type,
    value: &mut Value,
    path: &Path<'_>,
) -> Result<(), String> {
    if *value == Value::Null {
        return if ty.is_non_null() {
            Err(path.is_not(ty, "null"))
        } else {
            Ok(())
        };
    }
    let name = match ty {
        Type::List(item) | Type::NonNullList(item) => {
            if !matches!(value, Value::List(_)) {
                coerce_value(schema, item, value, path)?;
                *value = Value::List(vec![std::mem::take(value)]);
            } else if let Value::List(items) = value {
                for (index, value) in items.iter_mut().enumerate() {
                    coerce_value(schema, item, value, &Path::Item(path, index))?;
                }
            }
            return Ok(());
        }
        Type::Named(name) | Type::NonNullNamed(name) => name,
    };
    match (schema.types.get(name), &mut *value) {
        (Some(ExtendedType::InputObject(object)), Value::Object(fields)) => {
            if let Some(unknown) = fields
                .keys()
                .find(|key| !object.fields.contains_key(key.as_str()))
            {
                return Err(format!(
                    "Expected the variable `{path}` to have only fields of `{name}`, found `{}`.",
                    excerpt(unknown)
                ));
            }
            for (key, field) in &object.fields {
                let path = Path::Field(path, key.as_str());
                match fields.get_mut(key.as_str()) {
                    Some(value) => coerce_value(schema, &field.ty, value, &path)?,
                    None if field.is_required() => return Err(path.is_not(&field.ty, "nothing")),
                    None => {}
                }
            }
            Ok(())
        }
        (Some(ExtendedType::Enum(of)), Value::String(text))
            if of.values.contains_key(text.as_str()) =>
        {
            Ok(())
        }
        (Some(ExtendedType::Scalar(_)), value) => {
            let text = match value {
                Value::String(text) => Some(text.as_str()),
                _ => None,
            };
            if let Some(expected) = scalar::expected(name, text) {
                let found = found(value);
                return Err(format!(
                    "Expected the variable `{path}` to be {expected}, found {found}."
                ));
            }
            if let (Value::Number(number), "ID") = (&*value, name.as_str())
                && (number.is_i64() || number.is_u64())
            {
                *value = Value::String(number.to_string());
            }
            if takes(name, value) {
                Ok(())
            } else {
                Err(path.is_not(ty, found(value)))
            }
        }
        (_, value) => Err(path.is_not(ty, found(value))),
    }
}

/// Whether a scalar of the specification (section 3.5) takes a value.
fn takes(scalar: &str, value: &Value) -> bool {
    match (scalar, value) {
        ("Int", Value::Number(number)) => number
            .as_i64()
            .is_some_and(|number| i32::try_from(number).is_ok()),
        ("Float", Value::Number(_))
        | ("String" | "ID", Value::String(_))
        | ("Boolean", Value::Boolean(_)) => true,
        ("Int" | "Float" | "String" | "ID" | "Boolean", _) => false,
        _ => true,
    }
}

/// A value, short enough to be told.
fn found(value: &Value) -> String {
    match value {
        Value::List(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        value => format!("`{}`", excerpt(&value.to_string())),
    }
}

/// Where in the variables a value is: `$input.tickets[0].title`.
enum Path<'a> {
    Variable(&'a str),
    Field(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl Path<'_> {
    fn is_not(&self, ty: &Type, found: impl Display) -> String {
        format!("Expected the variable `{self}` to be of the type `{ty}`, found {found}.")
    }
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Variable(name) => write!(f, "${name}"),
            Path::Field(of, name) => write!(f, "{of}.{name}"),
            Path::Item(of, index) => write!(f, "{of}[{index}]"),
        }
    }
}
