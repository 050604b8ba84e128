//! The log that a process writes to standard error, and the traces beside it.

use crate::trace::Traces;
use tracing_subscriber::{Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Begins to write a log to standard error. `INTERLOCK_LOG` says what, as `info` or `interlock_engine=debug`.
pub fn log(format: LogFormat) {
    log_with(format, None);
}

/// The same, and traces.
pub fn log_with(format: LogFormat, traces: Option<Traces>) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("INTERLOCK_LOG").unwrap_or_else(|_| "info".into());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    // A second subscriber is refused; the first stays.
    let _ = tracing_subscriber::registry().with(filter).with(lines).with(traces).try_init();
}
