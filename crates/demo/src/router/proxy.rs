//! Forwarding a request to the server chosen for it, streaming both ways.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;

use super::Frontend;
use super::metrics::RouterMetrics;
use super::pools::Pools;

type Body = BoxBody<Bytes, hyper::Error>;

/// Headers that belong to one connection, not to the message (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
];

/// What all connections share.
pub(super) struct Proxy {
    pools: Arc<Pools>,
    metrics: Arc<RouterMetrics>,
    client: Client<HttpConnector, Incoming>,
    timeout: Duration,
}

fn strip(headers: &mut HeaderMap) {
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
    headers.remove("keep-alive");
}

fn own_answer(status: StatusCode, detail: &str) -> Response<Body> {
    let text = serde_json::json!({ "error": detail }).to_string();
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

impl Proxy {
    pub fn new(pools: Arc<Pools>, metrics: Arc<RouterMetrics>, timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_secs(1)));
        // A kept connection that its server closed before it took the request is replaced by a new one: that request was
        // never begun, so this is no retry. Idle ones go before the services' own limit of 30 s closes them.
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(10))
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(32)
            .build(connector);
        Self { pools, metrics, client, timeout }
    }

    async fn forward(&self, frontend: &Frontend, request: Request<Incoming>) -> Response<Body> {
        let started = Instant::now();
        let path = request.uri().path();
        let Some(pool) = frontend.pool_for(path) else {
            return own_answer(StatusCode::NOT_FOUND, &format!("no route for {path}"));
        };
        let Some((server, address)) = self.pools.choose(pool) else {
            self.metrics.observe(pool, "", 503, started.elapsed());
            return own_answer(
                StatusCode::SERVICE_UNAVAILABLE,
                &format!("no server of pool {pool} has a weight above 0"),
            );
        };
        let response = self.send(request, &address.to_string(), &server).await;
        self.metrics.observe(pool, &server, response.status().as_u16(), started.elapsed());
        response
    }

    async fn send(&self, request: Request<Incoming>, address: &str, server: &str) -> Response<Body> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = match Uri::builder().scheme("http").authority(address).path_and_query(path).build() {
            Ok(uri) => uri,
            Err(error) => return own_answer(StatusCode::BAD_REQUEST, &error.to_string()),
        };
        parts.version = hyper::Version::HTTP_11;
        strip(&mut parts.headers);
        let request = Request::from_parts(parts, body);
        match tokio::time::timeout(self.timeout, self.client.request(request)).await {
            Ok(Ok(mut response)) => {
                strip(response.headers_mut());
                response.map(BodyExt::boxed)
            }
            Ok(Err(error)) => own_answer(StatusCode::BAD_GATEWAY, &format!("{server}: {error}")),
            Err(_) => {
                own_answer(StatusCode::GATEWAY_TIMEOUT, &format!("{server}: no answer within {:?}", self.timeout))
            }
        }
    }
}

/// Takes connections for `frontend` for as long as it is polled.
pub(super) async fn accept(
    listener: TcpListener,
    frontend: Arc<Frontend>,
    proxy: Arc<Proxy>,
    graceful: &GracefulShutdown,
) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, mostly: others will close some.
                eprintln!("router: cannot take a connection on {}: {error}", frontend.listen);
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let _only_slower_without = stream.set_nodelay(true);
        let (frontend, proxy) = (frontend.clone(), proxy.clone());
        let service = service_fn(move |request| {
            let (frontend, proxy) = (frontend.clone(), proxy.clone());
            async move { Ok::<_, Infallible>(proxy.forward(&frontend, request).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _client_went_away = connection.await;
        });
    }
}
