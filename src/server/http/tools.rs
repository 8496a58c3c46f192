//! `/v1/tools`: what a model may call, and the calls.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::visit::Visit;
use super::{House, body, decode, reply};
use crate::api::fields::Fields;
use crate::api::tools::{Called, ToolKind, ToolSpec, definitions};
use crate::model::caller::{Caller, Door, Named};
use crate::model::error::Rejection;
use crate::server::errors::Refusal;
use crate::store::Wait;

/// Lists the tools that the caller may call.
pub(super) async fn list(
    State(house): State<Arc<House>>,
    visit: Visit,
) -> Result<Response, Refusal> {
    let caller = visit.caller(&house, Door::Agents)?;
    let kind = |name: &str| {
        ToolKind::parse(name)
            .ok_or_else(|| visit.query.wrong("tools", "Must be files, or left out"))
    };
    let kinds = visit
        .query
        .text("tools")
        .unwrap_or("files")
        .split(',')
        .map(kind);
    let kinds = kinds.collect::<Result<Vec<_>, _>>()?;
    Ok(reply::json_alone(
        &json!({ "tools": definitions(&kinds, caller.role) }),
    ))
}

/// Calls a tool.
pub(super) async fn execute(
    State(house): State<Arc<House>>,
    visit: Visit,
    body: Body,
) -> Result<Response, Refusal> {
    let tool = ToolSpec::find(&tool_name(&visit.uri)?)?;
    let body = body::json(body, &visit.headers, &house.memory.settings().limits).await?;
    let call = Call::read(&body)?;
    let caller = visit.caller_named(&house, Door::Agents, call.named)?;
    caller.require_somebody()?;
    house.call(tool, &caller, call.arguments, &visit).await
}

/// The body of a call.
struct Call<'a> {
    named: Named<'a>,
    arguments: &'a Value,
}

impl<'a> Call<'a> {
    fn read(body: &'a Value) -> Result<Self, Rejection> {
        static NONE: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));
        let (context, arguments) = Fields::read(body, &[], |fields| {
            let context = fields
                .optional("context")
                .or_else(|| fields.note("context", "Required"));
            Some((context?, fields.optional("arguments").unwrap_or(&NONE)))
        })?;
        Ok(Self {
            named: named(context)?,
            arguments,
        })
    }
}

/// The name between `/v1/tools/` and `/execute`.
fn tool_name(uri: &Uri) -> Result<Cow<'_, str>, Rejection> {
    let name = uri
        .path()
        .strip_prefix("/v1/tools/")
        .and_then(|rest| rest.strip_suffix("/execute"));
    decode::percent(name.unwrap_or_default())
}

/// Whom a `context` names.
pub(super) fn named(context: &Value) -> Result<Named<'_>, Rejection> {
    Fields::read(context, &["context"], |fields| {
        let (user, team) = (
            fields.optional_name("userId"),
            fields.optional_name("teamId"),
        );
        let (actor, run) = (fields.optional_name("actor"), fields.optional_name("runId"));
        let tool_call = fields.optional_name("toolCallId");
        Some(Named {
            user: user?,
            team: team?,
            actor: actor?,
            tool_call: tool_call?,
            run: run?,
        })
    })
}

impl House {
    async fn call(
        &self,
        tool: &ToolSpec,
        caller: &Caller,
        arguments: &Value,
        visit: &Visit,
    ) -> Result<Response, Refusal> {
        let (wait, retry_key) = (visit.wait()?, visit.header("idempotency-key")?);
        let called = match tool.may_block() {
            false => tool.call(&self.memory, caller, arguments, retry_key)?,
            true => {
                let (tool, caller, arguments) = (*tool, caller.clone(), arguments.clone());
                self.blocking(move |memory| tool.call(memory, &caller, &arguments, None))
                    .await?
            }
        };
        match called {
            Called::Answered(at, answer) => Ok(reply::json(&answer, at)),
            Called::Asking(edit, report) => {
                let receipt = self.submit(*edit, wait).await?;
                let mut answer = report.value(&receipt);
                if wait == Wait::Published {
                    answer["published"] = receipt.published.into();
                }
                Ok(reply::json(&answer, receipt.revision))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_names_its_context_and_may_leave_out_its_arguments() {
        let body = json!({ "context": { "userId": "ann", "actor": null, "toolCallId": "c1" } });
        let call = Call::read(&body).unwrap();
        assert_eq!((call.named.user, call.named.actor), (Some("ann"), None));
        assert_eq!(
            (call.named.tool_call, call.arguments),
            (Some("c1"), &json!({}))
        );
    }

    #[test]
    fn a_call_of_the_wrong_shape_is_refused_where_it_is_wrong() {
        let table = [
            (json!([]), ""),
            (json!({}), "context"),
            (json!({ "context": "ann" }), "context"),
            (json!({ "context": { "userId": "" } }), "context.userId"),
            (json!({ "context": { "userId": 42 } }), "context.userId"),
        ];
        for (body, path) in table {
            let Err(Rejection::Validation { issues, .. }) = Call::read(&body).map(|_| ()) else {
                panic!("{body} must be refused")
            };
            assert_eq!(issues[0].path.join("."), path, "{body}");
        }
    }
}
