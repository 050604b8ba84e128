//! Executes leased steps; the same code runs inside the server and on a machine far away.
//!
//! Invariants: nothing runs without a permit that verifies now, before each operation; no byte of an artefact is handed to a
//! program that was not verified on disk just before; a key that was finished once is answered from the journal and never
//! executed again; what may or may not have run is reported as inconclusive, never guessed; no process outlives its step.
//! Deliberately absent: the domain. The runner knows orders and reports, not releases; it never decides what comes next.
//!
//! Reading order: [`fault`] what can go wrong, [`permit`] and [`artifact`] what is proved first, [`protocol`] and [`process`]
//! how a program is spoken to, [`steps`] the kinds, [`execute`] one order, [`journal`] what survives a crash, [`courier`] what
//! goes back, [`runner`] the loop, [`identity`] and [`signature`] how it is known to a server, [`remote`] that server over HTTP.

pub mod artifact;
pub mod clock;
pub mod config;
pub mod controller;
pub mod courier;
pub mod execute;
pub mod fault;
pub mod identity;
pub mod journal;
pub mod leftovers;
pub mod output;
pub mod permit;
pub mod process;
pub mod protocol;
pub mod remote;
pub mod runner;
pub mod signature;
pub mod steps;

pub use artifact::{ByteStream, Depot, DepotError};
pub use clock::{Clock, SystemClock};
pub use config::RunnerConfig;
pub use controller::{Controller, ControllerError};
pub use fault::{Code, Fault};
pub use identity::Identity;
pub use permit::PermitKeys;
pub use remote::{Credential, RemoteConfig, RemoteServer, Tls};
pub use runner::{Runner, RunnerHandle};
