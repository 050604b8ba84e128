//! Takes connections and serves each within bounds: how many at once, how long a head may take, how large it may be.
//!
//! Invariants: whoever sends nothing, or a byte now and then, loses the connection when the time for a head is over; whoever sends
//! more or longer headers than are taken is answered 431 and nothing of the request is looked at.
//! Deliberately absent: HTTP/2, which a proxy before the server speaks with browsers; limits by address, which the proxy knows
//! better. TLS is in `tls`.

use crate::{
    state::Bounds,
    tls::{Shown, Tls},
};
use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Request, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::Semaphore,
};
use tower::ServiceExt as _;

/// Headers of one request.
const HEADERS: usize = 100;
/// Bytes of a request's head: its line and all headers. What is read at once may be nearly as much again, so it is counted too.
const HEAD: usize = 32 << 10;
/// Pause after a connection could not be taken, as when no file handles are left.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` is done, then lets requests under way finish.
pub async fn run(
    listener: TcpListener,
    tls: Option<Tls>,
    router: Router,
    bounds: Bounds,
    stop: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(bounds.head).max_headers(HEADERS).max_buf_size(HEAD);
    let (graceful, slots) = (GracefulShutdown::new(), Arc::new(Semaphore::new(bounds.connections.max(1))));
    let mut stop = pin!(stop);
    loop {
        let slot = tokio::select! {
            biased;
            () = &mut stop => break,
            Ok(slot) = slots.clone().acquire_owned() => slot,
        };
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(it) => it,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        // Answers are small and waited for.
        let _ = stream.set_nodelay(true);
        let (tls, http, watcher) = (tls.clone(), http.clone(), graceful.watcher());
        let from = Caller { peer, shown: None, router: router.clone() };
        tokio::spawn(async move {
            let _slot = slot;
            match tls {
                None => converse(&http, watcher, stream, from).await,
                Some(tls) => {
                    if let Some((stream, shown)) = tls.welcome(stream, peer).await {
                        converse(&http, watcher, stream, Caller { shown, ..from }).await;
                    }
                }
            }
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// Who is at the other end, and what serves them.
struct Caller {
    peer: SocketAddr,
    shown: Option<Shown>,
    router: Router,
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    http: &http1::Builder,
    watcher: Watcher,
    stream: S,
    from: Caller,
) {
    let Caller { peer, shown, router } = from;
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
        shown.map(|shown| request.extensions_mut().insert(shown));
        let router = (head_size(&request) <= HEAD).then(|| router.clone());
        async move {
            match router {
                Some(router) => router.oneshot(request.map(Body::new)).await,
                None => Ok(too_large()),
            }
        }
    });
    if let Err(error) = watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

fn head_size<B>(request: &Request<B>) -> usize {
    let line = request.uri().path_and_query().map_or(0, |it| it.as_str().len());
    line + request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>()
}

/// What the HTTP library itself answers to heads that are far too large.
fn too_large() -> Response {
    let closes = [(header::CONNECTION, "close")];
    (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, closes).into_response()
}
