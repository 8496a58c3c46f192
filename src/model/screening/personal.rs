//! Personal data that has a form: e-mail addresses, and numbers of phones, cards, bank accounts and US social security.
//!
//! Where a number has a checksum, it must be right; where it has none, its form must be one that people write for that
//! purpose. Names and street addresses have no form.

use std::ops::Range;

use super::{begins_a_word, ends_a_word};

const EMAIL: &str = "e-mail address";
const PHONE: &str = "phone number";
const CARD: &str = "card number";
const ACCOUNT: &str = "bank account number";
const SOCIAL: &str = "social security number";

/// Longest parts of an address that are looked at (RFC 5321, section 4.5.3.1).
const LOCAL_BYTES_MAX: usize = 64;
const DOMAIN_BYTES_MAX: usize = 255;
/// Names that belong to nobody (RFC 2606).
const NOBODYS_DOMAINS: [&str; 7] = [
    "example.com",
    "example.org",
    "example.net",
    ".example",
    ".test",
    ".invalid",
    ".localhost",
];
/// How long account numbers are, by country (ISO 13616).
const ACCOUNT_LENGTHS: [(&[u8; 2], usize); 40] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AT", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BR", 29),
    (b"CH", 21),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DK", 18),
    (b"EE", 20),
    (b"ES", 24),
    (b"FI", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GR", 27),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"MC", 27),
    (b"MT", 31),
    (b"NL", 18),
    (b"NO", 15),
    (b"PL", 28),
    (b"PT", 25),
    (b"RO", 24),
    (b"SA", 24),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"TR", 26),
];

/// Everything of a known form, with what it is and where.
pub(super) fn find(text: &str) -> Vec<(&'static str, Range<usize>)> {
    let bytes = text.as_bytes();
    let mut found: Vec<(&'static str, Range<usize>)> = Vec::new();
    let mut free_from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if at < free_from {
            continue;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let number = || begins_a_number(bytes, at);
        let sight = match byte {
            b'@' => email(bytes, at, free_from).map(|at| (EMAIL, at)),
            b'0'..=b'9' if number() => digits(rest).map(|(what, length)| (what, at..at + length)),
            b'+' if number() => abroad(rest).map(|length| (PHONE, at..at + length)),
            b'(' if number() => american(rest).map(|length| (PHONE, at..at + length)),
            b'A'..=b'Z' if begins_a_word(bytes, at) => {
                account(rest).map(|length| (ACCOUNT, at..at + length))
            }
            _ => None,
        };
        if let Some(sight) = sight {
            free_from = sight.1.end;
            found.push(sight);
        }
    }
    found
}

/// A number does not begin within another one, or behind its sign or point.
fn begins_a_number(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| bytes.get(at));
    before.is_none_or(|byte| !byte.is_ascii_alphanumeric() && !b"+-.#/_".contains(byte))
}

/// Around an `@`, not reaching back over what was found before it.
fn email(bytes: &[u8], at: usize, from: usize) -> Option<Range<usize>> {
    let is_local = |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte);
    let before = bytes.get(from.max(at.saturating_sub(LOCAL_BYTES_MAX + 1))..at)?;
    let local = before
        .iter()
        .rev()
        .take_while(|byte| is_local(byte))
        .count();
    let after = bytes.get(at + 1..bytes.len().min(at + 1 + DOMAIN_BYTES_MAX))?;
    let is_domain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-".contains(byte);
    let domain = after.iter().take_while(|byte| is_domain(byte)).count();
    let domain = std::str::from_utf8(after.get(..domain)?).ok()?;
    let domain = domain.trim_end_matches(['.', '-']);
    let (name, top) = domain.rsplit_once('.')?;
    let is_address = (1..=LOCAL_BYTES_MAX).contains(&local)
        && !name.is_empty()
        && !name.starts_with(['.', '-'])
        && 2 <= top.len()
        && top.bytes().all(|byte| byte.is_ascii_alphabetic());
    let folded = domain.to_ascii_lowercase();
    let is_nobodys = NOBODYS_DOMAINS.iter().any(|end| {
        let rest = folded.strip_suffix(end);
        rest.is_some_and(|rest| end.starts_with('.') || rest.is_empty() || rest.ends_with('.'))
    });
    (is_address && !is_nobodys).then_some(at - local..at + 1 + domain.len())
}

fn digits(bytes: &[u8]) -> Option<(&'static str, usize)> {
    None.or_else(|| card(bytes).map(|length| (CARD, length)))
        .or_else(|| social(bytes).map(|length| (SOCIAL, length)))
        .or_else(|| american(bytes).map(|length| (PHONE, length)))
}

