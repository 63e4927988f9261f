//! Database URLs as people write them: what of them may be shown, and what the driver would not
//! understand.

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

/// Neon writes `channel_binding=require` into its URLs; the driver would warn of it at each start.
pub(super) fn without_channel_binding(url: &str) -> String {
    let Some((base, parameters)) = url.split_once('?') else {
        return url.to_owned();
    };
    let kept: Vec<&str> = parameters
        .split('&')
        .filter(|parameter| !parameter.starts_with("channel_binding="))
        .collect();
    format!("{base}?{}", kept.join("&"))
}

#[cfg(test)]
mod tests {
    use super::redacted;

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
}
