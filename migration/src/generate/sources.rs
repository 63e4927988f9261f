//! What migrations say in SQL: functions, triggers and indexes that stand on columns, and that a
//! scratch database in SQLite does not have. Found in their source, whose every string is read.

use std::{fs, mem, path::Path};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The SQL of one migration.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    /// Names of tables among them, in small letters.
    words: Vec<String>,
    statements: Vec<String>,
}

/// Of the migrations in a directory, in order. What cannot be read says nothing.
pub(super) fn sources(directory: &Path) -> Vec<Source> {
    let files = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut all: Vec<Source> = files
        .filter_map(|file| {
            let name = file.file_name().into_string().ok()?;
            let name = name.strip_suffix(".rs").filter(|it| it.starts_with("m2"))?;
            let tokens: TokenStream = fs::read_to_string(file.path()).ok()?.parse().ok()?;
            let mut texts = Vec::new();
            literals(tokens, &mut texts);
            Some(Source {
                name: name.to_owned(),
                words: texts.iter().flat_map(|it| words(it)).collect(),
                statements: texts.iter().flat_map(|it| statements(it)).collect(),
            })
        })
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

impl Source {
    /// Whether a function that it makes needs a column to be called so.
    pub(super) fn calls(&self, table: &str, column: &str) -> bool {
        let (table, column) = (&table.to_lowercase(), column.to_lowercase());
        self.names(table)
            && self
                .statements
                .iter()
                .filter(|it| is_function(it))
                .any(|it| {
                    let of_a_row = ["new", "old"].map(|row| format!("{row}.{column}"));
                    let mut parts = it.split(|it: char| !is_of_a_word(it) && it != '.');
                    parts.any(|part| of_a_row.iter().any(|it| it == part))
                        || it.contains(&format!("public.{table}"))
                            && words(it).any(|it| it == column)
                })
    }

    /// Whether anything that it makes needs a column to be there.
    pub(super) fn needs(&self, table: &str, column: &str) -> bool {
        let (table, column) = (&table.to_lowercase(), column.to_lowercase());
        self.calls(table, &column)
            || self
                .statements
                .iter()
                .filter(|it| !is_function(it))
                .any(|it| {
                    let verb = it.split_whitespace().next().unwrap_or_default();
                    let of_it = match verb {
                        "drop" | "do" => false,
                        "create" | "alter" | "comment" | "insert" | "update" | "delete"
                        | "select" => words(it).any(|it| it == *table),
                        // A part of a statement, such as what an index is over.
                        _ => self.names(table),
                    };
                    of_it && words(it).any(|it| it == column)
                })
    }

    fn names(&self, table: &str) -> bool {
        self.words.iter().any(|it| it == table)
    }
}

fn is_function(statement: &str) -> bool {
    statement.starts_with("create") && statement.contains("function") && statement.contains("$$")
}

fn is_of_a_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|it: char| !is_of_a_word(it))
        .filter(|it| !it.is_empty())
        .map(str::to_lowercase)
}

/// The statements of a text, in small letters; one of a single word, a name, is none.
fn statements(text: &str) -> Vec<String> {
    let (mut all, mut current) = (Vec::new(), String::new());
    for (place, part) in text.split("$$").enumerate() {
        if place > 0 {
            current.push_str("$$");
        }
        let is_body = place % 2 == 1;
        let mut pieces = part.split(';');
        if is_body {
            current.push_str(part);
            continue;
        }
        current.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            all.push(mem::replace(&mut current, piece.to_owned()));
        }
    }
    all.push(current);
    all.iter()
        .map(|it| it.trim().to_lowercase())
        .filter(|it| it.contains(char::is_whitespace))
        .collect()
}

/// The strings of a source, comments aside.
fn literals(tokens: TokenStream, all: &mut Vec<String>) {
    let mut attribute = false;
    for token in tokens {
        match token {
            TokenTree::Punct(it) => {
                attribute = it.as_char() == '#' || attribute && it.as_char() == '!';
                continue;
            }
            // A comment on an item is an attribute.
            TokenTree::Group(it) if attribute && it.delimiter() == Delimiter::Bracket => {}
            TokenTree::Group(it) => literals(it.stream(), all),
            TokenTree::Literal(it) => {
                let written = it.to_string();
                if let (Some(from), Some(to)) = (written.find('"'), written.rfind('"')) {
                    let text = written[from + 1..to.max(from + 1)].replace("\\n", "\n");
                    // A line that goes on in the next.
                    all.push(text.replace("\\\n", " "));
                }
            }
            TokenTree::Ident(_) => {}
        }
        attribute = false;
    }
}
