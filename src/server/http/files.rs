//! `/v1/files`: files by their virtual paths, for scripts and people, as plain text.
//!
//! The text's blob id is its `ETag`, and the usual headers do the usual things: `If-None-Match` saves sending a text
//! again, `If-Match` keeps a writer from burying a change it has not seen, `If-None-Match: *` makes a new file only.
//! A rename is `PATCH` with `{"operation": "rename", "to": "user/new.md"}`, since it changes the file at the path and
//! takes the same preconditions.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, ETAG, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use super::precondition::precondition;
use super::reply::Tagged;
use super::visit::Visit;
use super::{House, body, decode, reply};
use crate::api::fields::Fields;
use crate::api::memory::{Deed, Terms, idempotency_key};
use crate::api::report::Report;
use crate::api::tools::{listed, parse_patch};
use crate::backend::clock;
use crate::model::caller::{Caller, Door};
use crate::model::error::Rejection;
use crate::model::object::BlobId;
use crate::model::path::{VirtualPath, VirtualPrefix};
use crate::server::errors::{Refusal, etag};

/// What stands before a file's path.
const ROUTE: &str = "/v1/files/";

/// Lists the caller's files.
pub(super) async fn list(
    State(house): State<Arc<House>>,
    visit: Visit,
) -> Result<Response, Refusal> {
    let caller = visit.caller(&house, Door::People)?;
    let view = house.memory.view(&caller);
    let files = view.list(&VirtualPrefix::parse(visit.query.text("prefix"))?)?;
    let files: Vec<_> = files
        .iter()
        .map(|(name, file)| listed(name, file))
        .collect();
    let answer = json!({ "files": files, "revision": view.revision() });
    Ok(reply::json(&answer, view.revision()))
}

/// Gives a file's text, as it is or as it was.
pub(super) async fn read(
    State(house): State<Arc<House>>,
    visit: Visit,
) -> Result<Response, Refusal> {
    let (caller, path) = (visit.caller(&house, Door::People)?, path(&visit.uri)?);
    let content_type = content_type(&path);
    let (revision, blob, text) = match visit.query.text("revision").map(str::to_owned) {
        None => {
            let view = house.memory.view(&caller);
            let file = view.read(&path)?;
            (view.revision(), file.blob, file.text.clone())
        }
        Some(at) => {
            house
                .blocking(move |memory| memory.read_at(&caller, &path, &at))
                .await?
        }
    };
    let revision = house.head.value(revision);
    let body = Bytes::from_owner(TextBytes(text));
    let tagged = Tagged {
        etag: etag(blob),
        revision,
        content_type,
        body,
    };
    Ok(inert(tagged.reply(&visit.headers)))
}

/// Makes a file or replaces its text.
pub(super) async fn write(
    State(house): State<Arc<House>>,
    visit: Visit,
    body: Body,
) -> Result<Response, Refusal> {
    let (caller, path) = (visit.caller(&house, Door::People)?, path(&visit.uri)?);
    if !is_text(&visit.headers, &path) {
        let hint =
            "Send the text itself with Content-Type: text/markdown or text/plain, or without one";
        return Err(Refusal::from(Rejection::UnsupportedContentType).hint(hint));
    }
    let text = body::text(body, &visit.headers, &house.memory.settings().limits).await?;
    let request = Request {
        method: Method::PUT,
        body: text.clone(),
    };
    house
        .change(
            &visit,
            caller,
            Deed::Write {
                path,
                text: text.into(),
            },
            request,
        )
        .await
}

/// Changes lines of a file, or its name.
pub(super) async fn patch(
    State(house): State<Arc<House>>,
    visit: Visit,
    body: Body,
) -> Result<Response, Refusal> {
    let (caller, path) = (visit.caller(&house, Door::People)?, path(&visit.uri)?);
    let body = body::json(body, &visit.headers, &house.memory.settings().limits).await?;
    let deed = match body["operation"].as_str() {
        Some("rename") => {
            let to = Fields::read(&body, &[], |fields| fields.text("to"))?;
            Deed::Rename {
                from: path,
                to: VirtualPath::parse(to)?,
            }
        }
        _ => Deed::Patch {
            path,
            patch: Fields::read(&body, &[], parse_patch)?,
        },
    };
    let request = Request {
        method: Method::PATCH,
        body: body.to_string(),
    };
    house.change(&visit, caller, deed, request).await
}

/// Removes a file.
pub(super) async fn delete(
    State(house): State<Arc<House>>,
    visit: Visit,
) -> Result<Response, Refusal> {
    let (caller, path) = (visit.caller(&house, Door::People)?, path(&visit.uri)?);
    let request = Request {
        method: Method::DELETE,
        body: String::new(),
    };
    house
        .change(&visit, caller, Deed::Delete { path }, request)
        .await
}

/// What tells a repeated request from another one under the same key, beside caller and path.
struct Request {
    method: Method,
    body: String,
}

