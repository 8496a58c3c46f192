//! `/v1/revisions`: who changed what, and when.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::visit::Visit;
use super::{House, reply};
use crate::api::history::{self, Page};
use crate::model::caller::Door;
use crate::model::limits::{PAGE_LENGTH_MAX, PAGE_OFFSET_MAX};
use crate::model::path::VirtualPrefix;
use crate::server::errors::Refusal;

/// Lists the commits that changed a path of the caller's.
pub(super) async fn list(
    State(house): State<Arc<House>>,
    visit: Visit,
) -> Result<Response, Refusal> {
    let caller = visit.caller(&house, Door::People)?;
    let prefix = VirtualPrefix::parse(visit.query.text("path"))?;
    let page = Page {
        limit: visit
            .query
            .number("limit", 1..=PAGE_LENGTH_MAX)?
            .unwrap_or(PAGE_LENGTH_MAX),
        offset: visit
            .query
            .number("offset", 0..=PAGE_OFFSET_MAX)?
            .unwrap_or(0),
    };
    let phrase = visit.query.text("phrase").map(str::to_owned);
    let at = house.memory.view(&caller).revision();
    let answer = house
        .blocking(move |memory| {
            history::revisions(memory, &caller, &prefix, phrase.as_deref(), page)
        })
        .await?;
    Ok(reply::json(&answer, at))
}
