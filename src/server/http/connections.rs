//! Connections: how many at once, how slow, how large their heads, and how they end.
//!
//! A connection holds a permit. While none is free nobody is accepted, and who comes waits in the kernel's queue. A
//! client that sends its head byte by byte, or none at all, is let go after a time, and so is one that stays silent
//! between two requests; else a few hundred of them would keep everybody out.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::model::limits::{Limits, REQUEST_HEAD_BYTES_MAX, REQUEST_HEADERS_MAX};

/// How long requests that are under way may take after the daemon was told to stop.
const DRAIN_SECONDS_MAX: u64 = 10;
/// How long to wait when the process has no file descriptor left for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves connections until `shutdown`, then lets those there are finish the request they are at.
pub(super) async fn serve<Answer, Answering>(
    listener: TcpListener,
    limits: &Limits,
    answer: Answer,
    shutdown: impl Future<Output = ()>,
) where
    Answer: Fn(Request<Incoming>) -> Answering + Clone + Send + 'static,
    Answering: Future<Output = Result<Response, Infallible>> + Send + 'static,
{
    let permits_max = limits.connections_max.clamp(1, u32::MAX as usize >> 1);
    let permits = Arc::new(Semaphore::new(permits_max));
    let (stop, stopped) = watch::channel(false);
    let server = server(limits);
    let accepting = async {
        loop {
            let permit = permits
                .clone()
                .acquire_owned()
                .await
                .expect("the semaphore is never closed");
            let stream = accept(&listener).await;
            let conversation = converse(stream, server.clone(), answer.clone(), stopped.clone());
            tokio::spawn(async move {
                conversation.await;
                drop(permit);
            });
        }
    };
    tokio::select! {
        () = accepting => {}
        () = shutdown => {}
    }
    drop(listener);
    stop.send_replace(true);
    // When all permits are back, all connections have ended.
    let all_back = permits.acquire_many(u32::try_from(permits_max).unwrap_or(u32::MAX));
    if timeout(Duration::from_secs(DRAIN_SECONDS_MAX), all_back)
        .await
        .is_err()
    {
        tracing::warn!("some requests were cut off by the shutdown");
    }
}

fn server(limits: &Limits) -> http1::Builder {
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(limits.request_seconds_max))
        .max_buf_size(REQUEST_HEAD_BYTES_MAX)
        .max_headers(REQUEST_HEADERS_MAX);
    server
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn converse<Answer, Answering>(
    stream: TcpStream,
    server: http1::Builder,
    answer: Answer,
    mut stopped: watch::Receiver<bool>,
) where
    Answer: Fn(Request<Incoming>) -> Answering,
    Answering: Future<Output = Result<Response, Infallible>>,
{
    // An answer is written at once, so there is nothing that waiting for more of it could save.
    drop(stream.set_nodelay(true));
    let connection = server.serve_connection(TokioIo::new(stream), service_fn(answer));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => Some(ended),
        _ = stopped.wait_for(|stopped| *stopped) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // Clients hang up in the middle all the time; it is news only to who looks for it.
        tracing::debug!(%error, "a connection ended early");
    }
}
