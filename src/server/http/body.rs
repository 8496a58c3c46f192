//! The body of a request: bounded in size and time, then read as what it says it is.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use serde_json::Value;
use tokio::time::timeout;

use crate::model::error::{Issue, Rejection};
use crate::model::limits::Limits;
use crate::server::errors::Refusal;

/// Bytes over the bound that are read and thrown away. A client that has not sent all of its body does not read the
/// answer, and a connection that is closed on it may swallow the answer; so most of them are heard out.
const EXCESS_BYTES_MAX: usize = 16 << 20;

/// Reads a JSON body. Refuses another content type, and says where malformed JSON goes wrong.
pub(super) async fn json(
    body: Body,
    headers: &HeaderMap,
    limits: &Limits,
) -> Result<Value, Refusal> {
    if !content_type(headers).is_some_and(is_json) {
        return Err(Rejection::UnsupportedContentType.into());
    }
    let bytes = read(body, headers, limits).await?;
    Ok(parse(&bytes)?)
}

/// Reads a body that is text. Refuses bytes that are not UTF-8, and a NUL.
pub(super) async fn text(
    body: Body,
    headers: &HeaderMap,
    limits: &Limits,
) -> Result<String, Refusal> {
    let text = String::from_utf8(read(body, headers, limits).await?);
    let text = text.map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Rejection::validation(format!("The body is not UTF-8: byte {at} is out of place"))
    })?;
    match text.contains('\0') {
        true => Err(Rejection::validation("The body contains a NUL character").into()),
        false => Ok(text),
    }
}

/// The content type without its parameters.
pub(super) fn content_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

fn is_json(content_type: &str) -> bool {
    let content_type = content_type.to_ascii_lowercase();
    let subtype = content_type
        .strip_prefix("application/")
        .unwrap_or_default();
    subtype == "json" || subtype.ends_with("+json")
}

fn parse(bytes: &[u8]) -> Result<Value, Rejection> {
    serde_json::from_slice(bytes).map_err(|error| {
        let message = format!("Malformed JSON: {error}");
        let issue = Issue {
            path: Vec::new(),
            message: message.clone(),
        };
        Rejection::Validation {
            message,
            issues: vec![issue],
        }
    })
}

async fn read(body: Body, headers: &HeaderMap, limits: &Limits) -> Result<Vec<u8>, Refusal> {
    let time = Duration::from_secs(limits.request_seconds_max);
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let limit = limits.body_bytes_max;
    let too_large = |size| Rejection::TooLarge {
        bound: "body_bytes_max",
        limit,
        size,
    };
    match announced {
        // It waits for our word before it sends anything, so it has not yet: nothing is to be heard out.
        Some(size) if limit < size && headers.contains_key(EXPECT) => Err(too_large(size).into()),
        _ => match timeout(time, collect(body, limit)).await {
            Ok(Ok(Collected::Whole(bytes))) => Ok(bytes),
            Ok(Ok(Collected::TooLarge(size))) => Err(too_large(size).into()),
            Ok(Err(error)) => {
                Err(Rejection::validation(format!("The body broke off: {error}")).into())
            }
            Err(_) => Err(Refusal::request_timeout()),
        },
    }
}

/// What came of reading a body.
enum Collected {
    Whole(Vec<u8>),
    /// How large it is, as far as it was heard out.
    TooLarge(usize),
}

async fn collect(mut body: Body, limit: usize) -> Result<Collected, axum::Error> {
    let (mut bytes, mut size) = (Vec::new(), 0usize);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        size = size.saturating_add(data.len());
        if size <= limit {
            bytes.extend_from_slice(&data);
        }
        if size > limit.saturating_add(EXCESS_BYTES_MAX) {
            break;
        }
    }
    Ok(if size <= limit {
        Collected::Whole(bytes)
    } else {
        Collected::TooLarge(size)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_json_is_told_with_its_place() {
        let Err(Rejection::Validation { message, issues }) = parse(b"{\n  \"a\": ,}") else {
            panic!("it must be refused")
        };
        assert!(message.contains("line 2 column 8"), "{message}");
        assert_eq!(issues.len(), 1);
        for broken in [&b""[..], b"{\"a\": \"\xff\"}", b"[1", b"{} {}", b"nul"] {
            assert!(parse(broken).is_err());
        }
        let deep = "[".repeat(100_000);
        assert!(
            parse(deep.as_bytes()).is_err(),
            "it must not exhaust the stack"
        );
    }

    #[test]
    fn json_has_several_content_types() {
        let table = [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/merge-patch+json", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
        ];
        for (value, expected) in table {
            let headers: HeaderMap = [(CONTENT_TYPE, value.parse().unwrap())]
                .into_iter()
                .collect();
            assert_eq!(
                content_type(&headers).is_some_and(is_json),
                expected,
                "{value}"
            );
        }
    }
}
