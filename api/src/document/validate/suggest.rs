//! What the author of a document may have meant: names of the schema, for development alone.

use apollo_compiler::{Schema, schema::ExtendedType};

/// How alike two names have to be, 1 being the same.
const ALIKE: f64 = 0.7;
/// How many names are told.
const MOST: usize = 3;

/// ` Did you mean "title"?`, or nothing: to be put behind a message of graphql-js about a name that
/// the schema does not have.
pub(super) fn meant(schema: &Schema, message: &str) -> String {
    let quoted: Vec<&str> = message.split('"').skip(1).step_by(2).collect();
    let (Some(found), place) = (quoted.first(), quoted.get(1).copied().unwrap_or_default()) else {
        return String::new();
    };
    let names = if message.starts_with("Cannot query field ") {
        fields(schema, place)
    } else if message.starts_with("Unknown argument ") {
        arguments(schema, place)
    } else if message.starts_with("Unknown type ") {
        schema.types.keys().map(ToString::to_string).collect()
    } else if message.contains(" does not exist in ") || message.contains(" is not defined by ") {
        inputs(schema, place)
    } else {
        Vec::new()
    };
    let mut alike: Vec<(f64, &String)> = (names.iter())
        .map(|name| {
            let lower = name.to_lowercase();
            (strsim::jaro_winkler(&lower, &found.to_lowercase()), name)
        })
        .filter(|(likeness, _)| *likeness > ALIKE)
        .collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0));
    let alike: Vec<_> = (alike.iter().take(MOST))
        .map(|(_, name)| format!("\"{name}\""))
        .collect();
    if alike.is_empty() {
        return String::new();
    }
    format!(" Did you mean {}?", alike.join(" or "))
}

fn fields(schema: &Schema, ty: &str) -> Vec<String> {
    let fields = match schema.types.get(ty) {
        Some(ExtendedType::Object(object)) => &object.fields,
        Some(ExtendedType::Interface(interface)) => &interface.fields,
        _ => return Vec::new(),
    };
    fields.keys().map(ToString::to_string).collect()
}

/// Of `Type.field`.
fn arguments(schema: &Schema, coordinate: &str) -> Vec<String> {
    let field = (coordinate.split_once('.'))
        .and_then(|(ty, field)| schema.type_field(ty, field).ok())
        .map(|field| field.arguments.iter());
    (field.into_iter().flatten())
        .map(|argument| argument.name.to_string())
        .collect()
}

/// The values of an enum, or the fields of an input object.
fn inputs(schema: &Schema, ty: &str) -> Vec<String> {
    match schema.types.get(ty) {
        Some(ExtendedType::Enum(of)) => of.values.keys().map(ToString::to_string).collect(),
        Some(ExtendedType::InputObject(of)) => of.fields.keys().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}