/// So many digits, with one space or hyphen between some of them; how long all that is.
fn grouped(bytes: &[u8], count: usize) -> Option<(Vec<u8>, usize)> {
    let mut digits = Vec::with_capacity(count);
    let mut was_digit = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' => digits.push(byte - b'0'),
            b' ' | b'-' if was_digit => {}
            _ => return None,
        }
        was_digit = byte.is_ascii_digit();
        if digits.len() == count {
            return ends_a_word(bytes, at + 1).then_some((digits, at + 1));
        }
    }
    None
}

fn card(bytes: &[u8]) -> Option<usize> {
    let length = |count, is_of: fn(u32) -> bool| {
        let (digits, length) = grouped(bytes, count)?;
        let front = digits
            .iter()
            .take(4)
            .fold(0, |number, digit| number * 10 + u32::from(*digit));
        (is_of(front) && luhn(&digits)).then_some(length)
    };
    let sixteen = |front| matches!(front, 4000..=4999 | 5100..=5599 | 2221..=2720 | 6011 | 6440..=6599 | 3528..=3589);
    length(16, sixteen)
        .or_else(|| length(15, |front| matches!(front, 3400..=3499 | 3700..=3799)))
        .or_else(|| {
            length(
                14,
                |front| matches!(front, 3000..=3059 | 3600..=3699 | 3800..=3899),
            )
        })
}

/// The checksum of card numbers (ISO/IEC 7812-1).
fn luhn(digits: &[u8]) -> bool {
    let value = |(place, digit): (usize, &u8)| match place % 2 {
        0 => u32::from(*digit),
        _ => u32::from(*digit) * 2 / 10 + u32::from(*digit) * 2 % 10,
    };
    digits
        .iter()
        .rev()
        .enumerate()
        .map(value)
        .sum::<u32>()
        .is_multiple_of(10)
}

/// `123-45-6789`, without the numbers that are never given out.
fn social(bytes: &[u8]) -> Option<usize> {
    let length = shaped(bytes, b"000-00-0000")?;
    let (area, group, serial) = (bytes.get(..3)?, bytes.get(4..6)?, bytes.get(7..11)?);
    let is_given = area != b"000"
        && area != b"666"
        && area.first() != Some(&b'9')
        && group != b"00"
        && serial != b"0000";
    is_given.then_some(length)
}

/// As people in North America write it: neither area nor exchange begin with 0 or 1.
fn american(bytes: &[u8]) -> Option<usize> {
    let shapes: [(&[u8], usize, usize); 3] = [
        (b"000-000-0000", 0, 4),
        (b"000.000.0000", 0, 4),
        (b"(000) 000-0000", 1, 6),
    ];
    shapes.into_iter().find_map(|(shape, area, exchange)| {
        let length = shaped(bytes, shape)?;
        let is_given = |at: usize| bytes.get(at).is_some_and(|byte| b'2' <= *byte);
        (is_given(area) && is_given(exchange)).then_some(length)
    })
}

/// With its country: 8 to 15 digits (ITU-T E.164) in groups, at least one of which is long enough for a phone's.
fn abroad(bytes: &[u8]) -> Option<usize> {
    let tail = bytes.strip_prefix(b"+")?;
    if !matches!(tail.first(), Some(b'1'..=b'9')) {
        return None;
    }
    let (mut digits, mut gap, mut end) = (0, 0, 0);
    for (at, byte) in tail.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                (digits, gap) = (digits + 1, 0);
                end = at + 1;
            }
            b' ' | b'-' | b'.' | b'(' | b')' | b'/' if gap < 2 => gap += 1,
            _ => break,
        }
    }
    ((8..=15).contains(&digits) && ends_a_word(tail, end)).then_some(1 + end)
}

/// Whether bytes begin as a shape does in which 0 stands for any digit, and end there.
fn shaped(bytes: &[u8], shape: &[u8]) -> Option<usize> {
    let front = bytes.get(..shape.len())?;
    let fits = |(byte, form): (&u8, &u8)| match form {
        b'0' => byte.is_ascii_digit(),
        _ => byte == form,
    };
    let goes_on = matches!(bytes.get(shape.len()), Some(b'-')) || !ends_a_word(bytes, shape.len());
    (front.iter().zip(shape).all(fits) && !goes_on).then_some(shape.len())
}

