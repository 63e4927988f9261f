//! Database URLs as people write them: what of them may be shown, how PostgreSQL's own clients
//! understand them, and where a pooler's database is behind it.

use std::{fs::File, str::FromStr};

use sea_orm::sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgSslMode},
};
use url::Url;

use super::ConnectError;

/// The parameters that the driver understands; each of the others it would name in the log, with
/// what may be a password.
const PARAMETERS: [&str; 19] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "channel_binding",
];

/// The URL without its password and parameters, for people to read.
#[must_use]
pub fn redacted(url: &str) -> String {
    if url.starts_with("sqlite:") {
        return url.split('?').next().unwrap_or_default().to_owned();
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return "not a URL".to_owned();
    };
    // From the right, for a password may hold any character that should have been escaped.
    let (user, place) = match rest.rsplit_once('@') {
        Some((user, place)) => (user.split(':').next(), place),
        None => (None, rest),
    };
    let place = place.split('?').next().unwrap_or_default();
    match (user, place.split_once(':')) {
        (Some(user), _) => format!("{scheme}://{user}:***@{place}"),
        // Where the host was forgotten, what stands in the port's place is the password.
        (None, Some((host, port))) if !port.starts_with(|it: char| it.is_ascii_digit()) => {
            format!("{scheme}://{host}:***")
        }
        (None, _) => format!("{scheme}://{place}"),
    }
}

/// How to connect to a PostgreSQL, as libpq understands its URL
/// (<https://www.postgresql.org/docs/current/libpq-connect.html>, 34.1.2 and 34.19).
pub(super) fn postgres(url: &str) -> Result<PgConnectOptions, ConnectError> {
    let unclear = || {
        ConnectError(format!(
            "DATABASE_URL is {}: it cannot be understood; write postgres://user:password@host:5432/name, \
             with %40 for an @ in the password",
            redacted(url)
        ))
    };
    let mut parsed = Url::parse(url).map_err(|_| unclear())?;
    let parameters = parsed.query_pairs().into_owned();
    let (mut kept, mut root) = (Vec::new(), None);
    for (key, value) in parameters {
        match key.as_str() {
            // SCRAM without it is what the driver has; Neon writes it into its URLs.
            "channel_binding" => {
                tracing::debug!("channel_binding={value} of DATABASE_URL is left out");
            }
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => root = Some(value),
            known if PARAMETERS.contains(&known) || known.starts_with("options[") => {
                kept.push((key, value));
            }
            _ => tracing::warn!("DATABASE_URL has {key}, which means nothing here"),
        }
    }
    parsed.set_query(None);
    if !kept.is_empty() {
        parsed.query_pairs_mut().extend_pairs(kept);
    }
    let options = PgConnectOptions::from_str(parsed.as_str()).map_err(|_| unclear())?;
    // The brackets are the URL's; to look it up, the driver would have to take them off.
    let host = options.get_host().trim_matches(['[', ']']).to_owned();
    let options = options.host(&host);
    let mode = secured(options.get_ssl_mode(), root.as_deref());
    let mut options = options
        .ssl_mode(mode)
        // Poolers refuse what they do not know; the default prints numbers exactly.
        .extra_float_digits(None)
        .application_name("repairshop")
        .disable_statement_logging();
    if let Some(root) = root.filter(|root| root != SYSTEM) {
        if !root.trim_start().starts_with("-----BEGIN") {
            File::open(&root).map_err(|error| {
                ConnectError(format!(
                    "sslrootcert of DATABASE_URL, {root}, cannot be read ({error}): name the file that has \
                     the certificate of the authority"
                ))
            })?;
        }
        options = options.ssl_root_cert(root);
    }
    Ok(options)
}

/// For `sslrootcert`: the public authorities, which the driver has built in.
const SYSTEM: &str = "system";

/// What has to be checked, given `sslrootcert`: never less than what libpq would.
fn secured(mode: PgSslMode, root: Option<&str>) -> PgSslMode {
    match (mode, root) {
        // The driver would not even try.
        (PgSslMode::Allow, None) => PgSslMode::Prefer,
        (PgSslMode::Require, Some(root)) if root != SYSTEM => PgSslMode::VerifyCa,
        // Public authorities sign for anybody: without the name, the signature says nothing.
        (PgSslMode::VerifyCa, None) => PgSslMode::VerifyFull,
        (mode, Some(SYSTEM)) if !matches!(mode, PgSslMode::Disable) => PgSslMode::VerifyFull,
        (mode, _) => mode,
    }
}

