//! `/v1/search` and `/v1/links`: finding passages, and what leads where.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::visit::Visit;
use super::{House, reply};
use crate::api::finding::{Find, Links};
use crate::api::search::Sight;
use crate::model::caller::Door;
use crate::model::error::Rejection;
use crate::model::limits::{SEARCH_CHARS_MAX, SEARCH_RESULTS_MAX};
use crate::model::path::{Mount, VirtualPath, VirtualPrefix};
use crate::server::errors::Refusal;

/// Finds passages: `?q=&prefix=&scope=&tag=&author=&since=&asOf=&limit=&maxChars=&explain=`.
pub(super) async fn search(
    State(house): State<Arc<House>>,
    visit: Visit,
) -> Result<Response, Refusal> {
    let caller = visit.caller(&house, Door::People)?;
    let prefix = VirtualPrefix::parse(prefix(&visit)?.as_deref())?;
    let sight = Sight::of(house.memory.store().layout(), &caller, &prefix)?;
    let owned = |name| visit.query.text(name).map(str::to_owned);
    let find = Find {
        question: owned("q").unwrap_or_default(),
        limit: visit.query.number("limit", 1..=SEARCH_RESULTS_MAX)?,
        max_chars: visit.query.number("maxChars", 1..=SEARCH_CHARS_MAX)?,
        tag: owned("tag"),
        author: owned("author"),
        since: owned("since"),
        as_of: owned("asOf"),
        explain: match visit.query.text("explain") {
            None | Some("" | "false" | "0") => false,
            Some("true" | "1") => true,
            Some(_) => return Err(visit.query.wrong("explain", "Must be true or false").into()),
        },
    };
    let (at, answer) = house
        .blocking(move |memory| find.run(memory, &sight))
        .await?;
    Ok(reply::json(&answer, at))
}

/// What a file links to, and what links to it: `?path=`.
pub(super) async fn links(
    State(house): State<Arc<House>>,
    visit: Visit,
) -> Result<Response, Refusal> {
    let caller = visit.caller(&house, Door::People)?;
    let path = visit.query.text("path").unwrap_or_default();
    let path = VirtualPath::parse(path)?;
    caller.require(path.mount())?;
    let layout = house.memory.store().layout();
    let place = layout.repo_path(&path, caller.owners())?;
    let sight = Sight::of(layout, &caller, &VirtualPrefix::parse(None)?)?;
    let links = Links {
        path: place,
        name: path.to_string(),
    };
    let (at, answer) = house
        .blocking(move |memory| links.run(memory, &sight))
        .await?;
    Ok(reply::json(&answer, at))
}

/// Where to search: `?scope=` is a prefix that is a whole mount. Refuses two that contradict each other.
fn prefix(visit: &Visit) -> Result<Option<String>, Rejection> {
    let (prefix, scope) = (visit.query.text("prefix"), visit.query.text("scope"));
    let Some(scope) = scope else {
        return Ok(prefix.map(str::to_owned));
    };
    if Mount::ALL.iter().all(|mount| mount.as_str() != scope) {
        return Err(visit.query.wrong("scope", "Must be shared, user or team"));
    }
    match prefix {
        Some(prefix) if !prefix.starts_with(scope) => {
            Err(visit.query.wrong("prefix", "Lies in another scope"))
        }
        Some(prefix) => Ok(Some(prefix.to_owned())),
        None => Ok(Some(scope.to_owned())),
    }
}
