//! Ships what the server writes to the folder given by `--archive`, now and then, on a thread of its own.
//!
//! Invariant: a failure to archive is told and tried again; it never holds up the server and never passes for success.

use crate::{
    commands::ledger,
    failure::{Done, Failure},
};
use interlock_ledger::{Archiver, SqliteLedger};
use interlock_server::Telemetry;
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{sync::oneshot, task::JoinHandle};

/// An archive that is begun, and not yet kept.
pub struct Archive {
    archiver: Archiver,
    every: Duration,
}

/// An archive that is kept.
pub struct Archiving {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Archive {
    /// Begins or continues the archive in a folder; `every` in seconds.
    ///
    /// # Errors
    /// It is of another ledger, damaged, or cannot be written.
    pub fn begin(ledger: Arc<SqliteLedger>, folder: &Path, every: u64) -> Done<Self> {
        if folder.exists() && !folder.is_dir() {
            return Err(Failure::Usage(format!("`{}` is no folder; give another --archive", folder.display())));
        }
        let archiver = Archiver::open(ledger, folder).map_err(ledger::refused)?;
        Ok(Self { archiver, every: Duration::from_secs(every) })
    }

    /// Ships now and then until it is ended, and once more then.
    pub fn keep(self, telemetry: Telemetry) -> Archiving {
        let (stop, mut stopped) = oneshot::channel();
        let Self { archiver, every } = self;
        let task = tokio::spawn(async move {
            let mut archiver = archiver;
            telemetry.archived(Some(archiver.size()));
            loop {
                let telemetry_of_it = telemetry.clone();
                let shipped = tokio::task::spawn_blocking(move || {
                    ship(&mut archiver, &telemetry_of_it);
                    archiver
                })
                .await;
                match shipped {
                    Ok(back) => archiver = back,
                    Err(error) => {
                        tracing::error!(%error, "the archive is no longer kept");
                        telemetry.archived(None);
                        return;
                    }
                }
                match stopped.try_recv() {
                    Err(oneshot::error::TryRecvError::Empty) => {}
                    Ok(()) | Err(oneshot::error::TryRecvError::Closed) => return,
                }
                tokio::select! {
                    () = tokio::time::sleep(every) => {}
                    // Once more, with what came since.
                    _ = &mut stopped => {
                        let telemetry = telemetry.clone();
                        let _ = tokio::task::spawn_blocking(move || ship(&mut archiver, &telemetry)).await;
                        return;
                    }
                }
            }
        });
        Archiving { stop, task }
    }
}

/// Ships until nothing is left.
fn ship(archiver: &mut Archiver, telemetry: &Telemetry) {
    loop {
        match archiver.ship() {
            Ok(Some(it)) => {
                tracing::debug!(file = %it.file.display(), size = it.size, bytes = it.bytes, "archived");
                telemetry.archived(Some(it.size));
            }
            Ok(None) => return,
            Err(error) => {
                tracing::error!(code = error.code(), %error, "the archive could not be written; it is tried again");
                telemetry.archived(None);
                return;
            }
        }
    }
}

impl Archiving {
    /// Ships what is left, and ends.
    pub async fn end(self) {
        // Whoever has ended by itself needs no word.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}
