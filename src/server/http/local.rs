//! `/v1/local/execute`: commands of the same computer, for the daemon that holds the folder open.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::visit::Visit;
use super::{House, body, reply};
use crate::api::command::{self, Command};
use crate::model::caller::Proof;
use crate::model::error::{Doing, Rejection};
use crate::model::limits::{Limits, PERSON_FILE_BYTES_MAX};
use crate::server::errors::Refusal;

/// Bytes of JSON that one byte of a text can become: a control character is `\u0001`.
const JSON_BYTES_PER_BYTE: usize = 6;

/// Runs a command, and answers what it gives back.
pub(super) async fn execute(
    State(house): State<Arc<House>>,
    visit: Visit,
    body: Body,
) -> Result<Response, Refusal> {
    if visit.credential.proof != Proof::LocalToken {
        // Also at an open door: to a command this says that another daemon took the address of its own.
        return Err(Rejection::Unauthorized.into());
    }
    let limits = Limits {
        body_bytes_max: PERSON_FILE_BYTES_MAX * JSON_BYTES_PER_BYTE,
        ..house.memory.settings().limits.clone()
    };
    let command = body::json(body, &visit.headers, &limits).await?;
    let command = Command::deserialize(command)
        .map_err(|error| Rejection::validation(format!("Not a command: {error}")))?;
    let output = house
        .blocking(|memory| command::execute(memory, command))
        .await?;
    let output = serde_json::to_value(output).doing("write a command's output as JSON")?;
    Ok(reply::json_alone(&output))
}
