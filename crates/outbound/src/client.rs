//! The client: resolves a name once, judges what came back, and connects to exactly that.

use crate::guard::{Guard, Refused};
use reqwest::{
    Method, RequestBuilder, Response, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// Names in one answer of the resolver that are looked at.
const ADDRESSES: usize = 32;

type LookedUp<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Resolves names.
pub trait Names: Send + Sync {
    fn look_up<'a>(&'a self, host: &'a str) -> LookedUp<'a>;
}

/// The resolver of this machine.
pub struct System;

impl Names for System {
    fn look_up<'a>(&'a self, host: &'a str) -> LookedUp<'a> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|it| it.ip()).collect()) })
    }
}

/// The client could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be set up: {0}")]
pub struct SetUpError(#[source] reqwest::Error);

/// Why a request was not even sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("`{0}` is no http or https address")]
    NoAddress(String),
}

/// An answer that is longer than what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer has more than {0} bytes")]
pub struct TooLong(pub usize);

/// Calls what a guard allows.
#[derive(Clone)]
pub struct Outbound {
    http: reqwest::Client,
    guard: Arc<Guard>,
}

impl Outbound {
    /// `timeout`: for a whole request, the answer's body included; a request may set a shorter one.
    ///
    /// # Errors
    /// The TLS library could not be set up.
    pub fn new(guard: Guard, timeout: Duration) -> Result<Self, SetUpError> {
        Self::with_names(guard, timeout, Arc::new(System))
    }

    /// The same with another resolver.
    ///
    /// # Errors
    /// As [`Outbound::new`].
    pub fn with_names(guard: Guard, timeout: Duration, names: Arc<dyn Names>) -> Result<Self, SetUpError> {
        let guard = Arc::new(guard);
        let http = reqwest::Client::builder()
            .dns_resolver(Arc::new(Judged { guard: guard.clone(), names }))
            .redirect(Policy::none())
            .no_proxy()
            .timeout(timeout)
            .connect_timeout(CONNECT)
            .user_agent(concat!("interlock/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(SetUpError)?;
        Ok(Self { http, guard })
    }

    /// A request to an address that others have named.
    ///
    /// # Errors
    /// The address is none that may be called. A name is judged when it is resolved: then the request fails with a [`Refused`]
    /// among its causes ([`Refused::among`]).
    pub fn request(&self, method: Method, address: &str) -> Result<RequestBuilder, Unsent> {
        let stranger = || Unsent::NoAddress(address.chars().take(200).collect());
        let url = Url::parse(address).map_err(|_| stranger())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(stranger());
        }
        let host = url.host_str().ok_or_else(stranger)?;
        // A literal address is never resolved, so it is judged here. The parser has already read it as a connection would: 0x7f.1 too.
        if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            self.guard.judge(host, address)?;
        }
        Ok(self.http.request(method, url))
    }
}

impl Refused {
    /// The refusal among the causes of an error, if there is one.
    pub fn among<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Refused> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref::<Refused>() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }
}

struct Judged {
    guard: Arc<Guard>,
    names: Arc<dyn Names>,
}

impl Resolve for Judged {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, names) = (self.guard.clone(), self.names.clone());
        Box::pin(async move {
            let found = names.look_up(name.as_str()).await?;
            let found: Vec<IpAddr> = found.into_iter().take(ADDRESSES).collect();
            // One address that may not be called makes the name one that tries to get somewhere.
            for address in &found {
                guard.judge(name.as_str(), *address)?;
            }
            let addresses: Addrs = Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

/// Reads an answer's body, up to `limit` bytes. `Ok(Err(TooLong))`: there is more.
///
/// # Errors
/// The answer broke off.
pub async fn body(mut response: Response, limit: usize) -> Result<Result<Vec<u8>, TooLong>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > limit {
            return Ok(Err(TooLong(limit)));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Ok(bytes))
}
