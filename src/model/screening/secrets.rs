//! Keys and tokens by the forms that their issuers gave them.
//!
//! A form is a prefix at the start of a word and a tail of a known alphabet and length. A tail that is no random text,
//! as in `ghp_xxxxxxxx` or `sk-your-key-here`, is a placeholder and left alone.

use std::ops::Range;
use std::sync::LazyLock;

use super::{begins_a_word, ends_a_word};

/// What random text has at least: different characters, and no long run of one.
const DIFFERENT_MIN: usize = 6;
const SAME_RUN_MAX: usize = 5;
/// How far the text of a private key may stand behind its first line: some have headers in between.
const KEY_HEADERS_BYTES_MAX: usize = 600;
/// Characters of one line of a private key, at least.
const KEY_LINE_CHARS_MIN: usize = 32;

/// No part of a secret is longer. Without a bound, a text of nothing but prefixes would be read again from each of them.
const RUN_BYTES_MAX: usize = 2_048;

/// The form of one kind of secret.
struct Form {
    what: &'static str,
    prefix: &'static str,
    tail: Tail,
}

/// What follows a prefix.
enum Tail {
    /// At least so many characters of an alphabet.
    Long(Alphabet, usize),
    /// Just so many, and then the word ends.
    Exact(Alphabet, usize),
    /// The length, by a rule of its own.
    Own(fn(&[u8]) -> Option<usize>),
}

/// Whether a byte belongs.
type Alphabet = fn(u8) -> bool;

use Tail::{Exact, Long, Own};

/// Of two that fit, the first one counts.
static FORMS: [Form; 64] = [
    form("AWS access key id", "AKIA", Exact(base32, 16)),
    form("AWS access key id", "ASIA", Exact(base32, 16)),
    form("AWS access key id", "ABIA", Exact(base32, 16)),
    form(
        "AWS secret access key",
        "aws_secret_access_key",
        Own(assigned),
    ),
    form(
        "AWS secret access key",
        "AWS_SECRET_ACCESS_KEY",
        Own(assigned),
    ),
    form("AWS secret access key", "SecretAccessKey", Own(assigned)),
    form("Azure storage key", "AccountKey=", Exact(base64, 86)),
    form("GitHub token", "ghp_", Long(alphanumeric, 36)),
    form("GitHub token", "gho_", Long(alphanumeric, 36)),
    form("GitHub token", "ghu_", Long(alphanumeric, 36)),
    form("GitHub token", "ghs_", Long(alphanumeric, 36)),
    form("GitHub token", "ghr_", Long(alphanumeric, 36)),
    form("GitHub token", "github_pat_", Long(word, 50)),
    form("GitLab token", "glpat-", Long(word, 20)),
    form("GitLab token", "glptt-", Long(word, 20)),
    form("GitLab token", "gldt-", Long(word, 20)),
    form("GitLab token", "glrt-", Long(word, 20)),
    form("GitLab token", "glcbt-", Long(word, 20)),
    form("Anthropic key", "sk-ant-", Own(secret_key)),
    form("OpenRouter key", "sk-or-v1-", Long(hex, 48)),
    form("OpenAI key", "sk-", Own(secret_key)),
    form("Google API key", "AIza", Long(word, 35)),
    form("Google client secret", "GOCSPX-", Long(word, 28)),
    form("Google access token", "ya29.", Long(word, 40)),
    form("Slack token", "xoxa-", Own(slack)),
    form("Slack token", "xoxb-", Own(slack)),
    form("Slack token", "xoxc-", Own(slack)),
    form("Slack token", "xoxd-", Own(slack)),
    form("Slack token", "xoxe-", Own(slack)),
    form("Slack token", "xoxo-", Own(slack)),
    form("Slack token", "xoxp-", Own(slack)),
    form("Slack token", "xoxr-", Own(slack)),
    form("Slack token", "xoxs-", Own(slack)),
    form("Slack token", "xapp-", Own(slack)),
    form(
        "Slack webhook",
        "hooks.slack.com/services/T",
        Long(path, 30),
    ),
    form("Stripe key", "sk_live_", Long(alphanumeric, 24)),
    form("Stripe key", "rk_live_", Long(alphanumeric, 24)),
    form("Stripe key", "whsec_", Long(alphanumeric, 32)),
    form("npm token", "npm_", Long(alphanumeric, 36)),
    form("PyPI token", "pypi-AgE", Long(word, 50)),
    form("Hugging Face token", "hf_", Long(alphanumeric, 34)),
    form("Groq key", "gsk_", Long(alphanumeric, 48)),
    form("xAI key", "xai-", Long(alphanumeric, 64)),
    form("Perplexity key", "pplx-", Long(alphanumeric, 40)),
    form("Replicate token", "r8_", Long(alphanumeric, 37)),
    form("SendGrid key", "SG.", Own(sendgrid)),
    form("Twilio key", "SK", Exact(hex, 32)),
    form("Mailgun key", "key-", Exact(hex, 32)),
    form("DigitalOcean token", "dop_v1_", Long(hex, 64)),
    form("DigitalOcean token", "doo_v1_", Long(hex, 64)),
    form("DigitalOcean token", "dor_v1_", Long(hex, 64)),
    form("Shopify token", "shpat_", Long(hex, 32)),
    form("Shopify token", "shpss_", Long(hex, 32)),
    form("Shopify token", "shpca_", Long(hex, 32)),
    form("Databricks token", "dapi", Exact(hex, 32)),
    form("Linear key", "lin_api_", Long(alphanumeric, 40)),
    form("Notion token", "ntn_", Long(alphanumeric, 40)),
    form("Grafana token", "glsa_", Long(word, 40)),
    form("New Relic key", "NRAK-", Long(alphanumeric, 27)),
    form("Vault token", "hvs.", Long(word, 60)),
    form("Doppler token", "dp.pt.", Long(alphanumeric, 40)),
    form("age key", "AGE-SECRET-KEY-1", Long(alphanumeric, 58)),
    form("JSON Web Token", "eyJ", Own(web_token)),
    form("private key", "-----BEGIN ", Own(private_key)),
];

