//! The one table from what went wrong to an HTTP status and the JSON that says so.
//!
//! A [`Rejection`] brings its own code, message and hint; what is added here is HTTP's part: the status, `Retry-After`,
//! the current `ETag`, and the few conditions that only HTTP knows, such as a route that does not exist. A [`Fault`] is
//! logged here, once, and leaves as an opaque answer: its story may name paths and texts of somebody else.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, ETAG, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::model::error::{Error, Fault, Rejection};
use crate::model::object::BlobId;

/// Seconds after which a full queue has most likely drained.
const BUSY_RETRY_SECONDS: u32 = 1;
/// Seconds a daemon usually takes to come back.
const RESTART_RETRY_SECONDS: u32 = 5;

/// An answer that says no.
#[derive(Debug, Clone)]
pub struct Refusal {
    status: StatusCode,
    error: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// No route has this path.
    pub fn no_such_route(path: &str) -> Self {
        let message = format!("No such route: {path}");
        Self::new(StatusCode::NOT_FOUND, "ROUTE_NOT_FOUND", message)
            .hint("Routes begin with /v1/tools, /v1/files, /v1/prompt-block or /v1/revisions")
    }

    /// The route exists, but not for this method; the router adds which ones it has.
    pub fn method_not_allowed() -> Self {
        let message = "This route has no such method";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            message,
        )
    }

    /// The client took too long to send its request.
    pub fn request_timeout() -> Self {
        let message = "The request did not arrive in time";
        Self::new(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", message)
    }

    /// A failure whose story is in the log.
    pub fn internal() -> Self {
        let message = "Something failed inside; the log has the details";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", message)
    }

    /// The same refusal with a hint that fits this route better than the rejection's own.
    pub fn hint(mut self, hint: &str) -> Self {
        self.error.insert("hint".to_owned(), hint.into());
        self
    }

    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        let error = [
            ("code", code.into()),
            ("message", Value::from(message.into())),
        ];
        let error = error
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        Self {
            status,
            error,
            headers: Vec::new(),
        }
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        let mut refusal = Self::new(status(&rejection), rejection.code(), rejection.to_string());
        if let Some(hint) = rejection.hint() {
            refusal = refusal.hint(hint);
        }
        if let Value::Object(details) = details(&rejection) {
            refusal.error.extend(details);
        }
        refusal.headers = headers(&rejection);
        refusal
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        tracing::error!(%fault, "request failed");
        match fault.is_disk_full() {
            true => Rejection::DiskFull.into(),
            false => Self::internal(),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Rejected(rejection) => rejection.into(),
            Error::Failed(fault) => fault.into(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.error }).to_string();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.extend(self.headers);
        response
    }
}

fn status(rejection: &Rejection) -> StatusCode {
    match rejection {
        Rejection::Validation { .. }
        | Rejection::InvalidPath { .. }
        | Rejection::UnknownMount { .. }
        | Rejection::PhysicalPath { .. }
        | Rejection::UserIdRequired
        | Rejection::TeamIdRequired
        | Rejection::IdTooLong { .. }
        | Rejection::PatchHeadingNotFound { .. }
        | Rejection::PatchMatchNotFound
        | Rejection::PatchAmbiguousMatch { .. } => StatusCode::BAD_REQUEST,
        Rejection::Unauthorized | Rejection::UnauthorizedAdmin => StatusCode::UNAUTHORIZED,
        Rejection::Forbidden { .. }
        | Rejection::ReadOnlyMount { .. }
        | Rejection::OriginNotAllowed { .. } => StatusCode::FORBIDDEN,
        Rejection::FileNotFound { .. }
        | Rejection::RevisionNotFound { .. }
        | Rejection::UnknownTool { .. } => StatusCode::NOT_FOUND,
        Rejection::FileExists { .. } | Rejection::NameCollision { .. } => StatusCode::CONFLICT,
        Rejection::PreconditionFailed { .. } => StatusCode::PRECONDITION_FAILED,
        Rejection::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Rejection::ContentRefused { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        Rejection::UnsupportedContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Rejection::Busy { .. }
        | Rejection::StoreReadOnly { .. }
        | Rejection::OutcomeUnknown
        | Rejection::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        Rejection::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
    }
}

/// What a program may want to read without parsing the message.
fn details(rejection: &Rejection) -> Value {
    match rejection {
        Rejection::Validation { issues, .. } if !issues.is_empty() => json!({ "issues": issues }),
        Rejection::TooLarge {
            bound,
            limit,
            size: 0,
        } => json!({ "bound": bound, "limit": limit }),
        Rejection::TooLarge { bound, limit, size } => {
            json!({ "bound": bound, "limit": limit, "size": size })
        }
        Rejection::IdTooLong { size, limit } => json!({ "limit": limit, "size": size }),
        Rejection::PreconditionFailed { current, .. } => json!({ "blobId": current }),
        Rejection::FileExists { blob, .. } => json!({ "blobId": blob }),
        Rejection::PatchAmbiguousMatch { occurrences } => json!({ "occurrences": occurrences }),
        Rejection::ContentRefused { flag, .. } => json!(flag),
        _ => Value::Null,
    }
}

fn headers(rejection: &Rejection) -> Vec<(HeaderName, HeaderValue)> {
    match rejection {
        Rejection::Unauthorized | Rejection::UnauthorizedAdmin => {
            vec![(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))]
        }
        Rejection::PreconditionFailed {
            current: Some(blob),
            ..
        } => vec![(ETAG, etag(*blob))],
        Rejection::Busy { .. } | Rejection::OutcomeUnknown => {
            vec![(RETRY_AFTER, BUSY_RETRY_SECONDS.into())]
        }
        Rejection::ShuttingDown => vec![(RETRY_AFTER, RESTART_RETRY_SECONDS.into())],
        _ => Vec::new(),
    }
}

