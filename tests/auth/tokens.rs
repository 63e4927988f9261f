//! What a token is checked for: everything that somebody may make of one.

use serde_json::{Value, json};

use super::{asked, client, code, guarded, post, says, sent};
use crate::harness::{
    Issuer, Key, SECRET, Serving, Shop, Socket, now, on_both, signed, token, until,
};

on_both!(
    without_a_token_nothing_is_answered,
    the_viewer_is_who_the_token_says,
    a_token_is_no_longer_taken_once_it_has_expired,
);

const VIEWER: &str = "{ viewer { subject role } }";

/// A server that takes the tokens of an issuer.
async fn trusting(issuer: &Issuer) -> Serving {
    let serving = Serving::start(&[("AUTH_ISSUER", &issuer.url), ("AUTH_AUDIENCE", "shop")]);
    // Has asked for its keys.
    until(async || issuer.asked() > 0).await;
    serving
}

async fn status(serving: &Serving, token: &str) -> u16 {
    asked(&serving.url, token, VIEWER).await.0
}

async fn without_a_token_nothing_is_answered(shop: Shop) {
    let url = guarded(&shop).await;
    let good = token(&json!({ "permissions": ["manager"] }));
    let graphql = "application/graphql-response+json";
    let line = |line: &str| vec![line.to_owned()];
    for lines in [
        vec![],
        line(""),
        line("Bearer"),
        line("Bearer "),
        line("Basic c2hvcDpzaG9w"),
        line(&good),
        line(&format!("Bearer{good}")),
        line(&format!("Bearer {good} {good}")),
        line(&format!("Bearer {good}, Bearer {good}")),
        line(&format!("Bearer \"{good}\"")),
        vec![format!("Bearer {good}"), format!("Bearer {good}")],
        line("Bearer garbage"),
        line("Bearer .."),
        line("Bearer a.b.c.d"),
        line(&format!("Bearer {}", "a".repeat(9_000))),
        line(&format!("Bearer {good}.")),
    ] {
        for accept in ["application/json", graphql] {
            for (batch, by_get) in [(false, false), (true, false), (false, true)] {
                let query = json!({ "query": "mutation { deleteTicket(input: {id: 1}) { deletedTicketId } }" });
                let mut request = if by_get {
                    client().get(format!("{url}?query=%7B__typename%7D"))
                } else if batch {
                    client().post(&url).json(&json!([query]))
                } else {
                    client().post(&url).json(&query)
                };
                for line in &lines {
                    request = request.header("authorization", line);
                }
                let response = sent(request.header("accept", accept)).await;
                assert_eq!(response.status(), 401, "{lines:?}");
                let head = response.headers();
                assert!(
                    head["content-type"]
                        .to_str()
                        .expect("text")
                        .starts_with(accept)
                );
                let challenge = head["www-authenticate"].to_str().expect("text").to_owned();
                assert!(challenge.starts_with("Bearer realm="), "{challenge}");
                let names_error = challenge.contains("error=\"invalid_token\"");
                let body: Value = response.json().await.expect("JSON");
                assert_eq!(code(&body), "UNAUTHENTICATED", "{lines:?}: {body:#}");
                assert!(body.get("data").is_none(), "{body:#}");
                let message = body["errors"][0]["message"].as_str().expect("a sentence");
                assert_eq!(
                    names_error,
                    message.contains("valid access token"),
                    "{lines:?} {message}"
                );
                assert!(
                    message.starts_with("Expected ") && message.ends_with('.'),
                    "{message}"
                );
            }
        }
    }
    assert_eq!(shop.count("tickets WHERE id = 1").await, 1);
}

