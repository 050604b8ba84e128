//! The demo world: a shop with real services, a real repository, signed artefacts, a weighted router and customers, all on
//! one machine with nothing but Git and Node.
//!
//! Interlock governs this world as it governs any other: through step programs, HTTP and metrics. Nothing here knows
//! Interlock's inside.
//! Deliberately absent: any pretended failure. The flawed version fails because of a fault in its source, and only when
//! orders meet.

pub mod artefact;
pub mod client;
mod error;
mod files;
pub mod load;
pub mod minisign;
pub mod organisation;
mod process;
mod random;
pub mod repository;
pub mod router;
pub mod sources;
pub mod world;

pub use error::{DemoError, Result};
pub use load::{LoadArgs, run_load};
pub use random::Random;
pub use router::{RouterArgs, run_router};
pub use world::{Status, World, WorldConfig};
