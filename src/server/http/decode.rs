//! Percent-decoding, exactly once.

use std::borrow::Cow;

use crate::model::error::Rejection;

/// The text that a part of a URL stands for. Refuses an escape that is cut off or no hex number, and what is not UTF-8.
pub(super) fn percent(text: &str) -> Result<Cow<'_, str>, Rejection> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let refusal = || Rejection::validation("The URL holds a broken percent-escape");
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).ok_or_else(refusal)?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex);
        bytes.push(byte.ok_or_else(refusal)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    let text = String::from_utf8(bytes);
    text.map(Cow::Owned)
        .map_err(|_| Rejection::validation("The URL is not UTF-8"))
}

/// The same in a query, where a plus sign is a space.
pub(super) fn query(text: &str) -> Result<Cow<'_, str>, Rejection> {
    if !text.contains('+') {
        return percent(text);
    }
    percent(&text.replace('+', " ")).map(|text| Cow::Owned(text.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_once() {
        let table = [
            ("user/a.md", Some("user/a.md")),
            ("user%2Fa%20b.md", Some("user/a b.md")),
            ("%252e%252e", Some("%2e%2e")),
            ("caf%C3%A9+x", Some("caf\u{e9}+x")),
            ("%", None),
            ("%2", None),
            ("%+1", None),
            ("%zz", None),
            ("%ff", None),
        ];
        for (text, expected) in table {
            assert_eq!(percent(text).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_plus_sign_is_a_space_in_a_query() {
        assert_eq!(query("a+b%2Bc").as_deref(), Ok("a b+c"));
    }
}
