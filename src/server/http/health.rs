//! `/health` and `/ready`: what a load balancer asks.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{House, reply};
use crate::server::errors::Refusal;

/// Says that the process answers.
pub(super) async fn health() -> Response {
    reply::json_alone(&json!({ "ok": true }))
}

/// Says whether the store takes writes. That the branch does not follow for the moment is said too, but is no reason
/// to send requests elsewhere: writes are taken and served all the same.
pub(super) async fn ready(State(house): State<Arc<House>>) -> Result<Response, Refusal> {
    // It counts files and users.
    let status = house.blocking(|memory| Ok(memory.store().status())).await?;
    let answer = json!({
        "ready": status.read_only.is_none(),
        "readOnly": status.read_only,
        "paused": status.paused,
    });
    let code = match status.read_only {
        None => StatusCode::OK,
        Some(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    Ok((code, reply::json_alone(&answer)).into_response())
}
