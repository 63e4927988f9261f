//! A copy of the crates that know entities and migrations, to change entities in.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::shape::shape;
use crate::harness::{Kind, TestDatabase, cargo};

/// A copy of the crates that know entities and migrations, with entities of its own.
pub(super) struct Copy {
    /// Of its package too: to Cargo, packages of one name in one target directory are the same.
    name: String,
    pub(super) place: PathBuf,
    /// Where Cargo puts what it builds: with what the tests themselves were built with.
    target: PathBuf,
}

impl Copy {
    /// At a place that stays, so that only what differs is built again.
    pub(super) fn new(name: &str) -> Self {
        let target = Path::new(env!("CARGO_BIN_EXE_repairshop"))
            .ancestors()
            .nth(2);
        let target = target.expect("the program is in target/debug").to_owned();
        let place = target.join("tmp").join(name);
        let _ = fs::remove_dir_all(&place);
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for part in [
            "entity/src",
            "migration/src",
            "migration/src/alter",
            "migration/src/tables",
            "migration/src/generate",
        ] {
            fs::create_dir_all(place.join(part)).expect("a directory");
            for file in fs::read_dir(workspace.join(part))
                .expect("the sources")
                .flatten()
            {
                if file.path().is_file() {
                    fs::copy(file.path(), place.join(part).join(file.file_name())).expect("a copy");
                }
            }
        }
        for file in [
            "Cargo.toml",
            "Cargo.lock",
            "entity/Cargo.toml",
            "migration/Cargo.toml",
        ] {
            fs::copy(workspace.join(file), place.join(file)).expect("a copy");
        }
        let copy = Self {
            name: name.to_owned(),
            place,
            target,
        };
        copy.edit(
            "Cargo.toml",
            &[
                (
                    r#"["api", "entity", "migration"]"#,
                    r#"["entity", "migration"]"#,
                ),
                (
                    r#"default-members = ["api"]"#,
                    r#"default-members = ["migration"]"#,
                ),
            ],
        );
        // Of other names than the real ones, which Cargo would take them for. With what the API depends
        // on, the libraries have the features that they were built with already.
        let api = fs::read_to_string(workspace.join("api/Cargo.toml")).expect("the API's manifest");
        let dependencies = api
            .split("[dependencies]\n")
            .nth(1)
            .and_then(|rest| rest.split("\n\n").next());
        let dependencies = dependencies.expect("its dependencies").lines();
        let own = fs::read_to_string(copy.place.join("migration/Cargo.toml")).expect("a manifest");
        let more: Vec<&str> = dependencies
            .take_while(|line| !line.starts_with('['))
            .filter(|line| !own.contains(line) && !line.starts_with("migration"))
            .collect();
        let more = format!("[dependencies]\n{}\n", more.join("\n"));
        let program = format!(
            "[[bin]]\nname = \"{name}\"\npath = \"src/main.rs\"\n\n[lib]\nname = \"migration\"\n"
        );
        copy.edit(
            "migration/Cargo.toml",
            &[
                ("name = \"migration\"", &format!("name = \"{name}\"")),
                ("[dependencies]\n", &more),
                ("[lib]\n", &program),
            ],
        );
        copy.edit(
            "entity/Cargo.toml",
            &[
                ("name = \"entity\"", &format!("name = \"{name}-entity\"")),
                (
                    "[dependencies]\n",
                    "[lib]\nname = \"entity\"\n\n[dependencies]\n",
                ),
            ],
        );
        copy.edit(
            "Cargo.toml",
            &[
                (
                    "entity = { path",
                    &format!("entity = {{ package = \"{name}-entity\", path"),
                ),
                (
                    "migration = { path",
                    &format!("migration = {{ package = \"{name}\", path"),
                ),
            ],
        );
        copy
    }

    /// Each text stands there once.
    pub(super) fn edit(&self, file: &str, edits: &[(&str, &str)]) {
        let path = self.place.join(file);
        let mut text = fs::read_to_string(&path).expect("a file of the copy");
        for (from, to) in edits {
            assert_eq!(text.matches(from).count(), 1, "{from} in {file}");
            text = text.replace(from, to);
        }
        fs::write(&path, text).expect("a file of the copy");
    }

    /// Runs `cargo run -p migration -- …` there: whether it went well, and what it printed.
    pub(super) fn run(&self, arguments: &[&str], url: &str) -> (bool, String) {
        let output = cargo()
            .args([
                "run",
                "--quiet",
                "--offline",
                "-p",
                &self.name,
                "--target-dir",
            ])
            .arg(&self.target)
            .arg("--")
            .args(arguments)
            .env("DATABASE_URL", url)
            .current_dir(&self.place)
            .stdin(Stdio::null())
            .output();
        let output = output.expect("cargo runs");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    pub(super) fn goes_well(&self, arguments: &[&str], url: &str) -> String {
        let (well, said) = self.run(arguments, url);
        assert!(well, "{said}");
        said
    }

    pub(super) fn write(&self, file: &str, text: &str) {
        fs::write(self.place.join(file), text).expect("a file of the copy");
    }

    /// Generates a migration, which has to be formatted: what was said of its changes, and its text.
    pub(super) fn generates(&self, name: &str) -> (String, String) {
        let said = self.goes_well(&["generate", name], "sqlite::memory:");
        let (changes, path) = said.rsplit_once("written: ").expect("a file");
        let path = self.place.join(path.trim_end());
        let formatted = Command::new("rustfmt")
            .args(["--edition", "2024", "--check"])
            .arg(&path)
            .status();
        assert!(formatted.expect("rustfmt runs").success());
        let text = fs::read_to_string(path).expect("the migration");
        (changes.to_owned(), text)
    }

    /// What is said where nothing can be generated; nothing is written then.
    pub(super) fn refuses(&self, name: &str) -> String {
        let files = || fs::read_dir(self.place.join("migration/src")).expect("a directory");
        let count = files().count();
        let (well, said) = self.run(&["generate", name], "sqlite::memory:");
        assert!(!well, "{said}");
        assert_eq!(files().count(), count, "nothing is written");
        said
    }

    /// On both kinds of scratch database.
    pub(super) async fn has_nothing_to_do(&self) {
        let scratch = TestDatabase::empty(Kind::Postgres).await;
        let before = shape(&scratch).await;
        for url in ["sqlite::memory:", &scratch.url] {
            let said = self.goes_well(&["generate", "again", "--scratch", url], "");
            let nothing = "nothing to do: the migrations lead to what the entities say\n";
            assert_eq!(said, nothing, "on {url}");
        }
        assert_eq!(shape(&scratch).await, before);
        scratch.remove().await;
    }
}

/// Lines of catalogs without the places of columns, and SQLite's table as the set of its parts: what
/// comes back comes back at the end.
pub(super) fn without_order(shape: Vec<String>) -> Vec<Vec<String>> {
    let mut lines: Vec<Vec<String>> = (shape.into_iter())
        .map(|line| {
            let line = line.replace(" WITH ALL", "");
            let mut parts: Vec<String> = line
                .split([',', ' ', '(', ')'])
                .filter(|part| !part.is_empty() && part.parse::<u32>().is_err())
                .map(str::to_owned)
                .collect();
            parts.sort();
            parts
        })
        .collect();
    lines.sort();
    lines
}
