//! README.md says nothing that is not so: its commands are run, its requests are sent, its answers,
//! its tables of options and codes, and the files it names are compared.

use std::{fs, path::Path};

use api::error::Code;
use serde_json::{Value, json};

use crate::harness::{Answer, Directory, Kind, Serving, TestDatabase, curl, repairshop, words};

const README: &str = include_str!("../README.md");

/// Commands that are run elsewhere: the one that runs this, one that the harness does by SQL, and one
/// whose result is for people to judge.
const ELSEWHERE: [&str; 10] = [
    "tests/run",
    "createdb repairshop",
    "cargo bench --bench shop",
    "cargo bench --bench peers",
    "cargo bench --bench live",
    "cargo bench --bench overload",
    "cargo bench --bench growth",
    "cargo build",
    "cargo bench --bench execute",
    "cargo bench --bench worst",
];

/// Where the README's server and its PostgreSQL are said to be.
const ADDRESS: &str = "http://127.0.0.1:8000/";
const POSTGRES: &str = "postgres://localhost/repairshop";

/// What is to be done with a part of the README.
enum Step {
    Run(String),
    Ask(String),
    /// The JSON of the step before.
    Compare(Value),
}

/// What stands in single back quotes.
fn spans(sentences: &str) -> impl Iterator<Item = &str> {
    sentences.split('`').skip(1).step_by(2)
}

/// The fenced blocks, and the commands that stand in a sentence, in their order.
fn steps() -> Vec<Step> {
    let mut steps = Vec::new();
    for (index, part) in README.split("```").enumerate() {
        if index % 2 == 0 {
            let code = spans(part);
            let commands = code.filter(|it| {
                ["cargo ", "repairshop ", "curl "]
                    .iter()
                    .any(|word| it.starts_with(word))
            });
            steps.extend(commands.map(|command| Step::Run(command.to_owned())));
            continue;
        }
        let (tag, text) = part.split_once('\n').expect("a block has a first line");
        match tag {
            "sh" => {
                let joined = text.replace("\\\n", "");
                let commands = joined.lines().map(|line| Step::Run(line.trim().to_owned()));
                steps.extend(commands);
            }
            "graphql" => steps.push(Step::Ask(text.to_owned())),
            "json" => steps.push(Step::Compare(serde_json::from_str(text).expect("JSON"))),
            "" => assert!(
                text.contains('─'),
                "a picture, or a block without a tag: {text}"
            ),
            tag => panic!("nothing is known of blocks of {tag}"),
        }
    }
    steps
}

/// A newcomer who types what the README says.
struct Newcomer {
    here: Directory,
    /// Started by the first `cargo run`, and never stopped.
    server: Option<Serving>,
    database: TestDatabase,
}

impl Newcomer {
    /// Does what a command says, with the built programs in the place of `cargo run`, which would
    /// only build them again, and a free port in the place of the README's. Its answer, if any.
    async fn run(&mut self, command: &str) -> Option<Value> {
        if ELSEWHERE.contains(&command) {
            return None;
        }
        let (command, file) = match command.split_once(" > ") {
            Some((command, file)) => (command, Some(file)),
            None => (command, None),
        };
        let command = command.replace(POSTGRES, &self.database.url);
        let words = words(&command);
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut environment = vec![("PORT", "0")];
        while let Some(variable) = words.first().and_then(|word| word.split_once('=')) {
            environment.push(variable);
            words.remove(0);
        }
        let outcome = match words.as_slice() {
            ["curl", ..] => {
                let url = self
                    .server
                    .as_ref()
                    .expect("a server")
                    .url
                    .replace("graphql", "");
                let there: Vec<_> = words.iter().map(|it| it.replace(ADDRESS, &url)).collect();
                assert!(there != words, "not the README's server: {command}");
                let answer = curl(&there).await;
                return Some(answer).filter(|answer| !answer.is_null());
            }
            ["cargo", "run", "-p", "migration", "--", arguments @ ..] => {
                self.here.migration(arguments, &environment)
            }
            ["cargo", "run"] | ["repairshop"] => return self.serve(&[], &environment),
            ["cargo", "run", "--", arguments @ ..] | ["repairshop", arguments @ ..] => {
                if arguments[0].starts_with('-') || arguments[0] == "serve" {
                    return self.serve(arguments, &environment);
                }
                self.here.run(arguments, &environment)
            }
            _ => panic!("nobody knows how to run {command}"),
        };
        let printed = outcome.success();
        if let Some(file) = file {
            assert!(printed == read(file), "{file} is not what {command} prints");
        }
        None
    }

    fn serve(&mut self, arguments: &[&str], environment: &[(&str, &str)]) -> Option<Value> {
        let server = self.here.serve(arguments, environment);
        if self.server.is_none() {
            self.server = Some(server);
        } else {
            assert_eq!(server.terminate(), Some(0));
        }
        None
    }