impl House {
    async fn change(
        &self,
        visit: &Visit,
        caller: Caller,
        deed: Deed,
        request: Request,
    ) -> Result<Response, Refusal> {
        let report = Report::of(&deed);
        let path = deed.path().to_string();
        let view = self.memory.view(&caller);
        let standing = view.read(deed.path()).ok().map(|file| file.blob);
        let key = visit.header("idempotency-key")?.map(|key| {
            let parts = ["files", key, request.method.as_str(), &path, &request.body];
            idempotency_key(&caller, &parts.map(str::as_bytes))
        });
        let terms = Terms {
            precondition: precondition(&visit.headers, &path, standing)?,
            reason: visit.text("reason", "x-memory-reason")?.map(str::to_owned),
            idempotency_key: key,
        };
        // Whose name the commit bears may have to be asked of git.
        let edit = self
            .blocking(move |memory| Ok(memory.edit(&caller, deed, terms)?))
            .await?;
        let receipt = self.submit(edit, visit.wait()?).await?;
        let mut answer = report.value(&receipt);
        answer["updatedAt"] = clock::iso(receipt.committed_at).into();
        answer["published"] = receipt.published.into();
        let blob = receipt.outcomes.first().and_then(|outcome| outcome.after);
        Ok(changed(
            reply::json(&answer, receipt.revision),
            &answer,
            blob,
        ))
    }
}

fn changed(mut response: Response, answer: &Value, blob: Option<BlobId>) -> Response {
    if answer["created"] == true {
        *response.status_mut() = StatusCode::CREATED;
    }
    if let Some(blob) = blob {
        response.headers_mut().insert(ETAG, etag(blob));
    }
    response
}

/// The path in the URL, decoded once. What an escape hides is judged by the same rules as what stands there openly.
fn path(uri: &Uri) -> Result<VirtualPath, Rejection> {
    VirtualPath::parse(&decode::percent(
        uri.path().strip_prefix(ROUTE).unwrap_or_default(),
    )?)
}

/// No file is ever served as a type that a browser runs.
fn content_type(path: &VirtualPath) -> HeaderValue {
    HeaderValue::from_static(match path.as_str().rsplit_once('.') {
        Some((_, "md")) => "text/markdown; charset=utf-8",
        Some((_, "json")) => "application/json",
        Some((_, "csv")) => "text/csv; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    })
}

/// Whether a body comes as text, or as the type under which the file is given out.
fn is_text(headers: &HeaderMap, path: &VirtualPath) -> bool {
    if !headers.contains_key(axum::http::header::CONTENT_TYPE) {
        return true;
    }
    body::content_type(headers).is_some_and(|given| {
        let own = content_type(path);
        given.to_ascii_lowercase().starts_with("text/") || own.as_bytes() == given.as_bytes()
    })
}

/// Somebody's text is shown as such, whatever a browser would guess from it.
fn inert(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    response
}

/// A snapshot's text as bytes to send, not copied.
struct TextBytes(Arc<str>);

impl AsRef<[u8]> for TextBytes {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_once_and_then_judged() {
        let table = [
            ("/v1/files/user/a.md", Ok("user/a.md")),
            ("/v1/files/user%2Fa.md", Ok("user/a.md")),
            ("/v1/files/user/a%20b.md", Ok("user/a b.md")),
            ("/v1/files/user/caf%C3%A9.md", Ok("user/caf\u{e9}.md")),
            ("/v1/files/user/%2e%2e/bob/a.md", Err("INVALID_PATH")),
            ("/v1/files/user/../bob/a.md", Err("INVALID_PATH")),
            ("/v1/files/user/%252e%252e/bob/a.md", Err("INVALID_PATH")),
            ("/v1/files/user/..%2fbob%2fa.md", Err("INVALID_PATH")),
            ("/v1/files/user%5C..%5Ca.md", Err("INVALID_PATH")),
            ("/v1/files/user/a.md%00", Err("INVALID_PATH")),
            ("/v1/files//etc/passwd.md", Err("INVALID_PATH")),
            ("/v1/files/user/.git/config.md", Err("INVALID_PATH")),
            ("/v1/files/users/bob/a.md", Err("PHYSICAL_PATH_FORBIDDEN")),
            ("/v1/files/state/a.json", Err("UNKNOWN_MOUNT")),
            ("/v1/files/user/%ff.md", Err("VALIDATION_ERROR")),
        ];
        for (uri, expected) in table {
            let path = path(&Uri::from_static(uri));
            let path = path
                .as_ref()
                .map(VirtualPath::as_str)
                .map_err(Rejection::code);
            assert_eq!(path, expected, "{uri}");
        }
    }

    #[test]
    fn a_body_is_text_or_of_the_files_own_type() {
        let table = [
            (None, "user/a.md", true),
            (Some("text/markdown; charset=utf-8"), "user/a.md", true),
            (Some("application/json"), "user/a.json", true),
            (Some("application/json"), "user/a.md", false),
            (
                Some("application/x-www-form-urlencoded"),
                "user/a.md",
                false,
            ),
            (Some(""), "user/a.md", false),
        ];
        for (given, path, expected) in table {
            let pair = given.map(|value| {
                (
                    axum::http::header::CONTENT_TYPE,
                    HeaderValue::from_static(value),
                )
            });
            let headers: HeaderMap = pair.into_iter().collect();
            let path = VirtualPath::parse(path).unwrap();
            assert_eq!(is_text(&headers, &path), expected, "{given:?} {path}");
        }
    }

    #[test]
    fn no_type_that_a_browser_runs_is_served() {
        for path in ["user/a.xml", "user/a.yaml", "user/a.txt"] {
            let path = VirtualPath::parse(path).unwrap();
            assert_eq!(content_type(&path), "text/plain; charset=utf-8");
        }
    }
}
