//! Trusted documents: those that were written down when a client was built, and that its requests
//! name by their ids.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Document;

/// The documents of a client by their ids, as its build has written them down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest(BTreeMap<String, String>);

impl Manifest {
    /// Reads the manifest of GraphQL Code Generator's client preset or of Relay's compiler, an
    /// object of ids and documents; or that of Apollo's `generate-persisted-query-manifest`.
    ///
    /// # Errors
    /// What is wrong, in a sentence, where it is neither.
    pub fn from_json(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Format {
            Flat(BTreeMap<String, String>),
            Apollo { operations: Vec<Operation> },
        }
        #[derive(Deserialize)]
        struct Operation {
            id: String,
            body: String,
        }
        match serde_json::from_str(text) {
            Ok(Format::Flat(documents)) => Ok(Self(documents)),
            Ok(Format::Apollo { operations }) => {
                let documents = operations.into_iter().map(|it| (it.id, it.body));
                Ok(Self(documents.collect()))
            }
            Err(_) => Err(
                "expected a JSON object of ids and documents, as persisted-documents.json is"
                    .to_owned(),
            ),
        }
    }
}

/// The documents of a manifest, read.
#[derive(Default)]
pub(super) struct Trusted {
    ids: HashMap<String, Arc<str>>,
    documents: HashMap<Arc<str>, Arc<Document>>,
}

impl Trusted {
    /// # Errors
    /// A line for each document that cannot be read.
    pub(super) fn read(
        manifest: &Manifest,
        read: impl Fn(&str) -> Result<Document, Vec<async_graphql::ServerError>>,
    ) -> Result<Self, Vec<String>> {
        let mut trusted = Self::default();
        let mut wrong = Vec::new();
        for (id, text) in &manifest.0 {
            match read(text) {
                Ok(document) => {
                    let text: Arc<str> = text.as_str().into();
                    trusted.ids.insert(sha256(&text), Arc::clone(&text));
                    trusted.documents.insert(text, Arc::new(document));
                }
                Err(errors) => {
                    let said: Vec<_> = errors.into_iter().map(|error| error.message).collect();
                    wrong.push(format!("{id}: {}", said.join(" ")));
                }
            }
        }
        // Afterwards, for what the manifest says goes before what a hash says.
        for (id, text) in &manifest.0 {
            let id = id.strip_prefix("sha256:").unwrap_or(id);
            if let Some((text, _)) = trusted.documents.get_key_value(text.as_str()) {
                trusted.ids.insert(id.to_owned(), Arc::clone(text));
            }
        }
        if wrong.is_empty() {
            Ok(trusted)
        } else {
            Err(wrong)
        }
    }

    /// The text of an id: one of the manifest, or the `sha256:` hash of its document.
    pub(super) fn text(&self, id: &str) -> Option<String> {
        let id = id.strip_prefix("sha256:").unwrap_or(id);
        self.ids.get(id).map(|text| (**text).to_owned())
    }

    pub(super) fn document(&self, text: &str) -> Option<Arc<Document>> {
        self.documents.get(text).cloned()
    }
}

/// As it stands in ids, in lower-case hexadecimal digits.
pub(super) fn sha256(text: &str) -> String {
    use std::fmt::Write;

    let mut digits = String::with_capacity(64);
    for byte in Sha256::digest(text) {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}