    async fn ask(&self, query: &str) -> Value {
        let client = reqwest::Client::builder().no_proxy().build();
        let client = client.expect("an HTTP client");
        let url = &self.server.as_ref().expect("a server").url;
        Answer::to(&client, url, &json!({ "query": query }))
            .await
            .body
    }
}

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_and_request_does_what_the_readme_says() {
    let mut newcomer = Newcomer {
        here: Directory::new(),
        server: None,
        database: TestDatabase::empty(Kind::Postgres).await,
    };
    // Where `migrate generate` looks for the source.
    newcomer
        .here
        .write("migration/src/lib.rs", &read("migration/src/lib.rs"));
    let mut answer = None;
    let (mut commands, mut requests) = (0, 0);
    for step in steps() {
        match step {
            Step::Compare(expected) => {
                let found = answer.take().expect("a request before its answer");
                assert!(found == expected, "the answer is now {found:#}");
            }
            Step::Run(command) => {
                assert_eq!(answer, None, "not compared, before {command}");
                answer = newcomer.run(&command).await;
                commands += 1;
            }
            Step::Ask(query) => {
                assert_eq!(answer, None, "not compared, before {query}");
                answer = Some(newcomer.ask(&query).await);
                requests += 1;
            }
        }
    }
    assert_eq!(answer, None, "not compared");
    assert!(commands >= 10 && requests >= 5, "{commands}, {requests}");
    newcomer.database.remove().await;
}

/// The cells of the table whose first heading is this, row by row.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let head = format!("| {heading} |");
    let lines = README.lines().skip_while(|line| !line.starts_with(&head));
    let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
    let rows: Vec<Vec<&str>> = rows
        .map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(!rows.is_empty(), "no table of {heading}");
    rows
}

/// Takes `[name: value]` out of a help text.
fn take(text: &mut String, name: &str) -> String {
    let Some((before, rest)) = text.split_once(&format!("[{name}: ")) else {
        return String::new();
    };
    let (value, after) = rest.split_once(']').expect("its end");
    let (value, left) = (value.to_owned(), format!("{}{after}", before.trim_end()));
    *text = left;
    value
}

#[test]
fn the_table_of_options_is_what_help_says() {
    let help = repairshop(&["--help"], &[]).success();
    let (_, options) = help.split_once("Options:").expect("options");
    // An option begins a line of its own, which its sentences do not.
    let mut expected = Vec::new();
    for option in options.split("\n      --").skip(1) {
        let option = option.split("\n  -").next().unwrap_or_default();
        let (name, text) = option.split_once('\n').expect("a sentence");
        let name = name.split(' ').next().unwrap_or_default();
        let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (default, variable) = (take(&mut text, "default"), take(&mut text, "env"));
        let variable = variable.trim_end_matches('=');
        expected.push([
            format!("`--{name}`"),
            format!("`{variable}`"),
            default,
            text,
        ]);
    }
    assert_eq!(table("Option"), expected);

    // `serve --help` knows the same options.
    let serve = repairshop(&["serve", "--help"], &[]).success();
    for row in table("Option") {
        assert!(serve.contains(row[0].trim_matches('`')), "{row:?}");
    }
}

#[test]
fn the_table_of_codes_has_all_of_them() {
    let codes: Vec<_> = table("Who can put it right")
        .iter()
        .flat_map(|row| row[2].split(", "))
        .map(|code| code.trim_matches('`'))
        .collect();
    let schema = read("schema.graphql");
    let (_, user) = schema.split_once("enum UserErrorCode {").expect("the enum");
    let (user, _) = user.split_once('}').expect("its end");
    let user = user.lines().map(str::trim);
    let user = user.filter(|line| line.bytes().all(|it| it.is_ascii_uppercase() || it == b'_'));
    let user = user.filter(|line| !line.is_empty());
    let top = [
        Code::GraphqlParseFailed,
        Code::GraphqlValidationFailed,
        Code::BadUserInput,
        Code::Unauthenticated,
        Code::Forbidden,
        Code::PersistedQueryNotFound,
        Code::TooCostly,
        Code::RateLimited,
        Code::InternalServerError,
        Code::Unavailable,
    ];
    // One that is new does not compile here; add it above, too.
    for code in top {
        match code {
            Code::GraphqlParseFailed
            | Code::GraphqlValidationFailed
            | Code::BadUserInput
            | Code::Unauthenticated
            | Code::Forbidden
            | Code::PersistedQueryNotFound
            | Code::TooCostly
            | Code::RateLimited
            | Code::InternalServerError
            | Code::Unavailable => {}
        }
    }
    let expected: Vec<_> = user.chain(top.map(Code::as_str)).collect();
    assert_eq!(codes, expected);
}

#[test]
fn every_file_that_the_readme_names_is_there() {
    let named = |it: &&str| it.contains('/') && !it.starts_with('/') && !it.contains([' ', ':']);
    let code = README.split("```").step_by(2).flat_map(spans).filter(named);
    let links = README
        .split("](")
        .skip(1)
        .filter_map(|it| it.split(')').next());
    let paths: Vec<_> = code.chain(links).collect();
    assert!(paths.len() > 10, "{paths:?}");
    for path in paths {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
        assert!(file.exists(), "there is no {path}");
    }
}
