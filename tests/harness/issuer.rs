//! An issuer of access tokens: real keys, its discovery served over HTTP, and whatever somebody may
//! make of a token.

use std::{
    process::Command,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
        RsaPublicKeyComponents,
    },
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// For tokens that are signed with HS256.
pub(crate) const SECRET: &str = "a secret of the tests, made of 48 bytes: 01234567";

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.expect("a clock").as_secs()).expect("this age")
}

/// What a token is signed with.
pub(crate) enum Key {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair, &'static str),
    Ed(Ed25519KeyPair),
    Secret(Vec<u8>),
}

impl Key {
    /// One of a few, which are made once: it takes a while.
    pub(crate) fn rsa(index: usize) -> &'static Self {
        static KEYS: [OnceLock<Key>; 3] = [const { OnceLock::new() }; 3];
        KEYS[index].get_or_init(|| {
            let bits = "rsa_keygen_bits:2048";
            let made = Command::new("openssl")
                .args([
                    "genpkey",
                    "-algorithm",
                    "RSA",
                    "-outform",
                    "DER",
                    "-pkeyopt",
                    bits,
                ])
                .output()
                .expect("openssl runs");
            // By its version it writes the one form or the other.
            let key = RsaKeyPair::from_der(&made.stdout);
            let key = key.or_else(|_| RsaKeyPair::from_pkcs8(&made.stdout));
            Self::Rsa(key.expect("an RSA key"))
        })
    }

    pub(crate) fn p256() -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let new = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(algorithm, new.as_ref(), &random);
        Self::Ec(key.expect("an EC key"), "P-256")
    }

    pub(crate) fn p384() -> Self {
        let (algorithm, random) = (&ECDSA_P384_SHA384_FIXED_SIGNING, SystemRandom::new());
        let new = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(algorithm, new.as_ref(), &random);
        Self::Ec(key.expect("an EC key"), "P-384")
    }

    pub(crate) fn ed25519() -> Self {
        let new = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        Self::Ed(Ed25519KeyPair::from_pkcs8(new.as_ref()).expect("an Ed25519 key"))
    }

    /// As issuers publish it.
    pub(crate) fn jwk(&self, id: &str) -> Value {
        match self {
            Self::Rsa(key) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(key.public());
                let (n, e) = (base64(&public.n), base64(&public.e));
                json!({ "kty": "RSA", "kid": id, "use": "sig", "n": n, "e": e })
            }
            Self::Ec(key, curve) => {
                let (x, y) =
                    key.public_key().as_ref()[1..].split_at(key.public_key().as_ref().len() / 2);
                json!({ "kty": "EC", "kid": id, "crv": curve, "x": base64(x), "y": base64(y) })
            }
            Self::Ed(key) => json!({
                "kty": "OKP", "kid": id, "crv": "Ed25519", "x": base64(key.public_key().as_ref()),
            }),
            Self::Secret(secret) => json!({ "kty": "oct", "kid": id, "k": base64(secret) }),
        }
    }

    /// The public modulus as DER and PEM have it: what somebody confuses with a secret.
    pub(crate) fn public_bytes(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => key.public_key().as_ref().to_vec(),
            Self::Ec(key, _) => key.public_key().as_ref().to_vec(),
            Self::Ed(key) => key.public_key().as_ref().to_vec(),
            Self::Secret(secret) => secret.clone(),
        }
    }

    fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let padding: &dyn ring::signature::RsaEncoding = if algorithm == "PS256" {
                    &RSA_PSS_SHA256
                } else {
                    &RSA_PKCS1_SHA256
                };
                let mut signature = vec![0; key.public().modulus_len()];
                let signed = key.sign(padding, &random, message, &mut signature);
                signed.expect("a signature");
                signature
            }
            Self::Ec(key, _) => {
                let signed = key.sign(&random, message);
                signed.expect("a signature").as_ref().to_vec()
            }
            Self::Ed(key) => key.sign(message).as_ref().to_vec(),
            Self::Secret(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                hmac::sign(&key, message).as_ref().to_vec()
            }
        }
    }
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with just this header and these claims.
pub(crate) fn signed(header: &Value, claims: &Value, key: &Key) -> String {
    let (header_text, claims) = (header.to_string(), claims.to_string());
    let message = format!(
        "{}.{}",
        base64(header_text.as_bytes()),
        base64(claims.as_bytes())
    );
    let algorithm = header["alg"].as_str().unwrap_or_default();
    let signature = key.sign(algorithm, message.as_bytes());
    format!("{message}.{}", base64(&signature))
}

/// A token of [`SECRET`] for five minutes, with these claims over the usual ones.
pub(crate) fn token(claims: &Value) -> String {
    let mut all = json!({ "sub": "somebody", "exp": now() + 300 });
    merge(&mut all, claims);
    let key = Key::Secret(SECRET.as_bytes().to_vec());
    signed(&json!({ "alg": "HS256", "typ": "JWT" }), &all, &key)
}

fn merge(all: &mut Value, over: &Value) {
    for (name, value) in over.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
}

/// Serves its discovery document and its keys.
pub(crate) struct Issuer {
    pub(crate) url: String,
    published: Arc<Published>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Published {
    /// None while it is out of order.
    keys: Mutex<Option<Vec<Value>>>,
    /// What the discovery document says otherwise than it should.
    discovery: Mutex<Value>,
    url: OnceLock<String>,
    asked: AtomicUsize,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Issuer {
    pub(crate) async fn open(keys: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let published = Arc::new(Published::default());
        let _ = published.url.set(url.clone());
        *published.discovery.lock().expect("nobody panics here") = json!({});
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(key_set))
            .with_state(Arc::clone(&published));
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        let issuer = Self {
            url,
            published,
            server,
        };
        issuer.publish(Some(keys));
        issuer
    }

    /// From now on these are its keys; none is out of order.
    pub(crate) fn publish(&self, keys: Option<Vec<Value>>) {
        *self.published.keys.lock().expect("nobody panics here") = keys;
    }

    /// From now on its discovery document says this.
    pub(crate) fn say(&self, discovery: Value) {
        *self.published.discovery.lock().expect("nobody panics here") = discovery;
    }

    /// How often its keys were asked for.
    pub(crate) fn asked(&self) -> usize {
        self.published.asked.load(Ordering::SeqCst)
    }

    /// A token for `shop`, of a manager, for five minutes; with these claims over the usual ones.
    pub(crate) fn token(&self, algorithm: &str, id: &str, key: &Key, claims: &Value) -> String {
        let mut all = json!({
            "iss": self.url, "aud": ["shop", "another"], "sub": "kp_1", "exp": now() + 300,
            "iat": now(), "permissions": ["manager"],
        });
        merge(&mut all, claims);
        signed(
            &json!({ "alg": algorithm, "kid": id, "typ": "JWT" }),
            &all,
            key,
        )
    }
}

type Reply = Result<Json<Value>, StatusCode>;

async fn discovery(State(published): State<Arc<Published>>) -> Reply {
    let url = published.url.get().expect("it is open");
    let mut document = json!({ "issuer": url, "jwks_uri": format!("{url}/keys") });
    merge(
        &mut document,
        &published.discovery.lock().expect("nobody panics here"),
    );
    Ok(Json(document))
}

async fn key_set(State(published): State<Arc<Published>>) -> Reply {
    published.asked.fetch_add(1, Ordering::SeqCst);
    let keys = published.keys.lock().expect("nobody panics here").clone();
    let keys = keys.ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Json(json!({ "keys": keys })))
}
