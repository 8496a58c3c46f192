//! The HTTP door: routes, and the way from a connection to an answer.
//!
//! | route | what it does |
//! |---|---|
//! | `GET /health` | says that the process answers |
//! | `GET /ready` | says whether the store takes writes, and why not |
//! | `GET /v1/tools` | lists the tools that the credential may call; `?tools=files` picks families |
//! | `POST /v1/tools/{tool}/execute` | calls a tool: `{context: {userId, ...}, arguments}` |
//! | `GET`, `POST /v1/prompt-block` | gives the prompt block: JSON, `Accept: text/markdown`, or `?format=anthropic` |
//! | `POST /v1/system-prompt` | puts the block behind the application's own `base` |
//! | `GET /v1/files` | lists files; `?prefix=` |
//! | `GET /v1/files/{path}` | gives a file's text, its blob id as `ETag`; `?revision=` for an earlier one |
//! | `PUT /v1/files/{path}` | makes or replaces a file; `If-Match`, `If-None-Match: *`, `Idempotency-Key`, `?wait=published` |
//! | `PATCH /v1/files/{path}` | changes lines: the arguments of memory_patch; or `{"operation": "rename", "to": ...}` |
//! | `DELETE /v1/files/{path}` | removes a file |
//! | `GET /v1/search` | finds passages; `?q=&prefix=&scope=&tag=&author=&since=&asOf=&limit=&maxChars=&explain=` |
//! | `GET /v1/links` | gives what a file links to and what links to it; `?path=` |
//! | `GET /v1/revisions` | lists the commits of a path, or those that added or removed a phrase; `?path=&phrase=&limit=&offset=` |
//! | `POST /v1/local/execute` | runs a command of the command line; only with the token of this start |
//!
//! A request passes the guard before anything of its body is read, then the router. One route goes past the router: the
//! prompt block is fetched before every turn of every agent, and should cost little more than a static file.

mod body;
mod connections;
mod decode;
mod files;
mod health;
mod local;
mod precondition;
mod prompt;
mod reply;
mod revisions;
mod search;
mod tools;
mod visit;

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use crate::api::memory::Memory;
use crate::model::caller::Credential;
use crate::model::edit::Edit;
use crate::model::error::{Error, Fault, Rejection};
use crate::server::errors::Refusal;
use crate::server::guard::Guard;
use crate::store::{Receipt, Wait};
use visit::Visit;

/// What load balancers ask without a credential.
const PUBLIC: [&str; 2] = ["/health", "/ready"];
const PROMPT_BLOCK: &str = "/v1/prompt-block";

/// What every route needs.
struct House {
    memory: Memory,
    guard: Guard,
    head: reply::HeadHeader,
}

/// Answers requests until `shutdown` comes; then takes no more connections, and gives those there are ten seconds to end.
pub async fn serve(
    listener: TcpListener,
    memory: Memory,
    guard: Guard,
    shutdown: impl Future<Output = ()>,
) {
    let limits = memory.settings().limits.clone();
    let house = Arc::new(House {
        memory,
        guard,
        head: reply::HeadHeader::default(),
    });
    let routes = TowerToHyperService::new(routes(house.clone()));
    let answering = move |request| {
        let (house, routes) = (house.clone(), routes.clone());
        async move { Ok::<_, Infallible>(caught(house.answer(&routes, request)).await) }
    };
    connections::serve(listener, &limits, answering, shutdown).await;
}

fn routes(house: Arc<House>) -> Router {
    Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/v1/tools", get(tools::list))
        .route("/v1/tools/{tool}/execute", post(tools::execute))
        .route(
            PROMPT_BLOCK,
            get(prompt::block_of_query).post(prompt::block_of_context),
        )
        .route("/v1/system-prompt", post(prompt::system_prompt))
        .route("/v1/files", get(files::list))
        .route(
            "/v1/files/{*path}",
            get(files::read)
                .put(files::write)
                .patch(files::patch)
                .delete(files::delete),
        )
        .route("/v1/search", get(search::search))
        .route("/v1/links", get(search::links))
        .route("/v1/revisions", get(revisions::list))
        .route("/v1/local/execute", post(local::execute))
        .method_not_allowed_fallback(async || Refusal::method_not_allowed())
        .fallback(async |request: Request| Refusal::no_such_route(request.uri().path()))
        .with_state(house)
}

/// A bug in one answer must not take the connection's other requests with it.
async fn caught(answer: impl Future<Output = Response>) -> Response {
    let mut answer = pin!(answer);
    std::future::poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))).unwrap_or_else(|_| {
            tracing::error!("a request panicked");
            Poll::Ready(Refusal::internal().into_response())
        })
    })
    .await
}

impl House {
    async fn answer(
        &self,
        routes: &TowerToHyperService<Router>,
        request: hyper::Request<Incoming>,
    ) -> Response {
        let (mut head, body) = request.into_parts();
        let credential = match self.admit(&head) {
            Ok(credential) => credential,
            Err(rejection) => return Refusal::from(rejection).into_response(),
        };
        if let Some(credential) = credential {
            if head.method == Method::GET && head.uri.path() == PROMPT_BLOCK {
                return match Visit::new(head.uri, head.headers, credential) {
                    Ok(visit) => prompt::block(self, &visit).into_response(),
                    Err(rejection) => Refusal::from(rejection).into_response(),
                };
            }
            head.extensions.insert(credential);
        }
        match routes
            .call(Request::from_parts(head, Body::new(body)))
            .await
        {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// Whose request it is; nobody's where none is asked for.
    fn admit(&self, head: &Parts) -> Result<Option<Arc<Credential>>, Rejection> {
        self.guard.check_names(&head.uri, &head.headers)?;
        match PUBLIC.contains(&head.uri.path()) {
            true => Ok(None),
            false => self.guard.identify(&head.headers).map(Some),
        }
    }

    /// Has the store make a change, and waits without blocking.
    async fn submit(&self, edit: Edit, wait: Wait) -> Result<Receipt, Error> {
        let (reply, receipt) = oneshot::channel();
        self.memory
            .store()
            .submit(edit, wait, move |result| drop(reply.send(result)));
        receipt
            .await
            .unwrap_or_else(|_| Err(Rejection::OutcomeUnknown.into()))
    }

    /// Does what may block, such as reading git, on a thread that may.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Memory) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let memory = self.memory.clone();
        let done = spawn_blocking(move || work(&memory)).await;
        done.unwrap_or_else(|error| Err(Fault::new("finish a request", error).into()))
    }
}