async fn the_viewer_is_who_the_token_says(shop: Shop) {
    let url = guarded(&shop).await;
    let claims = json!({ "sub": "kp_ü1", "permissions": ["x", "technician"] });
    let (status, body) = asked(&url, &token(&claims), VIEWER).await;
    assert_eq!(status, 200);
    assert_eq!(
        body,
        json!({ "data": { "viewer": { "subject": "kp_ü1", "role": "TECHNICIAN" } } })
    );
    let claims = json!({ "sub": null, "permissions": ["reader"] });
    let (_, body) = asked(&url, &token(&claims), VIEWER).await;
    assert_eq!(
        body["data"]["viewer"],
        json!({ "subject": null, "role": "READER" })
    );
    // The scheme's case does not matter, nor does a fraction of a second.
    let claims = json!({ "exp": 0.5 + 300.0 + f64::from(i32::try_from(now()).expect("before 2038")), "permissions": ["reader"] });
    let line = format!("bEARER  {}", token(&claims));
    let request = client().post(&url).header("authorization", line);
    assert_eq!(
        sent(request.json(&json!({ "query": VIEWER })))
            .await
            .status(),
        200
    );
}

async fn a_token_is_no_longer_taken_once_it_has_expired(shop: Shop) {
    let url = guarded(&shop).await;
    // Clocks may differ by 30 seconds.
    let token = token(&json!({ "exp": now() - 28, "permissions": ["reader"] }));
    assert_eq!(asked(&url, &token, VIEWER).await.0, 200);
    until(async || asked(&url, &token, VIEWER).await.0 == 401).await;
    let (_, body) = asked(&url, &token, VIEWER).await;
    let message = body["errors"][0]["message"].as_str().expect("a sentence");
    assert!(message.contains("expired"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_key_signs_with_its_own_algorithms_alone() {
    let (p256, p384, ed) = (Key::p256(), Key::p384(), Key::ed25519());
    let rsa = Key::rsa(0);
    let mut pinned = Key::rsa(1).jwk("pinned");
    pinned["alg"] = json!("PS256");
    let mut encrypts = Key::rsa(2).jwk("encrypts");
    encrypts["use"] = json!("enc");
    let secret = Key::Secret(vec![7; 64]);
    let keys = vec![
        json!({ "kty": "unheard of", "kid": "x" }),
        json!("no key"),
        encrypts,
        secret.jwk("secret"),
        rsa.jwk("rsa"),
        pinned,
        p256.jwk("p256"),
        p384.jwk("p384"),
        ed.jwk("ed"),
    ];
    let issuer = Issuer::open(keys).await;
    let serving = trusting(&issuer).await;
    for (algorithm, id, key) in [
        ("RS256", "rsa", rsa),
        ("PS256", "rsa", rsa),
        ("PS256", "pinned", Key::rsa(1)),
        ("ES256", "p256", &p256),
        ("ES384", "p384", &p384),
        ("EdDSA", "ed", &ed),
    ] {
        let token = issuer.token(algorithm, id, key, &json!({}));
        let (status, body) = asked(&serving.url, &token, VIEWER).await;
        assert_eq!(status, 200, "{algorithm} {id}: {body:#}");
        assert_eq!(
            body["data"]["viewer"],
            json!({ "subject": "kp_1", "role": "MANAGER" })
        );
    }
    // A public key is known to everybody, and is no secret to sign with.
    let public = |key: &Key| Key::Secret(key.public_bytes());
    let (n, x) = (
        Key::Secret(jwk_text(rsa, "n")),
        Key::Secret(jwk_text(&p256, "x")),
    );
    let empty = Key::Secret(Vec::new());
    for (algorithm, id, key) in [
        ("HS256", "rsa", &public(rsa)),
        ("HS256", "rsa", &n),
        ("HS256", "p256", &public(&p256)),
        ("HS256", "p256", &x),
        ("HS256", "ed", &public(&ed)),
        ("HS256", "secret", &secret),
        ("HS256", "rsa", &empty),
        ("RS256", "rsa", Key::rsa(1)),
        ("RS256", "pinned", Key::rsa(1)),
        ("RS256", "encrypts", Key::rsa(2)),
        ("RS384", "rsa", rsa),
        ("ES256", "rsa", &p256),
        ("RS256", "p256", rsa),
        ("ES384", "p256", &p256),
        ("ES256", "p384", &p384),
        ("ES512", "p384", &p384),
        ("ES256", "p256", &Key::p256()),
        ("EdDSA", "p256", &ed),
        ("none", "rsa", rsa),
        ("None", "rsa", rsa),
        ("", "rsa", rsa),
        ("RS256", "never heard of", rsa),
    ] {
        let token = issuer.token(algorithm, id, key, &json!({}));
        assert_eq!(status(&serving, &token).await, 401, "{algorithm} {id}");
    }
}

fn jwk_text(key: &Key, name: &str) -> Vec<u8> {
    key.jwk("")[name]
        .as_str()
        .expect("text")
        .as_bytes()
        .to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_header_asks_for_is_not_done() {
    let (known, own) = (Key::p256(), Key::p256());
    let issuer = Issuer::open(vec![known.jwk("known")]).await;
    let serving = trusting(&issuer).await;
    let other = Issuer::open(vec![own.jwk("known")]).await;
    let claims = json!({
        "iss": issuer.url, "aud": "shop", "exp": now() + 300, "permissions": ["manager"],
    });
    let header = |more: Value| {
        let mut header = json!({ "alg": "ES256", "kid": "known" });
        for (name, value) in more.as_object().into_iter().flatten() {
            header[name] = value.clone();
        }
        header
    };
    let good = signed(&header(json!({})), &claims, &known);
    assert_eq!(status(&serving, &good).await, 200);
    let mut nameless = header(json!({}));
    nameless.as_object_mut().expect("an object").remove("kid");
    assert_eq!(
        status(&serving, &signed(&nameless, &claims, &known)).await,
        200
    );
    for more in [
        json!({ "jwk": own.jwk("known") }),
        json!({ "jku": format!("{}/keys", other.url) }),
        json!({ "x5u": format!("{}/keys", other.url) }),
        json!({ "kid": "../../../etc/passwd" }),
        json!({ "kid": "' OR 1=1 --" }),
        json!({ "kid": ["known"] }),
    ] {
        let token = signed(&header(more.clone()), &claims, &own);
        assert_eq!(status(&serving, &token).await, 401, "{more}");
    }
    let critical = signed(
        &header(json!({ "crit": ["b64"], "b64": false })),
        &claims,
        &known,
    );
    assert_eq!(status(&serving, &critical).await, 401);
    assert_eq!(other.asked(), 0);
    // Of a good one, each part changed.
    let parts: Vec<&str> = good.split('.').collect();
    let more = signed(&header(json!({})), &json!({ "exp": now() + 900 }), &own);
    let others: Vec<&str> = more.split('.').collect();
    for token in [
        format!("{}.{}.{}", parts[0], others[1], parts[2]),
        format!("{}.{}.{}", parts[0], parts[1], others[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{}..{}", parts[0], parts[2]),
        format!(".{}.{}", parts[1], parts[2]),
        format!("{good}A"),
        good[..good.len() - 4].to_owned(),
    ] {
        assert_eq!(status(&serving, &token).await, 401, "{token}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_claims_have_to_be_those_of_the_shop() {
    let key = Key::p256();
    let issuer = Issuer::open(vec![key.jwk("k")]).await;
    let serving = trusting(&issuer).await;
    for (claims, expected, says) in [
        (json!({}), 200, ""),
        (json!({ "aud": "shop" }), 200, ""),
        (json!({ "nbf": now() + 10, "exp": now() - 10 }), 200, ""),
        (json!({ "nbf": now() + 120 }), 401, "not valid yet"),
        (json!({ "nbf": "soon" }), 401, "no signed JWT"),
        (json!({ "exp": now() - 120 }), 401, "expired"),
        (json!({ "exp": 0 }), 401, "expired"),
        (json!({ "exp": null }), 401, "does not expire"),
        (json!({ "exp": "2999-01-01" }), 401, "does not expire"),
        (json!({ "exp": -1 }), 401, "does not expire"),
        (json!({ "exp": [now() + 300] }), 401, "no signed JWT"),
        (json!({ "exp": 1e18 }), 200, ""),
        (json!({ "aud": "another" }), 401, "another audience"),
        (json!({ "aud": ["Shop", "shop/"] }), 401, "another audience"),
        (json!({ "aud": [] }), 401, "another audience"),
        (json!({ "aud": null }), 401, "another audience"),
        (json!({ "aud": { "shop": true } }), 401, "another audience"),
        (
            json!({ "iss": "https://elsewhere.example" }),
            401,
            "another issuer",
        ),
        (
            json!({ "iss": format!("{}/", issuer.url) }),
            401,
            "another issuer",
        ),
        (json!({ "iss": null }), 401, "another issuer"),
    ] {
        let token = issuer.token("ES256", "k", &key, &claims);
        let (status, body) = asked(&serving.url, &token, VIEWER).await;
        assert_eq!(status, expected, "{claims}: {body:#}");
        let message = body["errors"][0]["message"].as_str().unwrap_or_default();
        assert!(message.contains(says), "{claims}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_audience_those_for_somebody_else_are_refused() {
    let serving = Serving::start(&[("AUTH_SECRET", SECRET)]);
    let warned = serving
        .greeting
        .iter()
        .any(|line| line.contains("AUTH_AUDIENCE"));
    assert!(warned, "{:#?}", serving.greeting);
    for (audience, expected) in [
        (json!(null), 200),
        (json!([]), 200),
        (json!("another"), 401),
        (json!(["another"]), 401),
    ] {
        let found = status(&serving, &token(&json!({ "aud": audience }))).await;
        assert_eq!(found, expected, "{audience}");
    }
    let several = [("AUTH_SECRET", SECRET), ("AUTH_AUDIENCE", "shop, app")];
    let serving = Serving::start(&several);
    for (audience, expected) in [("shop", 200), ("app", 200), ("shop, app", 401)] {
        let found = status(&serving, &token(&json!({ "aud": audience }))).await;
        assert_eq!(found, expected, "{audience}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_keys_are_found_at_once_and_those_of_before_are_kept_while_the_issuer_is_down() {
    let (old, new) = (Key::rsa(0), Key::p256());
    let issuer = Issuer::open(vec![old.jwk("old")]).await;
    let serving = trusting(&issuer).await;
    let before = issuer.token("RS256", "old", old, &json!({}));
    let after = issuer.token("ES256", "new", &new, &json!({}));
    assert_eq!(status(&serving, &before).await, 200);
    issuer.publish(Some(vec![old.jwk("old"), new.jwk("new")]));
    assert_eq!(status(&serving, &after).await, 200);
    assert_eq!(status(&serving, &before).await, 200);

    issuer.publish(None);
    let unknown = issuer.token("ES256", "newer", &new, &json!({}));
    assert_eq!(status(&serving, &unknown).await, 401);
    serving.line_with("stay those of before");
    assert_eq!(status(&serving, &after).await, 200);
    let fresh = issuer.token("RS256", "old", old, &json!({ "sub": "another" }));
    assert_eq!(status(&serving, &fresh).await, 200);

    // A flood of keys that nobody knows asks for them a few times, at most once in ten seconds then.
    let asked = issuer.asked();
    let flood = (0..300).map(|n| {
        let token = issuer.token("ES256", &format!("unknown {n}"), &new, &json!({}));
        let url = serving.url.clone();
        tokio::spawn(async move { sent(post(&url, &token, VIEWER)).await.status().as_u16() })
    });
    for answer in flood.collect::<Vec<_>>() {
        assert_eq!(answer.await.expect("an answer"), 401);
    }
    // One after the other, too, where no answer is waited for already.
    for n in 0..30 {
        let token = issuer.token("ES256", &format!("nobody's {n}"), &new, &json!({}));
        assert_eq!(status(&serving, &token).await, 401);
    }
    let asked = issuer.asked() - asked;
    assert!(asked <= 10, "{asked} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_withdrawn_ends_its_tokens() {
    let (old, new) = (Key::p256(), Key::p256());
    let issuer = Issuer::open(vec![old.jwk("old")]).await;
    let serving = trusting(&issuer).await;
    let before = issuer.token("ES256", "old", &old, &json!({}));
    assert_eq!(status(&serving, &before).await, 200);
    issuer.publish(Some(vec![new.jwk("new")]));
    let after = issuer.token("ES256", "new", &new, &json!({}));
    assert_eq!(status(&serving, &after).await, 200);
    assert_eq!(status(&serving, &before).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_without_its_issuer_and_says_so() {
    let key = Key::p256();
    let issuer = Issuer::open(vec![key.jwk("k")]).await;
    issuer.publish(None);
    let serving = Serving::start(&[("AUTH_ISSUER", &issuer.url), ("AUTH_AUDIENCE", "shop")]);
    says(&serving, "no access token can be checked");
    let token = issuer.token("ES256", "k", &key, &json!({}));
    let response = sent(post(&serving.url, &token, VIEWER)).await;
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "10");
    assert!(response.headers().get("www-authenticate").is_none());
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(code(&body), "UNAVAILABLE");
    // Whether there is a token at all is known without.
    let response = sent(
        client()
            .post(&serving.url)
            .json(&json!({ "query": VIEWER })),
    )
    .await;
    assert_eq!(response.status(), 401);
    let ready = serving.url.replace("/graphql", "/health/ready");
    let health: Value = sent(client().get(&ready)).await.json().await.expect("JSON");
    assert_eq!(health["missing"], json!(["issuer"]));

    issuer.publish(Some(vec![key.jwk("k")]));
    until(async || status(&serving, &token).await == 200).await;
    assert_eq!(sent(client().get(&ready)).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discovery_document_of_somebody_else_is_not_believed() {
    let key = Key::p256();
    let issuer = Issuer::open(vec![key.jwk("k")]).await;
    for (discovery, said) in [
        (
            json!({ "issuer": format!("{}/", issuer.url) }),
            "set AUTH_ISSUER to exactly that",
        ),
        (
            json!({ "issuer": "https://elsewhere.example" }),
            "set AUTH_ISSUER to exactly that",
        ),
        (json!({ "issuer": null }), "no discovery document"),
        (
            json!({ "jwks_uri": "http://elsewhere.example/keys" }),
            "jwks_uri",
        ),
        (json!({ "jwks_uri": "file:///etc/passwd" }), "jwks_uri"),
        (
            json!({ "jwks_uri": format!("{}/nothing", issuer.url) }),
            "404",
        ),
    ] {
        issuer.say(discovery.clone());
        let serving = Serving::start(&[("AUTH_ISSUER", &issuer.url)]);
        says(&serving, said);
        let claims = json!({ "aud": null });
        let token = issuer.token("ES256", "k", &key, &claims);
        assert_eq!(status(&serving, &token).await, 503, "{discovery}");
    }
    issuer.say(json!({}));
    let huge = json!({ "kty": "none", "x": "x".repeat(300 * 1024) });
    issuer.publish(Some(vec![key.jwk("k"), huge]));
    let serving = Serving::start(&[("AUTH_ISSUER", &issuer.url)]);
    says(&serving, "cannot be read");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_makes_up_tokens_is_not_listened_to_for_long() {
    let serving = Serving::start(&[("AUTH_SECRET", SECRET), ("RATE_LIMIT", "20")]);
    let of = |subject: &str| token(&json!({ "sub": subject, "permissions": ["reader"] }));
    let (known, new) = (of("known"), of("new"));
    assert_eq!(status(&serving, &known).await, 200);
    let forged = |number: usize| format!("{known}{number}");
    assert_eq!(status(&serving, &forged(1)).await, 401);
    let refused = sent(post(&serving.url, &forged(2), VIEWER)).await;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    assert!(!refused.headers().contains_key("www-authenticate"));
    let body: Value = refused.json().await.expect("JSON");
    assert_eq!(code(&body), "RATE_LIMITED");
    let mut socket = Socket::new(&serving.url).await;
    socket.init(Some(&forged(3))).await;
    assert_eq!(socket.closed().await.0, 1013);
    // Neither is who comes from there with a new one; who is known notices nothing.
    assert_eq!(status(&serving, &new).await, 429);
    assert_eq!(status(&serving, &known).await, 200);
}
