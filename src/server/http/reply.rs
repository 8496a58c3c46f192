//! Answers that say yes.

use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;

use crate::model::object::Revision;

/// The revision that an answer is drawn from.
const MEMORY_REVISION: HeaderName = HeaderName::from_static("memory-revision");
/// What a cache on the way may do: keep it for this client, and ask each time whether it still holds.
const REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The newest revision as a header, written out once for all the requests that it answers.
#[derive(Default)]
pub(super) struct HeadHeader(Mutex<Option<(Revision, HeaderValue)>>);

impl HeadHeader {
    /// The header's value for a revision.
    pub(super) fn value(&self, revision: Revision) -> HeaderValue {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((known, value)) if *known == revision => value.clone(),
            _ => last.insert((revision, in_hex(revision))).1.clone(),
        }
    }
}

/// A JSON answer, and the revision that it is drawn from.
pub(super) fn json(value: &Value, at: Revision) -> Response {
    let mut response = json_alone(value);
    response.headers_mut().insert(MEMORY_REVISION, in_hex(at));
    response
}

/// A JSON answer about no revision.
pub(super) fn json_alone(value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// A body that a client may already have.
pub(super) struct Tagged {
    /// Its name among the bodies of its URL.
    pub(super) etag: HeaderValue,
    /// The revision it is drawn from.
    pub(super) revision: HeaderValue,
    /// What it is.
    pub(super) content_type: HeaderValue,
    /// It.
    pub(super) body: Bytes,
}

impl Tagged {
    /// The whole body, or word that the client's copy still holds.
    pub(super) fn reply(self, asked: &HeaderMap) -> Response {
        let is_known = asked
            .get_all(IF_NONE_MATCH)
            .iter()
            .any(|tags| is_listed(tags.as_bytes(), self.etag.as_bytes()));
        let mut response = match is_known {
            true => Response::new(Body::empty()),
            false => Response::new(Body::from(self.body)),
        };
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, self.content_type);
        headers.insert(ETAG, self.etag);
        headers.insert(MEMORY_REVISION, self.revision);
        headers.insert(CACHE_CONTROL, REVALIDATE);
        response
    }
}

/// Whether a list of tags names this one; strength does not matter where a body is only read (RFC 9110, 13.1.2).
fn is_listed(tags: &[u8], etag: &[u8]) -> bool {
    tags.split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag)
}

fn in_hex(revision: Revision) -> HeaderValue {
    HeaderValue::try_from(revision.to_string()).expect("hex digits are a header value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_still_holds_is_not_sent_again() {
        let table = [
            ("\"a\"", 304),
            ("W/\"a\"", 304),
            ("\"b\", \"a\"", 304),
            ("*", 304),
            ("\"b\"", 200),
            ("a", 200),
        ];
        for (tags, status) in table {
            let value = HeaderValue::from_static;
            let tagged = Tagged {
                etag: value("\"a\""),
                revision: value("0"),
                content_type: value("text/plain"),
                body: Bytes::from_static(b"text"),
            };
            let asked: HeaderMap = [(IF_NONE_MATCH, value(tags))].into_iter().collect();
            let response = tagged.reply(&asked);
            assert_eq!(response.status(), status, "{tags}");
            assert_eq!(response.headers()[ETAG], "\"a\"");
        }
    }

    #[test]
    fn the_head_is_written_out_anew_when_it_moves() {
        use crate::model::object::ObjectId;
        let head = HeadHeader::default();
        for byte in [1, 1, 2] {
            let revision = Revision(ObjectId([byte; 20]));
            assert_eq!(head.value(revision), revision.to_string().as_str());
        }
    }
}