/// An international account number: its length is its country's, and its checksum is right (ISO 7064, MOD 97-10).
fn account(bytes: &[u8]) -> Option<usize> {
    let country = bytes.first_chunk::<2>()?;
    let (_, length) = ACCOUNT_LENGTHS.iter().find(|(own, _)| *own == country)?;
    let mut characters = Vec::with_capacity(*length);
    let mut end = 0;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'A'..=b'Z' | b'0'..=b'9' => characters.push(*byte),
            // In print it stands in groups of four.
            b' ' if !characters.is_empty() && characters.len() % 4 == 0 && end == at => {}
            _ => break,
        }
        end = if *byte == b' ' { end } else { at + 1 };
        if characters.len() == *length {
            break;
        }
    }
    let is_whole = characters.len() == *length && ends_a_word(bytes, end);
    let (front, rest) = characters.split_at_checked(4)?;
    let remainder = rest
        .iter()
        .chain(front)
        .fold(0, |remainder: u32, character| match character {
            b'0'..=b'9' => (remainder * 10 + u32::from(character - b'0')) % 97,
            _ => (remainder * 100 + u32::from(character - b'A') + 10) % 97,
        });
    (is_whole && remainder == 1).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<(&'static str, &str)> {
        find(text)
            .into_iter()
            .map(|(what, at)| (what, text.get(at).unwrap()))
            .collect()
    }

    #[test]
    fn every_form_is_found_wherever_it_stands() {
        let table = [
            (EMAIL, "ann@acme.io"),
            (EMAIL, "ann.b+news@mail.acme.co.uk"),
            (EMAIL, "ANN_B@ACME-CORP.COM"),
            (PHONE, "+49 30 1234567"),
            (PHONE, "+919876543210"),
            (PHONE, "+1 (212) 555-0123"),
            (PHONE, "+44 20 7946.0958"),
            (PHONE, "(212) 555-0123"),
            (PHONE, "212-555-0123"),
            (PHONE, "212.555.0123"),
            (CARD, "4111 1111 1111 1111"),
            (CARD, "4111-1111-1111-1111"),
            (CARD, "5500005555555559"),
            (CARD, "378282246310005"),
            (CARD, "3782 822463 10005"),
            (CARD, "6011111111111117"),
            (CARD, "30569309025904"),
            (ACCOUNT, "DE89370400440532013000"),
            (ACCOUNT, "DE89 3704 0044 0532 0130 00"),
            (ACCOUNT, "GB82 WEST 1234 5698 7654 32"),
            (ACCOUNT, "NL91ABNA0417164300"),
            (ACCOUNT, "NO93 8601 1117 947"),
            (SOCIAL, "219-09-9999"),
        ];
        for (what, given) in table {
            for around in [
                "@",
                "is @.",
                "<@>",
                "[x](mailto:@)",
                "\u{e9} @, \u{e9}",
                "|@|",
                "(@)",
                "\n@\n",
            ] {
                let text = around.replacen('@', given, 1);
                assert_eq!(pieces(&text), [(what, given)], "{text}");
            }
        }
    }

    #[test]
    fn near_misses_are_left_alone() {
        for text in [
            "ann at acme.io",
            "@ann and @scope/package",
            "ann@localhost",
            "ann@example.com, bob@mail.example.org, eve@site.test",
            "package@1.2.3",
            "a@b.c",
            "@acme.io",
            "ann@.io",
            "2024-01-02 10:11:12",
            "2024-12-24",
            "version 1.2.3, 10.20.30.40",
            "+1, +12 34 56",
            "+1234567890123456",
            "112-555-0123",
            "212-155-0123",
            "212-555-01234",
            "x212-555-0123",
            "1-212-555-0123-9",
            "4111 1111 1111 1112",
            "1111 1111 1111 1117",
            "41111111111111111",
            "4111  1111 1111 1111",
            "sha 4111111111111111abc",
            "DE88370400440532013000",
            "DE8937040044053201300",
            "XX89370400440532013000",
            "DE89 37040044053201300 0",
            "xDE89370400440532013000",
            "000-12-3456 666-12-3456 912-12-3456 219-00-9999 219-09-0000",
            "219-09-99999",
            "2190-09-9999",
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            "order 20240102-123",
        ] {
            assert_eq!(pieces(text), [], "{text}");
        }
    }

    #[test]
    fn many_at_signs_are_read_in_time() {
        let text = "a".repeat(500_000) + &"@".repeat(500_000);
        assert_eq!(pieces(&text), []);
        let text = "a@".repeat(200_000) + "acme.io";
        assert_eq!(pieces(&text), [(EMAIL, "a@acme.io")]);
    }
}
