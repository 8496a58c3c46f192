//! `/v1/prompt-block` and `/v1/system-prompt`: the memory as an agent is shown it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as UnknownWord, StrDeserializer};
use serde_json::{Value, json};

use super::reply::Tagged;
use super::visit::Visit;
use super::{House, body, reply, tools};
use crate::api::fields::Fields;
use crate::api::prompt::{self, Profile};
use crate::model::caller::{Caller, Door};
use crate::model::error::Rejection;
use crate::server::errors::Refusal;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const MARKDOWN: HeaderValue = HeaderValue::from_static("text/markdown; charset=utf-8");
/// Budgets beyond this are a slip: no model reads as much.
const TOKENS_MAX: usize = 10_000_000;

/// Gives the block for the caller that the query names.
pub(super) fn block(house: &House, visit: &Visit) -> Result<Response, Refusal> {
    house.block(visit, &visit.caller(house, Door::Agents)?)
}

/// The same by way of the router, for `HEAD`.
pub(super) async fn block_of_query(
    State(house): State<Arc<House>>,
    visit: Visit,
) -> Result<Response, Refusal> {
    block(&house, &visit)
}

/// Gives the block for the caller that the body names.
pub(super) async fn block_of_context(
    State(house): State<Arc<House>>,
    visit: Visit,
    body: Body,
) -> Result<Response, Refusal> {
    let body = body::json(body, &visit.headers, &house.memory.settings().limits).await?;
    let caller = house.caller_of_context(&visit, &body)?;
    house.block(&visit, &caller)
}

/// Puts the block behind the application's own system prompt.
pub(super) async fn system_prompt(
    State(house): State<Arc<House>>,
    visit: Visit,
    body: Body,
) -> Result<Response, Refusal> {
    let body = body::json(body, &visit.headers, &house.memory.settings().limits).await?;
    let base = Fields::read(&body, &[], |fields| fields.optional_text("base"))?;
    let caller = house.caller_of_context(&visit, &body)?;
    caller.require_somebody()?;
    let (at, rendered) = house
        .memory
        .prompt(&caller, profile(&visit)?, max_tokens(&visit)?);
    let text = prompt::system_prompt(base.unwrap_or_default(), &rendered.block);
    if Form::of(&visit)? == Form::Markdown {
        let mut response = Response::new(Body::from(text));
        response.headers_mut().insert(CONTENT_TYPE, MARKDOWN);
        return Ok(response);
    }
    let block = &rendered.block;
    let answer =
        json!({ "systemPrompt": text, "revision": block.revision, "tokens": block.tokens });
    Ok(reply::json(&answer, at))
}

/// How a block is worded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Markdown,
    Anthropic,
}

impl Form {
    /// The query decides where it says so, else the `Accept` header.
    fn of(visit: &Visit) -> Result<Self, Rejection> {
        match visit.query.text("format") {
            Some("json") => Ok(Self::Json),
            Some("markdown") => Ok(Self::Markdown),
            Some("anthropic") => Ok(Self::Anthropic),
            Some(_) => Err(visit
                .query
                .wrong("format", "Must be json, markdown or anthropic")),
            None => Ok(Self::accepted(&visit.headers)),
        }
    }

    /// The first of the accepted types that we have. Markdown is only for who names it.
    fn accepted(headers: &HeaderMap) -> Self {
        let accepted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
        let types = accepted.unwrap_or_default().split(',');
        let known = types.filter_map(|listed| match listed.split(';').next()?.trim() {
            "text/markdown" | "text/plain" => Some(Self::Markdown),
            "application/json" => Some(Self::Json),
            _ => None,
        });
        known.into_iter().next().unwrap_or(Self::Json)
    }
}

impl House {
    fn block(&self, visit: &Visit, caller: &Caller) -> Result<Response, Refusal> {
        caller.require_somebody()?;
        let form = Form::of(visit)?;
        let (at, rendered) = self
            .memory
            .prompt(caller, profile(visit)?, max_tokens(visit)?);
        let (representation, content_type) = match form {
            Form::Json => (rendered.json(), JSON),
            Form::Markdown => (rendered.markdown(), MARKDOWN),
            Form::Anthropic => (rendered.anthropic(), JSON),
        };
        let tagged = Tagged {
            etag: HeaderValue::try_from(&representation.etag).expect("an ETag is a header value"),
            revision: self.head.value(at),
            content_type,
            body: Bytes::from_owner(representation.body.clone()),
        };
        let mut response = tagged.reply(&visit.headers);
        response
            .headers_mut()
            .insert(VARY, HeaderValue::from_static("accept"));
        Ok(response)
    }

    fn caller_of_context(&self, visit: &Visit, body: &Value) -> Result<Caller, Rejection> {
        let context = Fields::read(body, &[], |fields| {
            fields
                .optional("context")
                .or_else(|| fields.note("context", "Required"))
        })?;
        visit.caller_named(self, Door::Agents, tools::named(context)?)
    }
}

fn profile(visit: &Visit) -> Result<Profile, Rejection> {
    let Some(name) = visit.query.text("profile") else {
        return Ok(Profile::default());
    };
    let name: StrDeserializer<'_, UnknownWord> = name.into_deserializer();
    Profile::deserialize(name).map_err(|error| visit.query.wrong("profile", &error.to_string()))
}

fn max_tokens(visit: &Visit) -> Result<Option<usize>, Rejection> {
    visit.query.number("maxTokens", 1..=TOKENS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_is_for_who_names_it() {
        let table = [
            ("text/markdown", Form::Markdown),
            (
                "text/markdown; charset=utf-8, application/json",
                Form::Markdown,
            ),
            ("application/json, text/markdown", Form::Json),
            ("text/html, */*;q=0.8", Form::Json),
            ("", Form::Json),
        ];
        for (accept, expected) in table {
            let headers: HeaderMap = [(ACCEPT, HeaderValue::from_static(accept))]
                .into_iter()
                .collect();
            assert_eq!(Form::accepted(&headers), expected, "{accept}");
        }
    }
}
