//! The keys that tokens may be signed with, each with the algorithms that it is for.
//!
//! A token chooses among them by its `kid` and its `alg`, and can choose nothing else: what a key is
//! for is said by the key. Source of the rules: RFC 7517; RFC 8725, sections 3.1 and 3.2.

use jsonwebtoken::{
    Algorithm, DecodingKey, Header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk},
};
use serde::Deserialize;
use serde_json::Value;

/// The most keys of a set that are looked at. Issuers have two to four.
const MOST: usize = 64;

/// Keys, and the text that they were read from.
#[derive(Default)]
pub(super) struct Keys {
    keys: Vec<Key>,
    text: Vec<u8>,
}

struct Key {
    id: Option<String>,
    algorithms: &'static [Algorithm],
    verifies: DecodingKey,
}

impl Keys {
    /// A secret that the shop shares with who issues its tokens.
    pub(super) fn secret(secret: &str) -> Self {
        let key = Key {
            id: None,
            algorithms: &[Algorithm::HS256],
            verifies: DecodingKey::from_secret(secret.as_bytes()),
        };
        Self {
            keys: vec![key],
            text: Vec::new(),
        }
    }

    /// Those of a JSON Web Key Set that can check a signature. Others stand there, too: for
    /// encryption, of kinds to come, or secrets, which are none where everybody may read them.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn from_json(text: Vec<u8>) -> Result<Self, &'static str> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = serde_json::from_slice(&text)
            .map_err(|_| "it is no JSON Web Key Set: {\"keys\": […]}")?;
        let keys: Vec<Key> = set.keys.iter().filter_map(Key::read).take(MOST).collect();
        if keys.is_empty() {
            return Err(
                "it has no public key that RSA, EC (P-256, P-384) or Ed25519 signatures can be checked with",
            );
        }
        Ok(Self { keys, text })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.text == other.text
    }

    /// Whether one of them is the one that a token names, if it names one.
    pub(super) fn knows(&self, header: &Header) -> bool {
        (self.keys.iter()).any(|key| header.kid.is_none() || key.id == header.kid)
    }

    /// Those that a token may be signed with.
    pub(super) fn fitting<'a>(
        &'a self,
        header: &'a Header,
    ) -> impl Iterator<Item = &'a DecodingKey> {
        let fitting = (self.keys.iter())
            .filter(|key| key.is_named(header) && key.algorithms.contains(&header.alg));
        fitting.map(|key| &key.verifies)
    }
}

impl Key {
    fn read(value: &Value) -> Option<Self> {
        let is_for = |name: &str, what: &str| match value.get(name) {
            None | Some(Value::Null) => true,
            Some(Value::Array(all)) => all.iter().any(|it| it == what),
            Some(one) => one == what,
        };
        if !is_for("use", "sig") || !is_for("key_ops", "verify") {
            return None;
        }
        let jwk = Jwk::deserialize(value).ok()?;
        let algorithms: &'static [Algorithm] = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => &[
                Algorithm::RS256,
                Algorithm::RS384,
                Algorithm::RS512,
                Algorithm::PS256,
                Algorithm::PS384,
                Algorithm::PS512,
            ],
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                &[Algorithm::ES256]
            }
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => {
                &[Algorithm::ES384]
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                &[Algorithm::EdDSA]
            }
            _ => return None,
        };
        let algorithms = match value.get("alg").and_then(Value::as_str) {
            None => algorithms,
            Some(only) => {
                let only: Algorithm = only.parse().ok()?;
                let place = algorithms.iter().position(|it| *it == only)?;
                &algorithms[place..=place]
            }
        };
        Some(Self {
            id: jwk.common.key_id.clone(),
            algorithms,
            verifies: DecodingKey::from_jwk(&jwk).ok()?,
        })
    }

    /// A token or a key without an id says nothing of which it is.
    fn is_named(&self, header: &Header) -> bool {
        match (&self.id, &header.kid) {
            (Some(id), Some(wanted)) => id == wanted,
            _ => true,
        }
    }
}
