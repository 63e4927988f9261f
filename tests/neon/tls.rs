//! TLS: who is let in, who is trusted, and the one line that says why not. The keys are made here.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use api::{App, database::Database};

use super::{ask, do_sql};
use crate::harness::{Cluster, Events, Kind, Serving, TestDatabase, repairshop};

/// A PostgreSQL that is called `localhost` by an authority of its own, and lets nobody in without
/// TLS. The directory has the authority's certificate in `ca.pem`, and another's in `other.pem`.
fn with_tls() -> (Cluster, String) {
    let cluster = Cluster::own();
    let new = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for command in [
        &format!("{new} -x509 -days 2 -subj /CN=ours -keyout ca.key -out ca.pem"),
        &format!("{new} -x509 -days 2 -subj /CN=other -keyout other.key -out other.pem"),
        &format!("{new} -subj /CN=localhost -keyout data/server.key -out server.csr"),
        "echo subjectAltName=DNS:localhost >names",
        "openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
         -extfile names -out data/server.crt",
        "echo 'hostssl all all all trust' >data/pg_hba.conf",
        "echo 'ssl = on' >>data/postgresql.conf",
        "pg_ctl restart -s -w -D data -l log",
    ] {
        cluster.run(command);
    }
    let directory = cluster.run("pwd").trim().to_owned();
    (cluster, directory)
}

/// What `repairshop migrate status` says on stderr, which it must go well without.
fn complaint(url: &str) -> String {
    let outcome = repairshop(&["migrate", "status"], &[("DATABASE_URL", url)]);
    assert_eq!(
        outcome.status == Some(0),
        outcome.stderr.is_empty(),
        "{url}: {}",
        outcome.stderr
    );
    outcome.stderr
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_says_whom_to_trust_and_who_is_not_is_told_in_one_line() {
    let (cluster, directory) = with_tls();
    let port = cluster.port;
    let said = |host: &str, parameters: &str| {
        complaint(&format!(
            "postgres://postgres@{host}:{port}/postgres{parameters}"
        ))
    };
    let (ours, other) = (
        format!("{directory}/ca.pem"),
        format!("{directory}/other.pem"),
    );
    for parameters in [
        "",
        "?sslmode=allow",
        "?sslmode=prefer",
        "?sslmode=require",
        "?sslmode=require&channel_binding=require",
        &format!("?sslmode=require&sslrootcert={ours}"),
        &format!("?sslmode=verify-ca&sslrootcert={ours}"),
        &format!("?sslmode=verify-full&sslrootcert={ours}"),
    ] {
        assert_eq!(said("localhost", parameters), "", "{parameters}");
    }
    let by_address = format!("?sslmode=verify-ca&sslrootcert={ours}");
    assert_eq!(said("127.0.0.1", &by_address), "");
    for (host, parameters, needle) in [
        ("localhost", "?sslmode=disable", "does not let postgres in"),
        (
            "localhost",
            "?sslmode=verify-full",
            "not of an authority that we trust",
        ),
        (
            "localhost",
            "?sslmode=verify-ca",
            "not of an authority that we trust",
        ),
        (
            "localhost",
            "?sslmode=require&sslrootcert=system",
            "not of an authority",
        ),
        (
            "localhost",
            &format!("?sslmode=require&sslrootcert={other}"),
            "not of an authority",
        ),
        (
            "localhost",
            &format!("?sslmode=verify-ca&sslrootcert={other}"),
            "not of an authority",
        ),
        (
            "localhost",
            &format!("?sslmode=verify-full&sslrootcert={other}"),
            "not of an authority",
        ),
        (
            "127.0.0.1",
            &format!("?sslmode=verify-full&sslrootcert={ours}"),
            "another name than 127.0.0.1",
        ),
        (
            "localhost",
            "?sslmode=require&sslrootcert=nowhere.pem",
            "nowhere.pem, cannot be read",
        ),
    ] {
        let said = said(host, parameters);
        assert!(
            said.contains(needle) && said.lines().count() == 1,
            "{parameters}: {said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_told_in_one_line() {
    let database = TestDatabase::empty(Kind::Postgres).await;
    for mode in ["require", "verify-ca", "verify-full"] {
        let said = complaint(&format!("{}?sslmode={mode}", database.url));
        assert!(
            said.contains("has no TLS") && said.lines().count() == 1,
            "{said}"
        );
    }
    assert_eq!(complaint(&format!("{}?sslmode=prefer", database.url)), "");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_connections_are_encrypted_the_one_that_listens_too() {
    let (cluster, directory) = with_tls();
    let database = TestDatabase::stocked_in(&cluster).await;
    let url = format!(
        "{}?sslmode=verify-full&sslrootcert={directory}/ca.pem",
        database.url
    );
    let url = url.replace("127.0.0.1", "localhost");
    let app = App::new(
        Database::connect(&url, None, None)
            .await
            .expect("a connection"),
    );
    let mut tickets = Events::of(&app, "subscription { ticketChanged { kind id } }").await;
    let serving = Serving::start(&[("DATABASE_URL", &url)]);
    let delete = "mutation { deleteTicket(input: {id: 3}) { deletedTicketId } }";
    let deleted = async {
        // Once it listens: what is deleted before that is not told.
        let other = database.connect().await;
        crate::harness::until(async || {
            let listeners = "SELECT count(*) FROM repairshop.listeners";
            crate::harness::rows::<i64>(&other, listeners).await == [1]
        })
        .await;
        ask(&serving, delete).await
    };
    let (deleted, told) = tokio::join!(deleted, tickets.lines(1));
    assert_eq!(deleted.data("/deleteTicket/deletedTicketId"), "Ticket:3");
    assert_eq!(told, ["DELETED Ticket:3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_the_host_is_said_before_any_certificate() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let hello = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut request = [0; 8];
        stream.read_exact(&mut request).expect("a request for TLS");
        stream.write_all(b"S").expect("yes");
        let mut hello = vec![0; 4096];
        let length = stream.read(&mut hello).expect("a hello");
        hello.truncate(length);
        hello
    });
    let url = format!("postgres://postgres@localhost:{port}/shop?sslmode=require");
    let outcome = repairshop(&["migrate", "status"], &[("DATABASE_URL", &url)]);
    assert_eq!(outcome.status, Some(1));
    let hello = hello.join().expect("somebody connects");
    let name = b"localhost";
    assert!(hello.windows(name.len()).any(|it| it == name), "{hello:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_frees_an_encrypted_connection() {
    let (cluster, _) = with_tls();
    let database = TestDatabase::stocked_in(&cluster).await;
    let url = format!("{}?sslmode=require", database.url);
    let serving = Serving::start(&[("DATABASE_URL", &url), ("MAX_CONNECTIONS", "1")]);
    let other = database.connect().await;
    let slow = "ALTER TABLE tickets RENAME TO slow;
        CREATE VIEW tickets AS SELECT slow.* FROM pg_sleep(29), slow";
    do_sql(&other, slow).await;
    let working = async || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' \
            AND application_name LIKE 'repairshop%' AND query LIKE '%tickets%'";
        crate::harness::rows::<i64>(&other, sql).await[0]
    };
    tokio::select! {
        _ = ask(&serving, "{ tickets { nodes { title } } }") => panic!("it is slow"),
        () = crate::harness::until(async || working().await == 1) => {}
    }
    let answer = ask(&serving, "{ customer(id: 1) { lastName } }").await;
    answer.data("/customer/lastName");
    let ended = crate::harness::until(async || working().await == 0);
    let ended = tokio::time::timeout(std::time::Duration::from_secs(10), ended).await;
    ended.expect("PostgreSQL does not go on for nobody");
}
