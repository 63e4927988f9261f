//! Where the keys of tokens come from, which are in use, and when they are asked for again. Knows
//! no token.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use async_graphql::futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::task::AbortHandle;
use tracing::{info, warn};

use super::{Tokens, issuer::Issuer, keys::Keys};

/// The shortest secret, in bytes: RFC 7518, section 3.2.
const SHORTEST_SECRET: usize = 32;
/// The longest file of keys, in bytes.
const LONGEST_FILE: u64 = 256 * 1024;
/// How long keys are used before they are asked for again.
const FRESH: Duration = Duration::from_mins(5);
/// How often keys are asked for in the long run at most, whatever tokens come: a rotation or two are
/// followed at once, and a flood of unknown keys is not.
pub(super) const PAUSE: Duration = Duration::from_secs(10);
const AT_ONCE: u32 = 3;

/// Keys, and where others may be had. Cheap to clone.
#[derive(Clone)]
pub(super) struct Source(Arc<Inner>);

struct Inner {
    place: Place,
    in_use: RwLock<InUse>,
    asking: Mutex<Asking>,
}

enum Place {
    /// There are no others.
    Here,
    File(PathBuf),
    Issuer(Box<Issuer>),
}

/// The keys that tokens are checked with at the moment.
#[derive(Clone)]
pub(super) struct InUse {
    pub(super) keys: Arc<Keys>,
    /// How often they have changed.
    pub(super) version: u64,
    since: Instant,
}

/// How keys are asked for: one at a time, and not too often.
struct Asking {
    last: Option<(AbortHandle, Asked)>,
    /// How often they may be asked for at the moment.
    left: u32,
    /// Since when that is so.
    since: Instant,
}

/// Ready when keys were had, or could not be.
type Asked = Shared<BoxFuture<'static, ()>>;

impl Source {
    /// None where nothing says how tokens are checked. Reads the keys' file, and asks no issuer.
    ///
    /// # Errors
    /// What is wrong with the settings, in a line.
    pub(super) fn new(tokens: &Tokens) -> Result<Option<Self>, String> {
        let (place, keys) = match (&tokens.issuer, &tokens.jwks_file, &tokens.secret) {
            (None, None, None) => return Ok(None),
            (None, None, Some(secret)) if secret.len() < SHORTEST_SECRET => {
                return Err(format!(
                    "AUTH_SECRET: expected at least {SHORTEST_SECRET} bytes, found {}: `openssl rand -base64 32` makes one",
                    secret.len()
                ));
            }
            (None, None, Some(secret)) => (Place::Here, Keys::secret(secret)),
            (_, _, Some(_)) => {
                return Err("AUTH_SECRET takes the place of an issuer: leave it out, or AUTH_ISSUER and AUTH_JWKS_FILE".to_owned());
            }
            (_, Some(file), None) => (Place::File(file.clone()), read(file)?),
            (Some(name), None, None) => {
                let issuer = Issuer::new(name).map_err(|error| format!("AUTH_ISSUER: {error}"))?;
                (Place::Issuer(Box::new(issuer)), Keys::default())
            }
        };
        let now = Instant::now();
        Ok(Some(Self(Arc::new(Inner {
            place,
            in_use: RwLock::new(InUse {
                keys: Arc::new(keys),
                version: 0,
                since: now,
            }),
            asking: Mutex::new(Asking {
                last: None,
                left: AT_ONCE,
                since: now,
            }),
        }))))
    }

    pub(super) fn in_use(&self) -> InUse {
        let in_use = self.0.in_use.read();
        in_use.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The version of the keys in use; asks for others where they are not fresh any more. Nobody
    /// waits for those: the ones that there are will do until then.
    pub(super) fn version(&self) -> u64 {
        let (version, age) = {
            let in_use = self.0.in_use.read();
            let in_use = in_use.unwrap_or_else(PoisonError::into_inner);
            (in_use.version, in_use.since.elapsed())
        };
        if age >= FRESH {
            drop(self.ask());
        }
        version
    }

    /// Asks for keys, once for all who want them at the same time, and not too often. In a task of
    /// its own: a caller who goes away would take the answer with it.
    pub(super) fn ask(&self) -> Asked {
        if matches!(self.0.place, Place::Here) {
            return async {}.boxed().shared();
        }
        let asking = self.0.asking.lock();
        let mut asking = asking.unwrap_or_else(PoisonError::into_inner);
        while asking.left < AT_ONCE && asking.since.elapsed() >= PAUSE {
            asking.left += 1;
            asking.since += PAUSE;
        }
        if let Some((task, last)) = &asking.last
            && (asking.left == 0 || !task.is_finished())
        {
            return last.clone();
        }
        if asking.left == AT_ONCE {
            asking.since = Instant::now();
        }
        asking.left -= 1;
        let source = self.clone();
        let task = tokio::spawn(async move { source.renew().await });
        let handle = task.abort_handle();
        let new = task.map(|_| ()).boxed().shared();
        asking.last = Some((handle, new.clone()));
        new
    }

    async fn renew(&self) {
        let keys = match &self.0.place {
            Place::Here => return,
            Place::File(file) => read(file),
            Place::Issuer(issuer) => {
                let keys = issuer.keys().await;
                keys.map_err(|error| format!("AUTH_ISSUER: {error}"))
            }
        };
        match keys {
            Ok(keys) => self.replace(keys),
            Err(error) if self.in_use().keys.is_empty() => {
                warn!("no access token can be checked, each is answered with UNAVAILABLE; {error}");
            }
            Err(error) => warn!("the keys of access tokens stay those of before; {error}"),
        }
    }

    fn replace(&self, new: Keys) {
        let in_use = self.0.in_use.write();
        let mut in_use = in_use.unwrap_or_else(PoisonError::into_inner);
        in_use.since = Instant::now();
        if !new.is_same(&in_use.keys) {
            in_use.keys = Arc::new(new);
            in_use.version += 1;
            info!("there are new keys for access tokens");
        }
    }
}

/// The keys in a file.
fn read(path: &Path) -> Result<Keys, String> {
    let file = path.display();
    let mut text = Vec::new();
    File::open(path)
        .and_then(|it| it.take(LONGEST_FILE).read_to_end(&mut text))
        .map_err(|error| format!("AUTH_JWKS_FILE {file} cannot be read: {error}"))?;
    Keys::from_json(text).map_err(|error| format!("AUTH_JWKS_FILE {file}: {error}"))
}
