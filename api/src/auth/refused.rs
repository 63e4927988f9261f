//! Why a caller is not let in, and how that is told: RFC 6750, section 3.

use jsonwebtoken::errors::{Error as TokenError, ErrorKind};

use super::source::PAUSE;
use crate::Error;

/// Why a caller is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no token.
    Missing,
    /// There is something else in its place, or twice.
    Malformed,
    /// What was found in the place of a token that is taken here.
    Invalid(&'static str),
    /// There are no keys as yet.
    Unavailable,
    /// What it costs to look at one more token is not left to its sender's address.
    Spent(Error),
}

impl Refused {
    pub(super) const EXPIRED: Self = Self::Invalid("one that has expired");
    pub(super) const NO_TOKEN: Self = Self::Invalid("no signed JWT");
    pub(super) const NOT_SIGNED: Self = Self::Invalid("one whose signature is not right");
    pub(super) const OTHER_AUDIENCE: Self = Self::Invalid("one for another audience");
    pub(super) const OTHER_ISSUER: Self = Self::Invalid("one of another issuer");
    pub(super) const TOO_LONG: Self = Self::Invalid("one of more than 8,192 bytes");
    pub(super) const UNKNOWN_KEY: Self = Self::Invalid("one that no known key has signed");

    /// As the caller may read it.
    pub(crate) fn error(self) -> Error {
        match self {
            Self::Missing => Error::unauthenticated(
                "Expected an access token, as in `Authorization: Bearer …`, found none.",
            ),
            Self::Malformed => Error::unauthenticated(
                "Expected one `Authorization`, with `Bearer` and an access token, found another.",
            ),
            Self::Invalid(found) => {
                Error::unauthenticated(format!("Expected a valid access token, found {found}."))
            }
            Self::Unavailable => Error::unavailable(
                "Access tokens cannot be checked at the moment; try again in a few seconds.",
            )
            .again_in(PAUSE.as_secs()),
            Self::Spent(error) => error,
        }
    }

    /// What `WWW-Authenticate` says; none where the client can do nothing about it.
    pub(crate) fn challenge(&self) -> Option<String> {
        match self {
            // Who sent no token is told no error.
            Self::Missing | Self::Malformed => Some(r#"Bearer realm="repairshop""#.to_owned()),
            Self::Invalid(found) => Some(format!(
                r#"Bearer realm="repairshop", error="invalid_token", error_description="Expected a valid access token, found {found}.""#
            )),
            Self::Unavailable | Self::Spent(_) => None,
        }
    }
}

impl From<TokenError> for Refused {
    fn from(error: TokenError) -> Self {
        match error.kind() {
            ErrorKind::ExpiredSignature => Self::EXPIRED,
            ErrorKind::ImmatureSignature => Self::Invalid("one that is not valid yet"),
            ErrorKind::InvalidIssuer => Self::OTHER_ISSUER,
            ErrorKind::InvalidAudience => Self::OTHER_AUDIENCE,
            ErrorKind::InvalidSignature => Self::NOT_SIGNED,
            ErrorKind::MissingRequiredClaim(claim) => match claim.as_str() {
                "exp" => Self::Invalid("one that does not expire"),
                "iss" => Self::OTHER_ISSUER,
                _ => Self::OTHER_AUDIENCE,
            },
            _ => Self::NO_TOKEN,
        }
    }
}
