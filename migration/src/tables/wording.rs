//! One wording for types and defaults that databases and builders write in several ways.

use sea_orm_migration::sea_orm::sea_query::{ColumnType, StringLen};

/// `character varying(10)` is `varchar(10)`, and `datetime_text` is `timestamp`.
pub(super) fn kind(declared: &str) -> String {
    let declared = declared.trim().to_lowercase();
    let (base, length) = match declared.split_once('(') {
        Some((base, rest)) => {
            // PostgreSQL writes the precision of a time in the middle: `timestamp(3) without time zone`.
            let (length, rest) = rest.split_once(')').unwrap_or((rest, ""));
            (
                format!("{}{rest}", base.trim_end()),
                Some(length.replace(' ', "")),
            )
        }
        None => (declared, None),
    };
    let base = match base.as_str() {
        "character varying" => "varchar",
        "character" | "bpchar" => "char",
        "int" | "int4" | "serial" => "integer",
        "int2" | "smallserial" => "smallint",
        "int8" | "bigserial" => "bigint",
        "bool" => "boolean",
        "float4" => "real",
        "double precision" | "float8" => "double",
        "decimal" => "numeric",
        "timestamp without time zone" | "timestamp_text" | "datetime_text" | "datetime" => {
            "timestamp"
        }
        "timestamp with time zone" | "timestamp_with_timezone_text" => "timestamptz",
        "time without time zone" | "time_text" => "time",
        "date_text" => "date",
        "jsonb_text" => "jsonb",
        "json_text" => "json",
        "uuid_text" => "uuid",
        "varbinary_blob" => "blob",
        other => other,
    };
    match length {
        Some(length) => format!("{base}({length})"),
        // As the standard has it.
        None if base == "char" => "char(1)".to_owned(),
        None => base.to_owned(),
    }
}

/// A default as SQL; none where it is NULL.
pub(super) fn default(kind: &str, sql: &str) -> Option<String> {
    // How the builder writes a text with a quote or a backslash for PostgreSQL.
    let plain = (sql.strip_prefix('E'))
        .filter(|it| it.starts_with('\''))
        .map(|it| it.replace("\\'", "''").replace("\\\\", "\\"));
    let mut sql = plain.as_deref().unwrap_or(sql).trim();
    while let Some(inner) = sql.strip_prefix('(').and_then(|it| it.strip_suffix(')')) {
        if inner.contains(['(', ')']) && !inner.ends_with("()") {
            break;
        }
        sql = inner.trim();
    }
    let upper = sql.to_uppercase();
    if upper == "NULL" || upper.starts_with("NULL::") {
        return None;
    }
    if matches!(
        upper.as_str(),
        "CURRENT_TIMESTAMP" | "NOW()" | "CURRENT_TIMESTAMP()"
    ) {
        return Some("now()".to_owned());
    }
    if kind == "boolean" {
        return Some(
            if matches!(upper.as_str(), "TRUE" | "1" | "'T'::BOOLEAN") {
                "true"
            } else {
                "false"
            }
            .to_owned(),
        );
    }
    if let Some(text) = quoted(sql) {
        let is_text = ["varchar", "char", "text"]
            .iter()
            .any(|it| kind.starts_with(it));
        return Some(if is_text {
            text.to_owned()
        } else {
            text.trim_matches('\'').to_owned()
        });
    }
    Some(sql.to_owned())
}

/// `'unassigned'` of `'unassigned'::character varying`.
fn quoted(sql: &str) -> Option<&str> {
    let mut inside = false;
    for (at, letter) in sql.char_indices() {
        match (at, letter) {
            (0, '\'') => inside = true,
            (0, _) => return None,
            (_, '\'') => inside = !inside,
            _ if !inside => {
                return sql[at..].starts_with("::").then(|| &sql[..at]);
            }
            _ => {}
        }
    }
    (!inside).then_some(sql)
}

/// The builder's type for a wording, where there is one.
pub(super) fn column_type(kind: &str) -> Option<ColumnType> {
    let (base, length) = match kind.split_once('(') {
        Some((base, length)) => (base, Some(length.trim_end_matches(')'))),
        None => (kind, None),
    };
    let Some(length) = length else {
        return Some(match base {
            "varchar" => ColumnType::String(StringLen::None),
            "char" => ColumnType::Char(None),
            "text" => ColumnType::Text,
            "tinyint" => ColumnType::TinyInteger,
            "smallint" => ColumnType::SmallInteger,
            "integer" => ColumnType::Integer,
            "bigint" => ColumnType::BigInteger,
            "real" | "float" => ColumnType::Float,
            "double" => ColumnType::Double,
            "numeric" | "real_decimal" => ColumnType::Decimal(None),
            "boolean" => ColumnType::Boolean,
            "timestamp" => ColumnType::DateTime,
            "timestamptz" => ColumnType::TimestampWithTimeZone,
            "date" => ColumnType::Date,
            "time" => ColumnType::Time,
            "uuid" => ColumnType::Uuid,
            "json" => ColumnType::Json,
            "jsonb" => ColumnType::JsonBinary,
            "blob" | "bytea" => ColumnType::Blob,
            _ => return None,
        });
    };
    match (base, length.split_once(',')) {
        ("varchar", None) => Some(ColumnType::String(StringLen::N(length.parse().ok()?))),
        ("char", None) => Some(ColumnType::Char(Some(length.parse().ok()?))),
        ("blob", None) => Some(ColumnType::Binary(length.parse().ok()?)),
        ("numeric" | "real", Some((digits, scale))) => {
            let (digits, scale) = (digits.parse().ok()?, scale.parse().ok()?);
            Some(ColumnType::Decimal(Some((digits, scale))))
        }
        _ => None,
    }
}
