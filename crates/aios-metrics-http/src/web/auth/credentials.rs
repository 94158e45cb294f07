//! The `Authorization` header, taken apart.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What a client says to be let in.
pub(super) enum Credentials {
    Password { user: Vec<u8>, password: Vec<u8> },
    Token(Vec<u8>),
}

impl Credentials {
    /// `None` when there are none, more than one, or such as nobody understands.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(AUTHORIZATION).into_iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { return None };
        let line = line.as_bytes();
        let end = line.iter().position(|byte| *byte == b' ')?;
        let (scheme, rest) = (&line[..end], line[end..].trim_ascii());
        if scheme.eq_ignore_ascii_case(b"bearer") {
            return Some(Self::Token(rest.to_vec()));
        }
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return None;
        }
        let mut user = STANDARD.decode(rest).ok()?;
        let colon = user.iter().position(|byte| *byte == b':')?;
        let password = user.split_off(colon + 1);
        user.truncate(colon);
        Some(Self::Password { user, password })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn of(lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(AUTHORIZATION, HeaderValue::from_str(line).unwrap());
        }
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Some(match Credentials::of(&headers)? {
            Credentials::Password { user, password } => format!("{} {}", text(user), text(password)),
            Credentials::Token(token) => text(token),
        })
    }

    #[test]
    fn passwords_and_tokens_are_found_and_all_else_is_nothing() {
        // `Aladdin:open sesame`, the example of RFC 7617; then `a:b:c`, `:` and `ab`.
        assert_eq!(of(&["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]).as_deref(), Some("Aladdin open sesame"));
        assert_eq!(of(&["bASIC  YTpiOmM="]).as_deref(), Some("a b:c"));
        assert_eq!(of(&["Basic Og=="]).as_deref(), Some(" "));
        assert_eq!(of(&["Basic YWI="]), None);
        assert_eq!(of(&["Basic !!"]), None);
        assert_eq!(of(&["Bearer t.o-k_e~n+/="]).as_deref(), Some("t.o-k_e~n+/="));
        assert_eq!(of(&["bearer   token "]).as_deref(), Some("token"));
        assert_eq!(of(&["Digest username=\"x\""]), None);
        assert_eq!(of(&["Bearer"]), None);
        assert_eq!(of(&["Bearer a", "Bearer a"]), None);
        assert_eq!(of(&[]), None);
    }
}
