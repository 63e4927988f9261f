//! What migrations say in SQL: functions, triggers and indexes that stand on tables and columns, and
//! that a scratch database in SQLite does not have. Found in their source, as words: what may be meant
//! counts as meant, and what cannot be read is an error.

use std::{ffi::OsStr, fmt::Display, fs, path::Path};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Words of SQL that a database keeps as it is written, or that stands in the way of other types.
const KEPT: [&str; 12] = [
    "begin",
    "function",
    "generated",
    "new",
    "old",
    "plpgsql",
    "policy",
    "procedure",
    "return",
    "rule",
    "trigger",
    "view",
];

/// One migration.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) name: String,
    /// All words, names in Rust too.
    words: Vec<String>,
    /// Those of each string that has several: of one, it is a name.
    texts: Vec<Vec<String>>,
    /// Another file is a part of it.
    includes: bool,
}

/// The migrations in a directory, in order.
///
/// # Errors
/// Where one of them cannot be read, or includes a file.
pub(super) fn sources(directory: &Path) -> Result<Vec<Source>, String> {
    let failed =
        |path: &Path, why: &dyn Display| format!("{} cannot be read: {why}", path.display());
    let files = fs::read_dir(directory).map_err(|error| failed(directory, &error))?;
    let mut all = Vec::new();
    for file in files {
        let path = file.map_err(|error| failed(directory, &error))?.path();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let Some(name) = name.strip_suffix(".rs").filter(|it| it.starts_with("m2")) else {
            continue;
        };
        let text = fs::read_to_string(&path).map_err(|error| failed(&path, &error))?;
        let tokens = text.parse::<TokenStream>();
        let tokens = tokens.map_err(|error| failed(&path, &error))?;
        let mut source = Source {
            name: name.to_owned(),
            ..Source::default()
        };
        source.read(tokens);
        if source.includes {
            return Err(failed(
                &path,
                &"it includes another file; write that file's SQL into it",
            ));
        }
        all.push(source);
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

impl Source {
    /// Whether a function, a trigger or the like of it may name a column.
    pub(super) fn keeps(&self, table: &str, column: &str) -> bool {
        let mut texts = self.texts_with(table, column);
        texts.any(|text| KEPT.iter().any(|word| has(text, word)))
    }

    /// Whether any SQL of it may name a column.
    pub(super) fn needs(&self, table: &str, column: &str) -> bool {
        self.texts_with(table, column).next().is_some()
    }

    /// Whether any SQL of it may name a table.
    pub(super) fn needs_table(&self, table: &str) -> bool {
        self.texts.iter().any(|text| has(text, table))
    }

    fn texts_with(&self, table: &str, column: &str) -> impl Iterator<Item = &Vec<String>> {
        let named = has(&self.words, table);
        let texts = self.texts.iter();
        texts.filter(move |text| named && has(text, column))
    }

    /// Reads what a source says, comments aside.
    fn read(&mut self, tokens: TokenStream) {
        let mut attribute = false;
        for token in tokens {
            match token {
                TokenTree::Punct(it) => {
                    attribute = it.as_char() == '#' || attribute && it.as_char() == '!';
                    continue;
                }
                // A comment on an item is an attribute.
                TokenTree::Group(it) if attribute && it.delimiter() == Delimiter::Bracket => {}
                TokenTree::Group(it) => self.read(it.stream()),
                TokenTree::Literal(it) => {
                    let written = it.to_string();
                    if let (Some(from), Some(to)) = (written.find('"'), written.rfind('"')) {
                        let text = written[from + 1..to.max(from + 1)]
                            .replace("\\n", " ")
                            .replace("\\t", " ");
                        let words: Vec<String> = text
                            .split(|it: char| !it.is_alphanumeric() && it != '_')
                            .filter(|it| !it.is_empty())
                            .map(str::to_owned)
                            .collect();
                        self.words.extend_from_slice(&words);
                        if words.len() > 1 {
                            self.texts.push(words);
                        }
                    }
                }
                TokenTree::Ident(it) => {
                    self.includes |= it == "include" || it == "include_str";
                    self.words.push(it.to_string());
                }
            }
            attribute = false;
        }
    }
}

/// Whether a name is among words; SQL has one of small letters in any case.
fn has(words: &[String], name: &str) -> bool {
    let is_it = |word: &String| word == name || word.to_lowercase() == name;
    words.iter().any(is_it)
}