/// A text's id as the strong ETag it is: equal ids are equal bytes.
pub(super) fn etag(blob: BlobId) -> HeaderValue {
    HeaderValue::try_from(format!("\"{blob}\"")).expect("hex digits in quotes are a header value")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::object::ObjectId;

    const BLOB: BlobId = BlobId(ObjectId([0xab; 20]));

    #[test]
    fn every_kind_of_refusal_has_its_status_and_header() {
        let changed = |current| Rejection::PreconditionFailed {
            path: "user/a.md".into(),
            current,
        };
        let etag = format!("\"{BLOB}\"");
        let table = [
            (Rejection::validation("x"), 400, None),
            (
                Rejection::Unauthorized,
                401,
                Some(("www-authenticate", "Bearer")),
            ),
            (
                Rejection::ReadOnlyMount {
                    path: "shared/a.md".into(),
                },
                403,
                None,
            ),
            (
                Rejection::FileNotFound {
                    path: "user/a.md".into(),
                },
                404,
                None,
            ),
            (
                Rejection::FileExists {
                    path: "user/a.md".into(),
                    blob: BLOB,
                },
                409,
                None,
            ),
            (changed(Some(BLOB)), 412, Some(("etag", etag.as_str()))),
            (changed(None), 412, None),
            (
                Rejection::TooLarge {
                    bound: "body_bytes_max",
                    limit: 1,
                    size: 2,
                },
                413,
                None,
            ),
            (Rejection::UnsupportedContentType, 415, None),
            (
                Rejection::Busy {
                    reason: "the queue is full",
                },
                503,
                Some(("retry-after", "1")),
            ),
            (Rejection::DiskFull, 507, None),
        ];
        for (rejection, status, header) in table {
            let response = Refusal::from(rejection.clone()).into_response();
            assert_eq!(response.status(), status, "{rejection:?}");
            if let Some((name, value)) = header {
                assert_eq!(response.headers()[name], value, "{rejection:?}");
            }
        }
    }

    #[test]
    fn the_envelope_says_what_a_caller_needs_to_try_again() {
        let too_large = Rejection::TooLarge {
            bound: "body_bytes_max",
            limit: 10,
            size: 11,
        };
        let error = Value::Object(Refusal::from(too_large).error);
        assert_eq!(error["code"], "TOO_LARGE");
        assert_eq!((&error["limit"], &error["size"]), (&json!(10), &json!(11)));
        assert!(error["hint"].is_string());
    }

    #[test]
    fn a_fault_tells_nothing_outside() {
        let fault = Fault::new("read user/bob/secret.md", "Input/output error");
        let refusal = Refusal::from(fault);
        assert_eq!(refusal.status(), 500);
        assert!(!Value::Object(refusal.error).to_string().contains("bob"));
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert_eq!(Refusal::from(Fault::new("write", full)).status(), 507);
    }
}
