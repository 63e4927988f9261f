//! Where options come from, and what becomes of bad ones.

use crate::harness::{Directory, Kind, Outcome, TestDatabase, repairshop};

/// Of a server that is given these.
fn address(directory: &Directory, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let serving = directory.serve(arguments, environment);
    let (address, port) = (serving.url.strip_prefix("http://"))
        .and_then(|url| url.strip_suffix("/graphql"))
        .and_then(|address| address.rsplit_once(':'))
        .expect("an address");
    // Neither the one of --listen, which root may have, nor the PORT that asks for a free one.
    assert!(!["1", "0"].contains(&port), "{}", serving.url);
    address.to_owned()
}

#[test]
fn the_port_changes_the_port_alone() {
    let here = Directory::new();
    let environment = [("LISTEN", "127.0.0.2:1"), ("PORT", "0")];
    assert_eq!(address(&here, &[], &environment), "127.0.0.2");
    let arguments = ["--listen", "127.0.0.3:1"];
    assert_eq!(address(&here, &arguments, &environment), "127.0.0.3");
    let arguments = ["serve", "--listen", "[::1]:1", "--port", "0"];
    assert_eq!(address(&here, &arguments, &[("PORT", "1")]), "[::1]");
}

#[test]
fn the_environment_beats_the_files_and_env_local_beats_env() {
    let here = Directory::new();
    here.write(".env", "LISTEN=127.0.0.2:1\nPORT=0\n");
    assert_eq!(address(&here, &[], &[]), "127.0.0.2");
    here.write(".env.local", "LISTEN=127.0.0.3:1\n");
    assert_eq!(address(&here, &[], &[]), "127.0.0.3");
    let environment = [("LISTEN", "127.0.0.4:1")];
    assert_eq!(address(&here, &[], &environment), "127.0.0.4");
    let arguments = ["--listen", "127.0.0.5:1"];
    assert_eq!(address(&here, &arguments, &environment), "127.0.0.5");
}

#[test]
fn the_migrations_own_program_reads_the_same_files() {
    let here = Directory::new();
    here.write(".env", "DATABASE_URL=sqlite://one.db\n");
    here.write(".env.local", "DATABASE_URL=sqlite://two.db\n");
    here.migration(&["up"], &[]).success();
    assert!(here.file("two.db").exists());
    assert!(!here.file("one.db").exists());
}

#[test]
fn empty_variables_count_as_not_set() {
    let here = Directory::new();
    let empty = [
        ("DATABASE_URL", ""),
        ("LISTEN", ""),
        ("PORT", ""),
        ("LOG_SQL", ""),
        ("MIGRATE", ""),
        ("MAX_CONNECTIONS", ""),
        ("RUST_LOG", ""),
    ];
    here.run(&["migrate", "up"], &empty).success();
    here.migration(&["up"], &empty).success();
    assert!(here.file("repairshop.db").exists());
    assert_eq!(address(&here, &["--port", "0"], &empty), "127.0.0.1");
}

#[test]
fn a_bad_value_is_one_line() {
    let told = |outcome: Outcome, status: i32, needles: &[&str]| {
        let said = outcome.stderr;
        assert_eq!(outcome.status, Some(status), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(outcome.stdout.is_empty(), "{}", outcome.stdout);
        for needle in needles {
            assert!(said.contains(needle), "{needle:?} is not in: {said}");
        }
    };
    for (name, value, needle) in [
        ("LISTEN", "8000", "HOST:PORT"),
        ("LISTEN", "localhost:http", "HOST:PORT"),
        ("PORT", "eighty", "65535"),
        ("PORT", "65536", "65535"),
        ("LOG_SQL", "perhaps", "boolean"),
        ("MIGRATE", "perhaps", "boolean"),
        ("MAX_CONNECTIONS", "0", "1..=1000"),
        ("REQUEST_TIMEOUT", "0", "1..=3600"),
        ("RATE_LIMIT", "much", "digit"),
        ("TRUSTED_PROXIES", "10.0.0.0/33", "10.0.0.0/8"),
        ("CORS_ORIGINS", "*", "https://shop.example"),
        ("CORS_ORIGINS", "null", "https://shop.example"),
        (
            "CORS_ORIGINS",
            "https://shop.example/",
            "https://shop.example or",
        ),
    ] {
        let option = format!("--{}", name.to_lowercase().replace('_', "-"));
        let outcome = repairshop(&["serve"], &[(name, value)]);
        told(outcome, 2, &["error:", value, &option, needle]);
    }
    for (arguments, needle) in [
        (&["--lisen", "x"][..], "--listen"),
        (&["sreve"], "serve"),
        (&["seed", "--tickets", "many"], "--tickets"),
        (&["--port", "1", "seed"], "belongs to `serve`"),
    ] {
        told(repairshop(arguments, &[]), 2, &["error:", needle]);
    }
    for (name, value, needle) in [
        ("DATABASE_URL", "mysql://shop:hidden@db/shop", "postgres://"),
        (
            "DATABASE_URL",
            "postgres://shop:hi dden@db:x/shop",
            "DATABASE_URL",
        ),
        ("RUST_LOG", "api=loud", "RUST_LOG"),
    ] {
        let outcome = repairshop(&["serve"], &[(name, value)]);
        assert!(!outcome.stderr.contains("dden"), "{}", outcome.stderr);
        told(outcome, 1, &["error:", needle]);
    }
    let here = Directory::new();
    here.write(".env", "THE_PASSWORD hidden\n");
    let outcome = here.run(&["serve"], &[]);
    assert!(!outcome.stderr.contains("hidden"), "{}", outcome.stderr);
    told(outcome, 1, &[".env", "NAME=value"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_urls_of_neon_are_understood() {
    let database = TestDatabase::empty(Kind::Postgres).await;
    let url = format!("{}?sslmode=prefer&channel_binding=require", database.url);
    let outcome = repairshop(&["migrate", "up"], &[("DATABASE_URL", &url)]);
    assert_eq!(outcome.stderr, "");
    outcome.success();
    database.remove().await;
}

#[test]
fn the_schema_needs_no_database() {
    let nowhere = [("DATABASE_URL", "postgres://127.0.0.1:1/shop")];
    let printed = repairshop(&["schema"], &nowhere).success();
    assert!(printed.contains("type Customer"), "{printed}");
}