/// The forms by the first byte of their prefix.
static BY_FIRST_BYTE: LazyLock<Vec<Vec<&'static Form>>> = LazyLock::new(|| {
    let begin_with = |first: u8| {
        let forms = FORMS.iter();
        forms
            .filter(|form| form.prefix.as_bytes().first() == Some(&first))
            .collect()
    };
    (0..=u8::MAX).map(begin_with).collect()
});

const fn form(what: &'static str, prefix: &'static str, tail: Tail) -> Form {
    Form { what, prefix, tail }
}

/// Every secret of a known form, with what it is and where.
pub(super) fn find(text: &str) -> Vec<(&'static str, Range<usize>)> {
    let (bytes, forms) = (text.as_bytes(), &*BY_FIRST_BYTE);
    let mut found = Vec::new();
    let mut free_from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let candidates = forms.get(usize::from(*byte)).map_or(&[][..], Vec::as_slice);
        if candidates.is_empty() || at < free_from || !begins_a_word(bytes, at) {
            continue;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let fitting = candidates
            .iter()
            .find_map(|form| Some((form.what, form.length(rest)?)));
        if let Some((what, length)) = fitting {
            free_from = at + length;
            found.push((what, at..free_from));
        }
    }
    found
}

impl Form {
    /// How long the secret is that these bytes begin with.
    fn length(&self, bytes: &[u8]) -> Option<usize> {
        let tail = bytes.strip_prefix(self.prefix.as_bytes())?;
        let length = match self.tail {
            Long(alphabet, least) => long(tail, alphabet, least)?,
            Exact(alphabet, count) => {
                let length = run(tail, alphabet);
                (length == count && ends_a_word(tail, length) && is_random(front(tail, length)))
                    .then_some(length)?
            }
            Own(rule) => rule(tail)?,
        };
        Some(self.prefix.len() + length)
    }
}

fn long(tail: &[u8], alphabet: Alphabet, least: usize) -> Option<usize> {
    let length = run(tail, alphabet);
    (least <= length && is_random(front(tail, length))).then_some(length)
}

/// `sk-` is also how many plain words end, and how class names begin: one part of it must be a long mix of letters and
/// digits.
fn secret_key(tail: &[u8]) -> Option<usize> {
    let length = long(tail, word, 32)?;
    let mut parts = front(tail, length).split(|byte| !alphanumeric(*byte));
    let is_mixed = |part: &[u8]| {
        16 <= part.len()
            && [u8::is_ascii_digit, u8::is_ascii_alphabetic]
                .iter()
                .all(|is| part.iter().any(is))
    };
    parts.any(is_mixed).then_some(length)
}

fn slack(tail: &[u8]) -> Option<usize> {
    let length = long(tail, word, 20)?;
    let digits = front(tail, length)
        .iter()
        .filter(|byte| byte.is_ascii_digit());
    (6 <= digits.count()).then_some(length)
}

fn sendgrid(tail: &[u8]) -> Option<usize> {
    let id = run(tail, word);
    let secret = tail.get(id..)?.strip_prefix(b".")?;
    let length = long(secret, word, 40)?;
    (id == 22).then_some(id + 1 + length)
}

/// Three parts, of which two are JSON objects in base64.
fn web_token(tail: &[u8]) -> Option<usize> {
    let header = run(tail, word);
    let claims = tail.get(header..)?.strip_prefix(b".eyJ")?;
    let length = run(claims, word);
    let signature = claims.get(length..)?.strip_prefix(b".")?;
    let signed = long(signature, word, 20)?;
    (12 <= header && 8 <= length).then_some(header + 4 + length + 1 + signed)
}

