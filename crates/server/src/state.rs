//! What every handler has at hand: the engine, the key permits are signed with, the limiter of sign-ins.

use crate::{limit::Limiter, permit::PermitSigner, telemetry::Telemetry};
use interlock_engine::Engine;
use std::{net::SocketAddr, sync::Arc};

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
}

/// The state of the server. Cloning it is cheap; it holds nothing that another node would need.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    engine: Engine,
    options: ServeOptions,
    sign_ins: Limiter,
}

impl App {
    pub fn new(engine: Engine, options: ServeOptions) -> Self {
        Self(Arc::new(Inner { engine, options, sign_ins: Limiter::default() }))
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

    pub fn sign_ins(&self) -> &Limiter {
        &self.0.sign_ins
    }
}
