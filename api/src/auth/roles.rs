//! From a claim of a token to a role.

use serde_json::{Map, Value};

use crate::viewer::Role;

/// The claim that has the roles, where nothing else is said: Kinde's and Auth0's.
const CLAIM: &str = "permissions";
/// What a role's name may stand behind.
const PREFIX: &str = "repairshop:";
const ALL: [(&str, Role); 3] = [
    ("READER", Role::Reader),
    ("TECHNICIAN", Role::Technician),
    ("MANAGER", Role::Manager),
];

/// Where the roles are in a token, and what they are called there.
pub(super) struct Roles {
    claim: String,
    /// None where the values are the roles' own names.
    values: Option<Vec<(String, Role)>>,
}

impl Roles {
    /// `values` as in `shop:admin=MANAGER,shop:repair=TECHNICIAN`.
    ///
    /// # Errors
    /// Where they are not.
    pub(super) fn new(claim: Option<&str>, values: Option<&str>) -> Result<Self, String> {
        let value = |pair: &str| {
            let (value, role) = pair.rsplit_once('=')?;
            Some((value.trim().to_owned(), named(role.trim())?))
                .filter(|(value, _)| !value.is_empty())
        };
        let read = |text: &str| {
            let pairs = text.split(',').map(str::trim).filter(|it| !it.is_empty());
            let values: Option<Vec<_>> = pairs.map(value).collect();
            values.filter(|it| !it.is_empty()).ok_or_else(|| {
                format!("AUTH_ROLES: expected value=ROLE,… with the roles READER, TECHNICIAN and MANAGER, found {text}")
            })
        };
        Ok(Self {
            claim: claim.unwrap_or(CLAIM).to_owned(),
            values: values.map(read).transpose()?,
        })
    }

    /// The highest of the roles that a token's claims give.
    pub(super) fn of(&self, claims: &Map<String, Value>) -> Option<Role> {
        let mut highest = None;
        each(find(claims, &self.claim)?, &mut |value| {
            highest = highest.max(self.role(value));
        });
        highest
    }

    fn role(&self, value: &str) -> Option<Role> {
        match &self.values {
            // A value may be listed with several.
            Some(values) => {
                let roles = values.iter().filter(|(it, _)| it == value);
                roles.map(|(_, role)| *role).max()
            }
            None => named(value.strip_prefix(PREFIX).unwrap_or(value)),
        }
    }
}

fn named(name: &str) -> Option<Role> {
    let found = ALL.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
    found.map(|(_, role)| *role)
}

/// The value at a path of keys with dots between them; a key may have dots itself, as those have
/// that Auth0 wants to be URLs.
fn find<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    claims.get(path).or_else(|| {
        path.match_indices('.').find_map(|(at, _)| {
            let inner = claims.get(&path[..at])?.as_object()?;
            find(inner, &path[at + 1..])
        })
    })
}

/// A string, one with spaces between (as `scope` is), an array of strings, or one of objects with a
/// `key` and a `name`, as Kinde's `roles` is.
fn each(value: &Value, take: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => {
            take(text);
            text.split_whitespace().for_each(take);
        }
        Value::Array(items) => {
            for item in items {
                match item {
                    Value::String(text) => take(text),
                    Value::Object(role) => {
                        let names = ["key", "name"]
                            .iter()
                            .filter_map(|it| role.get(*it)?.as_str());
                        names.for_each(&mut *take);
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}
