//! Access tokens: from the text that a caller sends to who it is. Knows no transport, and of roles
//! only that a token may have one.
//!
//! A token is checked once, and then known until it ends or the keys change: a signature costs more
//! than most requests. Source of the rules: RFC 6750 (bearer tokens), RFC 7519 (JWT), RFC 8725 (how
//! to check them).

mod issuer;
mod keys;
mod refused;
mod roles;
mod signature;
mod source;

use std::{
    fmt,
    net::IpAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use quick_cache::sync::Cache;
use serde_json::{Map, Value};
use tracing::warn;

use self::{roles::Roles, source::Source};
use crate::viewer::{Caller, Role};

pub(crate) use self::refused::Refused;

/// The longest token that is looked at, in bytes. Those with many permissions have a few thousand.
const LONGEST: usize = 8 * 1024;
/// How many tokens are known at a time, and the longest of them in bytes: what that may cost.
const KNOWN: usize = 10_000;
const LONGEST_KNOWN: usize = 4 * 1024;
/// What it costs to check a token, of what a caller may spend: a signature takes about as long as the
/// rest of some requests.
const CHECKING: u64 = 10;
/// How far clocks may differ.
const LEEWAY: Duration = Duration::from_secs(30);
/// As good as for ever.
const YEAR: Duration = Duration::from_hours(24 * 365);

/// Which tokens are taken, as the command line says it.
#[derive(Clone, Default)]
pub struct Tokens {
    /// An `OpenID` issuer, which publishes its keys.
    pub issuer: Option<String>,
    /// Its keys in a file.
    pub jwks_file: Option<PathBuf>,
    /// A shared secret in place of an issuer.
    pub secret: Option<String>,
    /// Whom tokens must be for; several with commas between.
    pub audience: Option<String>,
    /// The claim that has the roles.
    pub roles_claim: Option<String>,
    /// What its values mean: `shop:admin=MANAGER,…`.
    pub roles: Option<String>,
}

/// Checks tokens. Cheap to clone.
#[derive(Clone)]
pub struct Auth(Arc<Inner>);

struct Inner {
    source: Source,
    issuer: Option<String>,
    audience: Vec<String>,
    roles: Roles,
    known: Cache<String, Known>,
}

/// A token that was checked with the keys of a version.
#[derive(Clone)]
struct Known {
    holder: Holder,
    version: u64,
}

/// Whose token it is.
#[derive(Clone)]
struct Holder {
    subject: Option<Arc<str>>,
    role: Option<Role>,
    expires: SystemTime,
}

impl fmt::Debug for Auth {
    /// Without what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").finish_non_exhaustive()
    }
}

impl Auth {
    /// None where nothing is said of tokens. Reads the keys' file, and asks no issuer yet.
    ///
    /// # Errors
    /// What is wrong with the settings, in a line.
    pub fn new(tokens: &Tokens) -> Result<Option<Self>, String> {
        let Some(source) = Source::new(tokens)? else {
            let rest = [&tokens.audience, &tokens.roles_claim, &tokens.roles];
            if rest.iter().any(|it| it.is_some()) {
                return Err("there are AUTH_ settings, but none that says how tokens are checked: set AUTH_ISSUER, AUTH_JWKS_FILE or AUTH_SECRET".to_owned());
            }
            return Ok(None);
        };
        signature::install();
        let audience = tokens.audience.as_deref().unwrap_or_default().split(',');
        let audience = audience.map(str::trim).filter(|it| !it.is_empty());
        Ok(Some(Self(Arc::new(Inner {
            source,
            issuer: tokens.issuer.clone(),
            audience: audience.map(ToOwned::to_owned).collect(),
            roles: Roles::new(tokens.roles_claim.as_deref(), tokens.roles.as_deref())?,
            known: Cache::new(KNOWN),
        }))))
    }

    /// Gets ready for the first token, and says in the log what a person should know at start.
    pub fn start(&self) {
        if self.0.audience.is_empty() {
            warn!("AUTH_AUDIENCE is not set: tokens that name an audience are refused");
        }
        if !self.has_keys() {
            drop(self.0.source.ask());
        }
    }

    /// Whether there are keys to check tokens with.
    pub(crate) fn has_keys(&self) -> bool {
        !self.0.source.in_use().keys.is_empty()
    }