/// A private key is one only with its text: documentation names the first line alone.
fn private_key(tail: &[u8]) -> Option<usize> {
    let title = run(tail, |byte| {
        byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' '
    });
    let name = front(tail, title);
    let is_private = [&b"PRIVATE KEY"[..], b"PRIVATE KEY BLOCK"]
        .iter()
        .any(|end| name.ends_with(end));
    let body = tail
        .get(title..)?
        .strip_prefix(b"-----")
        .filter(|_| is_private)?;
    let (mut at, end) = (0, body.len().min(KEY_HEADERS_BYTES_MAX));
    while at < end {
        let length = run(body.get(at..)?, base64);
        if KEY_LINE_CHARS_MIN <= length && is_random(front(body.get(at..)?, length)) {
            return Some(title + 5 + at + length);
        }
        at += length + 1;
    }
    None
}

/// What has no form of its own but stands behind its name: 40 characters of base64.
fn assigned(tail: &[u8]) -> Option<usize> {
    let gap = run(tail, |byte| b" =:\"'`\t".contains(&byte));
    let value = tail.get(gap..)?;
    let length = run(value, base64);
    let is_value = (1..=8).contains(&gap) && length == 40 && is_random(front(value, length));
    is_value.then_some(gap + length)
}

fn is_random(text: &[u8]) -> bool {
    let mut seen = [false; 256];
    let (mut different, mut same, mut last) = (0, 0, None);
    for byte in text {
        let seen = &mut seen[usize::from(*byte)];
        different += usize::from(!std::mem::replace(seen, true));
        same = if last == Some(byte) { same + 1 } else { 1 };
        last = Some(byte);
        if SAME_RUN_MAX < same {
            return false;
        }
    }
    DIFFERENT_MIN <= different
}

fn run(bytes: &[u8], alphabet: Alphabet) -> usize {
    let bytes = front(bytes, RUN_BYTES_MAX);
    let end = bytes.iter().position(|byte| !alphabet(*byte));
    end.unwrap_or(bytes.len())
}

fn front(bytes: &[u8], length: usize) -> &[u8] {
    bytes.get(..length).unwrap_or(bytes)
}

fn alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'/'
}

fn base32(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'2'..=b'7')
}

fn base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}

