//! Figures: scraped from targets in the text format of Prometheus, or asked of a Prometheus server in PromQL.

mod exposition;
mod scrape;
mod server;

pub use exposition::{Sample, parse};
pub use scrape::Scrape;
pub use server::Server;