    /// Who sends what an `Authorization` header says, or the field of this name in a
    /// `connection_init`. Where a token is not known yet, somebody has to `pay` for its being checked:
    /// whose it is nobody knows before.
    ///
    /// # Errors
    /// Why they are not let in.
    pub(crate) async fn caller(
        &self,
        authorization: &str,
        address: IpAddr,
        pay: impl FnOnce(u64) -> crate::Result<()>,
    ) -> Result<Caller, Refused> {
        let holder = self.holder(bearer(authorization)?, pay).await?;
        Ok(Caller {
            subject: holder.subject,
            role: holder.role,
            address,
            until: Some(holder.expires),
        })
    }

    async fn holder(
        &self,
        token: &str,
        pay: impl FnOnce(u64) -> crate::Result<()>,
    ) -> Result<Holder, Refused> {
        let version = self.0.source.version();
        let holder = match self.0.known.get(token) {
            Some(known) if known.version == version => known.holder,
            _ => {
                pay(CHECKING).map_err(Refused::Spent)?;
                self.checked(token).await?
            }
        };
        let now = SystemTime::now();
        if holder.expires > now {
            return Ok(holder);
        }
        // The clock of who issued it may be behind.
        let expires = holder.expires + LEEWAY;
        if expires > now {
            return Ok(Holder { expires, ..holder });
        }
        Err(Refused::EXPIRED)
    }

    async fn checked(&self, token: &str) -> Result<Holder, Refused> {
        if token.len() > LONGEST {
            return Err(Refused::TOO_LONG);
        }
        let header = decode_header(token).map_err(|_| Refused::NO_TOKEN)?;
        // What is critical would have to be understood: RFC 7515, section 4.1.11.
        if header.crit.is_some() {
            return Err(Refused::NO_TOKEN);
        }
        let source = &self.0.source;
        if !source.in_use().keys.knows(&header) {
            source.ask().await;
        }
        let in_use = source.in_use();
        if in_use.keys.is_empty() {
            return Err(Refused::Unavailable);
        }
        let mut why = Refused::UNKNOWN_KEY;
        for key in in_use.keys.fitting(&header) {
            why = match self.decoded(token, header.alg, key) {
                // Perhaps with the next one.
                Err(Refused::NOT_SIGNED) => Refused::NOT_SIGNED,
                Err(refused) => return Err(refused),
                Ok(holder) => {
                    if token.len() <= LONGEST_KNOWN {
                        let known = Known {
                            holder: holder.clone(),
                            version: in_use.version,
                        };
                        self.0.known.insert(token.to_owned(), known);
                    }
                    return Ok(holder);
                }
            };
        }
        Err(why)
    }

    fn decoded(
        &self,
        token: &str,
        algorithm: Algorithm,
        key: &DecodingKey,
    ) -> Result<Holder, Refused> {
        let Inner {
            issuer, audience, ..
        } = &*self.0;
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY.as_secs();
        validation.validate_nbf = true;
        let mut required = vec!["exp"];
        if let Some(issuer) = issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        // Without one of our own, ours is stricter than the library's.
        validation.validate_aud = !audience.is_empty();
        if validation.validate_aud {
            validation.set_audience(audience);
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        let claims = decode::<Map<String, Value>>(token, key, &validation)?.claims;
        if audience.is_empty() && names_somebody(claims.get("aud")) {
            return Err(Refused::OTHER_AUDIENCE);
        }
        let expires = claims.get("exp").and_then(Value::as_f64);
        let expires = expires.and_then(|it| Duration::try_from_secs_f64(it).ok());
        let expires = expires.and_then(|it| UNIX_EPOCH.checked_add(it));
        let latest = SystemTime::now() + YEAR;
        Ok(Holder {
            subject: claims.get("sub").and_then(Value::as_str).map(Arc::from),
            role: self.0.roles.of(&claims),
            expires: expires.map_or(latest, |it| it.min(latest)),
        })
    }
}

/// Whether an `aud` is there. Who does not find itself in it must not take the token: RFC 7519,
/// section 4.1.3.
fn names_somebody(audience: Option<&Value>) -> bool {
    match audience {
        None | Some(Value::Null) => false,
        Some(Value::Array(all)) => !all.is_empty(),
        Some(_) => true,
    }
}

/// The token in credentials: RFC 6750, section 2.1.
fn bearer(authorization: &str) -> Result<&str, Refused> {
    let (scheme, token) = authorization.split_once(' ').ok_or(Refused::Malformed)?;
    let token = token.trim_matches(' ');
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || !token.bytes().all(is_token) {
        return Err(Refused::Malformed);
    }
    Ok(token)
}
