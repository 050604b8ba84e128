//! What every handler has at hand: the engine, the key permits are signed with, the limiter of sign-ins.

use crate::{
    contact::Contacts, limit::Limiter, local::LocalController, permit::PermitSigner, replay::Replays,
    telemetry::Telemetry,
};
use interlock_engine::Engine;
use interlock_integrations::oidc::Issuers;
use interlock_outbound::{Guard, Net};
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

/// What bounds one connection and one request.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections served at once; more wait in the system's queue.
    pub connections: usize,
    /// How long a request's head may take to arrive, and how long a connection may be silent between requests.
    pub head: Duration,
    /// How long a body may be silent while it arrives.
    pub silence: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections: 8192, head: Duration::from_secs(15), silence: Duration::from_secs(20) }
    }
}

/// How the server stands towards the outside.
#[derive(Clone, Debug, Default)]
pub struct Exposure {
    pub bounds: Bounds,
    /// The address browsers know the server by, such as `https://interlock.example.org`; else that it listens on. Never taken
    /// from a request.
    pub public_url: Option<String>,
    /// Where the files are that manifests name as `file:name`.
    pub secrets: Option<PathBuf>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub proxies: Vec<Net>,
    /// Which addresses of identity providers and issuers may be called.
    pub outbound: Guard,
}

/// How the server is run.
#[derive(Clone)]
pub struct ServeOptions {
    pub listen: SocketAddr,
    /// Whether the session cookie is only ever sent over TLS. Off only where the server speaks plain HTTP to a browser, as on
    /// one's own machine.
    pub secure_cookies: bool,
    /// Signs the permits that runners verify.
    pub permits: PermitSigner,
    /// What the server counts about itself.
    pub telemetry: Telemetry,
    pub exposure: Exposure,
}

/// The state of the server. Cloning it is cheap; it holds nothing that another node would need.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    engine: Engine,
    options: ServeOptions,
    sign_ins: Limiter,
    issuers: Option<Issuers>,
    controller: LocalController,
    contacts: Contacts,
    replays: Replays,
}

impl App {
    /// Must be called within a runtime: runners' offers wait in a task of their own.
    pub fn new(engine: Engine, options: ServeOptions) -> Self {
        let controller = LocalController::new(engine.clone(), options.permits.clone());
        Self::with(engine, options, controller)
    }

    /// The same, holding runners' offers no longer than this when there is nothing to do.
    pub fn holding(engine: Engine, options: ServeOptions, hold: std::time::Duration) -> Self {
        let controller = LocalController::new(engine.clone(), options.permits.clone()).holding(hold);
        Self::with(engine, options, controller)
    }

    fn with(engine: Engine, options: ServeOptions, controller: LocalController) -> Self {
        let replays = Replays::new(engine.now().as_second());
        // Without TLS roots nobody can be asked; everything else works.
        let issuers = Issuers::new(options.exposure.outbound.clone());
        let issuers = issuers.inspect_err(|error| tracing::error!(%error, "no identity provider can be asked")).ok();
        let (sign_ins, contacts) = (Limiter::default(), Contacts::default());
        Self(Arc::new(Inner { engine, options, sign_ins, issuers, controller, contacts, replays }))
    }

    /// Hands out steps to runners.
    pub fn controller(&self) -> &LocalController {
        &self.0.controller
    }

    /// When runners were heard from.
    pub fn contacts(&self) -> &Contacts {
        &self.0.contacts
    }

    /// Which signed requests were taken.
    pub fn replays(&self) -> &Replays {
        &self.0.replays
    }

    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub fn options(&self) -> &ServeOptions {
        &self.0.options
    }

    pub fn telemetry(&self) -> &Telemetry {
        &self.0.options.telemetry
    }

    /// The address browsers know the server by, without a slash at its end.
    pub fn public_url(&self) -> String {
        let options = self.options();
        let given = options.exposure.public_url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
        given.unwrap_or_else(|| format!("http://{}", options.listen))
    }

    /// Asks identity providers and issuers of tokens.
    pub fn issuers(&self) -> Option<&Issuers> {
        self.0.issuers.as_ref()
    }

    pub fn sign_ins(&self) -> &Limiter {
        &self.0.sign_ins
    }
}