/// Past the pooler that Neon has at `<endpoint>-pooler.<region>…`: the endpoint itself.
pub(super) fn past_pooler(options: &PgConnectOptions) -> Option<PgConnectOptions> {
    let (endpoint, rest) = options.get_host().split_once('.')?;
    let endpoint = endpoint.strip_suffix("-pooler")?;
    let direct = format!("{endpoint}.{rest}");
    Some(options.clone().host(&direct))
}

#[cfg(test)]
mod tests {
    use sea_orm::sqlx::postgres::PgSslMode;

    use super::{past_pooler, postgres, redacted};

    #[test]
    fn a_redacted_url_never_shows_the_password() {
        let urls = [
            "postgres://joe:secret@db:5432/shop?sslmode=require",
            "postgres://joe:secret?x@db/shop",
            "postgres://joe:a@secret/b@db/shop",
            "postgres://joe:secret",
            "postgres://db/shop?user=joe&password=secret",
            "mysql://joe:secret@db/shop",
            "joe:secret",
        ];
        for url in urls {
            assert!(!redacted(url).contains("secret"), "{}", redacted(url));
        }
        assert_eq!(redacted(urls[0]), "postgres://joe:***@db:5432/shop");
        assert_eq!(redacted("sqlite://shop.db?mode=rwc"), "sqlite://shop.db");
    }

    #[test]
    fn a_url_asks_for_no_less_security_than_libpq_would_give() {
        let mode = |parameters: &str| {
            let url = format!("postgres://joe:secret@db/shop?{parameters}");
            postgres(&url).expect("it is understood").get_ssl_mode()
        };
        for (parameters, expected) in [
            ("", PgSslMode::Prefer),
            ("sslmode=disable", PgSslMode::Disable),
            ("sslmode=allow", PgSslMode::Prefer),
            (
                "sslmode=require&channel_binding=require",
                PgSslMode::Require,
            ),
            ("sslmode=require&sslrootcert=/dev/null", PgSslMode::VerifyCa),
            ("sslmode=verify-ca", PgSslMode::VerifyFull),
            (
                "sslmode=verify-ca&sslrootcert=/dev/null",
                PgSslMode::VerifyCa,
            ),
            ("sslmode=verify-full", PgSslMode::VerifyFull),
            ("sslmode=require&sslrootcert=system", PgSslMode::VerifyFull),
            ("sslmode=require&whatever=secret", PgSslMode::Require),
        ] {
            let found = mode(parameters);
            assert_eq!(
                format!("{found:?}"),
                format!("{expected:?}"),
                "{parameters}"
            );
        }
        let wrong = postgres("postgres://db/shop?sslmode=require&sslrootcert=/nowhere.pem");
        let said = wrong.expect_err("no such file").to_string();
        assert!(said.contains("/nowhere.pem"), "{said}");
    }

    #[test]
    fn an_address_in_brackets_is_an_address() {
        let options = postgres("postgres://joe:secret@[::1]:5433/shop").expect("it is understood");
        assert_eq!((options.get_host(), options.get_port()), ("::1", 5433));
    }

    #[test]
    fn neons_endpoint_is_found_past_its_pooler() {
        let direct = |host: &str| {
            let options = postgres(&format!("postgres://joe:secret@{host}/shop"));
            let direct = past_pooler(&options.expect("it is understood"));
            direct.map(|options| options.get_host().to_owned())
        };
        let pooler = "ep-cool-darkness-123456-pooler.c-2.us-east-2.aws.neon.tech";
        let endpoint = pooler.replace("-pooler", "");
        assert_eq!(direct(pooler), Some(endpoint.clone()));
        for host in [
            endpoint.as_str(),
            "localhost",
            "my-pooler",
            "db.my-pooler.net",
        ] {
            assert_eq!(direct(host), None);
        }
    }
}
