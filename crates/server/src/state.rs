//! What every handler has at hand: the engine, the key permits are signed with, the limiter of sign-ins.

use crate::{contact::Contacts, limit::Limiter, local::LocalController, permit::PermitSigner, replay::Replays};
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
}

/// The state of the server. Cloning it is cheap; it holds nothing that another node would need.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    engine: Engine,
    options: ServeOptions,
    sign_ins: Limiter,
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
        let (sign_ins, contacts) = (Limiter::default(), Contacts::default());
        Self(Arc::new(Inner { engine, options, sign_ins, controller, contacts, replays }))
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

    pub fn sign_ins(&self) -> &Limiter {
        &self.0.sign_ins
    }
}