fn hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text that is random to the eye, the same each time.
    fn noise(alphabet: &[u8], length: usize) -> String {
        let mut state = 7_usize;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            char::from(alphabet[(state >> 33) % alphabet.len()])
        };
        (0..length).map(|_| next()).collect()
    }

    fn mixed(length: usize) -> String {
        noise(b"aK3bL9cM1dN7eP5fQ0gRhS2iTjU8kVlW4mXnY6oZ", length)
    }

    fn hexadecimal(length: usize) -> String {
        noise(b"3a9f0c7e1b5d8264", length)
    }

    fn whats(text: &str) -> Vec<&'static str> {
        find(text).into_iter().map(|(what, _)| what).collect()
    }

    /// One of nearly every form.
    fn samples() -> [(&'static str, String); 25] {
        let key = format!(
            "-----BEGIN RSA PRIVATE KEY-----\n{}\n{}\n-----END RSA PRIVATE KEY-----",
            mixed(64),
            mixed(40)
        );
        let block = format!(
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 1\n\n{}\n",
            mixed(64)
        );
        [
            ("AWS access key id", "AKIAIOSFODNN7EXAMPLE".to_owned()),
            (
                "AWS secret access key",
                format!("aws_secret_access_key = \"{}\"", mixed(40)),
            ),
            ("Azure storage key", format!("AccountKey={}==", mixed(86))),
            ("GitHub token", format!("ghp_{}", mixed(36))),
            (
                "GitHub token",
                format!("github_pat_{}_{}", mixed(22), mixed(59)),
            ),
            ("GitLab token", format!("glpat-{}", mixed(20))),
            (
                "Anthropic key",
                format!("sk-ant-api03-{}-{}AA", mixed(50), mixed(42)),
            ),
            ("OpenAI key", format!("sk-{}", mixed(48))),
            (
                "OpenAI key",
                format!("sk-proj-{}_{}-T3BlbkFJ{}", mixed(30), mixed(40), mixed(70)),
            ),
            ("OpenRouter key", format!("sk-or-v1-{}", hexadecimal(64))),
            ("Google API key", format!("AIza{}", mixed(35))),
            (
                "Slack token",
                format!("xoxb-123456789012-1234567890123-{}", mixed(24)),
            ),
            (
                "Slack webhook",
                format!(
                    "https://hooks.slack.com/services/T{}/B{}/{}",
                    mixed(9),
                    mixed(9),
                    mixed(24)
                ),
            ),
            ("Stripe key", format!("sk_live_{}", mixed(24))),
            ("Stripe key", format!("rk_live_{}", mixed(99))),
            ("npm token", format!("npm_{}", mixed(36))),
            ("PyPI token", format!("pypi-AgEIcHlwaS5vcmc{}", mixed(120))),
            ("Hugging Face token", format!("hf_{}", mixed(34))),
            ("SendGrid key", format!("SG.{}.{}", mixed(22), mixed(43))),
            ("Twilio key", format!("SK{}", hexadecimal(32))),
            ("DigitalOcean token", format!("dop_v1_{}", hexadecimal(64))),
            (
                "age key",
                format!(
                    "AGE-SECRET-KEY-1{}",
                    noise(b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58)
                ),
            ),
            (
                "JSON Web Token",
                format!("eyJ{}.eyJ{}.{}", mixed(33), mixed(40), mixed(43)),
            ),
            ("private key", key),
            ("private key", block),
        ]
    }

    #[test]
    fn every_form_is_found_wherever_it_stands() {
        for (what, secret) in samples() {
            for around in [
                "@",
                "key: @.",
                "export X=\"@\"\n",
                "`@`",
                "(@)",
                "{\"k\":\"a\\n@\"}",
                "\u{e9}@\u{e9}",
                "_@ _",
                "https://u:@@h",
            ] {
                let text = around.replacen('@', &secret, 1);
                assert_eq!(whats(&text), [what], "{text}");
            }
            if !["-----", "https"]
                .iter()
                .any(|start| secret.starts_with(start))
            {
                assert_eq!(whats(&format!("x{secret}")), [""; 0], "{secret}");
            }
            let (beginning, _) = secret.split_at(16);
            assert_eq!(whats(beginning), [""; 0], "{beginning}");
        }
    }

    #[test]
    fn near_misses_are_left_alone() {
        let table = [
            "AKIA is how access key ids begin".to_owned(),
            "AKIAIOSFODNN7EXAMPL".to_owned(),
            "AKIAIOSFODNN7EXAMPLES".to_owned(),
            "AKIAXXXXXXXXXXXXXXXX".to_owned(),
            "AKIAIOSFODNN1EXAMPLE".to_owned(),
            "ghp_".to_owned() + &"x".repeat(36),
            "ghp_<your token here>".to_owned(),
            "ghp_".to_owned() + &mixed(35),
            "github_pat_YOUR_TOKEN".to_owned(),
            "sk-your-openai-api-key-goes-here-please".to_owned(),
            "sk-2024-roadmap-for-the-whole-organization-draft".to_owned(),
            "task-".to_owned() + &mixed(48),
            "sk-learn and sk-SK".to_owned(),
            "sk-ant-colony-optimisation-of-the-delivery-routes".to_owned(),
            "sk-ant-...".to_owned(),
            "sk_test_".to_owned() + &mixed(24),
            "AIza".to_owned() + &mixed(30),
            "xoxb-your-token-goes-right-here".to_owned(),
            "npm_config_registry and npm_lifecycle_event".to_owned(),
            "hf_transfer".to_owned(),
            "SG.1.2".to_owned(),
            "SK".to_owned() + &hexadecimal(31),
            "SK".to_owned() + &hexadecimal(33),
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9".to_owned(),
            "-----BEGIN PRIVATE KEY-----".to_owned(),
            "Look for -----BEGIN RSA PRIVATE KEY----- and remove it, as https://example.org/keys says".to_owned(),
            format!("-----BEGIN PUBLIC KEY-----\n{}\n", mixed(64)),
            format!("-----BEGIN CERTIFICATE-----\n{}\n", mixed(64)),
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ann@host".to_owned(),
            "aws_secret_access_key is kept in the vault".to_owned(),
            "sha256:".to_owned() + &hexadecimal(64),
            "commit ".to_owned() + &hexadecimal(40),
            "data:image/png;base64,".to_owned() + &mixed(400),
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301".to_owned(),
        ];
        for text in table {
            assert_eq!(whats(&text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_secret_is_found_whole_and_once() {
        let (one, other) = (format!("ghp_{}", mixed(36)), format!("glpat-{}", mixed(20)));
        let text = format!("{one} {other}\n{one}");
        let pieces: Vec<_> = find(&text)
            .into_iter()
            .map(|(_, at)| text.get(at).unwrap())
            .collect();
        assert_eq!(pieces, [&one, &other, &one]);
    }

    #[test]
    fn a_text_of_nothing_but_prefixes_is_read_in_time() {
        for prefix in ["-eyJ", "-sk", "xoxb-", "-----BEGIN "] {
            assert_eq!(whats(&prefix.repeat((48 << 10) / prefix.len())), [""; 0]);
        }
    }
}
