//! A secret that stands for a right.

use std::fmt;
use std::hint::black_box;

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

/// The shortest token that is not guessed.
const MIN_CHARS: usize = 16;
/// The longest that fits a header among others.
const MAX_CHARS: usize = 1024;

/// A secret text; whoever shows it has the right that it was made for.
#[derive(Clone)]
pub struct Token(String);

/// A text that cannot be a token. It does not hold the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a token has {MIN_CHARS} to {MAX_CHARS} letters, digits or signs of ASCII and no blanks; make \
     one with 'openssl rand -hex 32'"
)]
pub struct TokenError;

impl Token {
    /// Takes `text` as a token.
    ///
    /// # Errors
    ///
    /// [`TokenError`] if the text is short, long, or could not stand in a header as it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use idgen_server::Token;
    /// assert!(Token::new("2f1c4e0d9b7a68532f1c4e0d9b7a6853").is_ok());
    /// assert!(Token::new("secret").is_err());
    /// ```
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let fits = (MIN_CHARS..=MAX_CHARS).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TokenError)
        }
    }

    /// Whether a request shows this token, as RFC 6750 has it: `Authorization: Bearer TOKEN`.
    pub(crate) fn is_shown(&self, headers: &HeaderMap) -> bool {
        let value = headers.get(AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
        let Some((scheme, shown)) = value.split_at_checked("Bearer ".len()) else { return false };
        scheme.eq_ignore_ascii_case(b"Bearer ") && self.equals(shown)
    }

    /// Looks at every byte, so that the time it takes does not tell how many are right.
    fn equals(&self, shown: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let differing = own.iter().zip(shown).fold(0, |all, (a, b)| black_box(all | (a ^ b)));
        own.len() == shown.len() && differing == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(...)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    const TEXT: &str = "0123456789abcdef";

    fn shows(value: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static(value));
        Token::new(TEXT).unwrap().is_shown(&headers)
    }

    #[test]
    fn only_the_whole_token_is_the_token() {
        assert!(shows("Bearer 0123456789abcdef"));
        assert!(shows("bearer 0123456789abcdef"));
        for other in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdeg",
            "Bearer 0123456789abcdef0",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
        ] {
            assert!(!shows(other), "{other}");
        }
        assert!(!Token::new(TEXT).unwrap().is_shown(&HeaderMap::new()));
    }

    #[test]
    fn a_token_is_long_and_is_not_told() {
        for bad in ["", "0123456789abcde", "0123456789 abcdef", "0123456789abcdef\n", "\u{e4}"] {
            assert_eq!(Token::new(bad).unwrap_err(), TokenError, "{bad}");
        }
        assert!(Token::new(&"x".repeat(MAX_CHARS + 1)).is_err());
        assert_eq!(format!("{:?}", Token::new(TEXT).unwrap()), "Token(...)");
    }
}
