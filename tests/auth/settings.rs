//! The settings: where roles are, what stops the start, and who may listen where.

use serde_json::{Value, json};

use super::{asked, client};
use crate::harness::{Directory, Key, SECRET, Serving, Socket, now, repairshop, signed, token};

const VIEWER: &str = "{ viewer { role } }";

async fn role(url: &str, claims: Value) -> Value {
    let (_, body) = asked(url, &token(&claims), VIEWER).await;
    body["data"]["viewer"]["role"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_found_where_they_are_said_to_be() {
    let roles = |value: Value| json!({ "roles": value });
    let manager = json!("MANAGER");
    let cases = [
        // As Kinde and Auth0 have it, and what else a list may be.
        (
            &[][..],
            vec![
                (json!({ "permissions": ["manager"] }), json!("MANAGER")),
                (
                    json!({ "permissions": ["READER", "Technician", "other"] }),
                    json!("TECHNICIAN"),
                ),
                (
                    json!({ "permissions": ["repairshop:manager"] }),
                    manager.clone(),
                ),
                (
                    json!({ "permissions": "openid reader repairshop:technician" }),
                    json!("TECHNICIAN"),
                ),
            ],
        ),
        (
            &[("AUTH_ROLES_CLAIM", "roles")],
            vec![
                (roles(json!("manager")), manager.clone()),
                (
                    roles(json!([{ "id": "1", "key": "manager", "name": "The boss" }])),
                    manager.clone(),
                ),
                (
                    roles(json!([{ "id": "1", "key": "x", "name": "Manager" }])),
                    manager.clone(),
                ),
                (json!({ "permissions": ["manager"] }), Value::Null),
            ],
        ),
        (
            &[("AUTH_ROLES_CLAIM", "realm_access.roles")],
            vec![
                (
                    json!({ "realm_access": { "roles": ["offline", "manager"] } }),
                    manager.clone(),
                ),
                (json!({ "realm_access": ["manager"] }), Value::Null),
            ],
        ),
        (
            &[("AUTH_ROLES_CLAIM", "resource_access.shop.example.roles")],
            vec![(
                json!({ "resource_access": { "shop.example": roles(json!(["manager"])) } }),
                manager.clone(),
            )],
        ),
        (
            &[("AUTH_ROLES_CLAIM", "https://shop.example/roles")],
            vec![(
                json!({ "https://shop.example/roles": ["manager"] }),
                manager.clone(),
            )],
        ),
        (
            &[(
                "AUTH_ROLES",
                "shop:admin=MANAGER, shop:repair=technician,The Boss=MANAGER,a=b=READER",
            )],
            vec![
                (
                    json!({ "permissions": ["shop:repair"] }),
                    json!("TECHNICIAN"),
                ),
                (
                    json!({ "permissions": ["shop:repair", "shop:admin"] }),
                    manager.clone(),
                ),
                (json!({ "permissions": "The Boss" }), manager.clone()),
                (json!({ "permissions": ["a=b"] }), json!("READER")),
                (
                    json!({ "permissions": ["SHOP:ADMIN", "manager", "MANAGER"] }),
                    Value::Null,
                ),
            ],
        ),
    ];
    for (environment, claims) in cases {
        let mut all = vec![("AUTH_SECRET", SECRET)];
        all.extend(environment);
        let serving = Serving::start(&all);
        for (claims, expected) in claims {
            let found = role(&serving.url, claims.clone()).await;
            assert_eq!(found, expected, "{environment:?} {claims}");
        }
    }
}

#[test]
fn what_cannot_be_meant_stops_the_start_with_one_line() {
    let here = Directory::new();
    here.write("none.json", "{\"keys\": []}");
    here.write(
        "secret.json",
        &json!({ "keys": [Key::Secret(vec![7; 32]).jwk("x")] }).to_string(),
    );
    let secret = ("AUTH_SECRET", SECRET);
    let issuer = ("AUTH_ISSUER", "https://shop.example");
    for (environment, needle) in [
        (&[("AUTH_AUDIENCE", "shop")][..], "AUTH_ISSUER"),
        (&[("AUTH_ROLES", "a=MANAGER")], "AUTH_ISSUER"),
        (&[("AUTH_ROLES_CLAIM", "roles")], "AUTH_ISSUER"),
        (&[secret, issuer], "AUTH_SECRET"),
        (&[secret, ("AUTH_JWKS_FILE", "none.json")], "AUTH_SECRET"),
        (
            &[("AUTH_SECRET", "thirty-one bytes are too few !!")],
            "32 bytes",
        ),
        (&[secret, ("AUTH_ROLES", "admin")], "value=ROLE"),
        (&[secret, ("AUTH_ROLES", "admin=OWNER")], "MANAGER"),
        (&[secret, ("AUTH_ROLES", "=MANAGER")], "value=ROLE"),
        (&[secret, ("AUTH_ROLES", ",")], "value=ROLE"),
        (&[("AUTH_ISSUER", "http://shop.example")], "https:"),
        (&[("AUTH_ISSUER", "shop.example")], "https:"),
        (
            &[("AUTH_ISSUER", "http://127.0.0.1.shop.example")],
            "https:",
        ),
        (&[("AUTH_ISSUER", "https://shop.example?x")], "https:"),
        (
            &[("AUTH_JWKS_FILE", "nowhere.json")],
            "nowhere.json cannot be read",
        ),
        (&[("AUTH_JWKS_FILE", "none.json")], "no public key"),
        (&[("AUTH_JWKS_FILE", "secret.json")], "no public key"),
    ] {
        let outcome = here.run(&["serve", "--listen", "127.0.0.1:0"], environment);
        let said = &outcome.stderr;
        assert_eq!(outcome.status, Some(1), "{environment:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{environment:?}: {said}");
        assert!(said.contains(needle), "{environment:?}: {said}");
        assert!(
            !said.contains(SECRET) && !said.contains("thirty-one"),
            "{said}"
        );
    }
    assert!(!here.file("repairshop.db").exists(), "nothing was begun");
    let help = repairshop(&["--help"], &[secret]).success();
    assert!(!help.contains(SECRET), "{help}");
}

#[test]
fn an_open_server_listens_on_this_machine_alone_unless_told() {
    for listen in ["0.0.0.0:0", "[::]:0", "[::ffff:0.0.0.0]:0"] {
        for arguments in [&["--listen", listen][..], &["serve", "--listen", listen]] {
            let here = Directory::new();
            let outcome = here.run(arguments, &[]);
            let said = &outcome.stderr;
            assert_eq!(outcome.status, Some(1), "{said}");
            assert_eq!(said.lines().count(), 1, "{said}");
            for needle in [listen, "AUTH_ISSUER", "--insecure"] {
                assert!(said.contains(needle), "{needle}: {said}");
            }
            assert!(!here.file("repairshop.db").exists(), "nothing was begun");
        }
    }
    let here = Directory::new();
    let listen = ["--listen", "0.0.0.0:0"];
    let serving = here.serve(&["--insecure", listen[0], listen[1]], &[]);
    let warned = serving.greeting.iter().any(|line| line.contains("WARN"));
    assert!(warned, "{:#?}", serving.greeting);
    assert_eq!(serving.terminate(), Some(0));
    assert_eq!(
        here.serve(&listen, &[("INSECURE", "true")]).terminate(),
        Some(0)
    );
    assert_eq!(
        here.serve(&listen, &[("AUTH_SECRET", SECRET)]).terminate(),
        Some(0)
    );
    for own in ["127.0.0.1:0", "localhost:0", "[::1]:0"] {
        assert_eq!(
            here.serve(&["--listen", own], &[]).terminate(),
            Some(0),
            "{own}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_in_a_file_are_read_again_when_a_token_names_another() {
    let here = Directory::new();
    let (old, new) = (Key::p256(), Key::p384());
    here.write(
        "keys.json",
        &json!({ "keys": [old.jwk("old")] }).to_string(),
    );
    let arguments = [
        "--auth-jwks-file",
        "keys.json",
        "--auth-issuer",
        "https://shop.example/",
    ];
    let serving = here.serve(&arguments, &[("PORT", "0")]);
    let status = async |algorithm: &str, id: &str, key: &Key, issuer: &str| {
        let claims = json!({ "iss": issuer, "exp": now() + 300, "permissions": ["reader"] });
        let token = signed(&json!({ "alg": algorithm, "kid": id }), &claims, key);
        asked(&serving.url, &token, VIEWER).await.0
    };
    let issuer = "https://shop.example/";
    assert_eq!(status("ES256", "old", &old, issuer).await, 200);
    assert_eq!(
        status("ES256", "old", &old, "https://shop.example").await,
        401
    );
    assert_eq!(status("ES384", "new", &new, issuer).await, 401);
    here.write(
        "keys.json",
        &json!({ "keys": [new.jwk("new")] }).to_string(),
    );
    assert_eq!(status("ES384", "new", &new, issuer).await, 200);
    // What is gone is gone, also where it was taken before.
    assert_eq!(status("ES256", "old", &old, issuer).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tells_nothing_of_the_shop_needs_no_token() {
    let serving = Serving::start(&[("AUTH_SECRET", SECRET)]);
    let at = |path: &str| serving.url.replace("/graphql", path);
    let get = async |path: &str, accept: &str| {
        let answer = client().get(at(path)).header("accept", accept).send().await;
        answer.expect("an answer").status().as_u16()
    };
    assert_eq!(get("/health/live", "*/*").await, 200);
    assert_eq!(get("/health/ready", "*/*").await, 200);
    assert_eq!(get("/graphql", "text/html").await, 200);
    assert_eq!(get("/", "text/html").await, 200);
    assert_eq!(get("/schema.graphql", "*/*").await, 401);
    assert_eq!(
        get("/graphql?query={__typename}", "application/json").await,
        401
    );
    let options = client().request(reqwest::Method::OPTIONS, at("/graphql"));
    assert_eq!(options.send().await.expect("an answer").status(), 204);
    let sdl = client()
        .get(at("/schema.graphql"))
        .bearer_auth(token(&json!({})));
    assert_eq!(
        sdl.send()
            .await
            .expect("an answer")
            .text()
            .await
            .expect("text"),
        api::sdl()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_server_looks_at_no_token() {
    let serving = Serving::start(&[]);
    for line in ["Bearer gar.ba.ge", "Basic c2hvcDpzaG9w", ""] {
        let request = client().post(&serving.url).header("authorization", line);
        let answer = request.json(&json!({ "query": VIEWER })).send().await;
        let body: Value = answer.expect("an answer").json().await.expect("JSON");
        assert_eq!(body["data"]["viewer"]["role"], "MANAGER", "{body:#}");
        let mut socket = Socket::new(&serving.url).await;
        let payload = json!({ "authorization": 1, "Authorization": line });
        socket
            .send(&json!({ "type": "connection_init", "payload": payload }))
            .await;
        assert_eq!(socket.message().await["type"], "connection_ack");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_holds_no_token_and_no_secret() {
    let environment = [
        ("AUTH_SECRET", SECRET),
        ("RUST_LOG", "trace"),
        ("LOG_SQL", "1"),
    ];
    let serving = Serving::start(&environment);
    let tokens = [
        token(&json!({ "permissions": ["manager"] })),
        token(&json!({ "exp": 1 })),
        "gar.ba.ge".to_owned(),
    ];
    for token in &tokens {
        asked(&serving.url, token, "{ ticket(id: 1) { id } }").await;
    }
    let log = serving.stop().join("\n");
    assert!(log.contains("SELECT"), "it is a full log: {log}");
    assert!(!log.contains(SECRET), "{log}");
    for token in &tokens {
        assert!(!log.contains(token.as_str()), "{log}");
    }
}
