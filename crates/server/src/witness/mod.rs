//! A witness that other organisations run: it signs that a ledger only ever grew (C2SP tlog-witness, tlog-cosignature).
//!
//! `POST /add-checkpoint` takes a checkpoint and the proof that it continues the one signed before. The witness knows nothing of
//! entries. It stands alone: no engine, no ledger, one file of state.
//!
//! **Invariants**
//! - What is signed is durable before it is answered; check and keeping are one step, so that no two answers can contradict.
//! - A fork, and a tree smaller than one signed before, is refused, whoever signed it.
//!
//! **Deliberately absent:** TLS, which a proxy in front speaks; accounts: the ledger's signature is the authority.

mod state;

pub use state::{State, StateError};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State as Shared},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use interlock_ledger::{
    Checkpoint, VerifyingKey,
    cosign::{Request, WitnessKey, WitnessSigner},
    proof::verify_consistency,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

/// Bytes of a question.
const QUESTION: usize = 64 * 1024;

/// A witness with its key, the ledgers it signs for, and what it has signed.
pub struct Witness {
    signer: WitnessSigner,
    /// By origin.
    logs: BTreeMap<String, VerifyingKey>,
    state: Mutex<State>,
}

/// What a witness answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    Signed(String),
    /// It has signed a tree of this size, not of the one the question begins at.
    Size(u64),
    Refused(u16, &'static str),
}

impl Witness {
    /// `logs`: keys of the ledgers it signs for; their names are the origins.
    pub fn new(signer: WitnessSigner, logs: impl IntoIterator<Item = VerifyingKey>, state: State) -> Self {
        let logs = logs.into_iter().map(|key| (key.name().to_owned(), key)).collect();
        Self { signer, logs, state: Mutex::new(state) }
    }

    /// Its public key.
    pub fn key(&self) -> WitnessKey {
        self.signer.public()
    }

    /// Answers a question at a moment, in seconds since the epoch.
    ///
    /// # Errors
    /// What it would sign cannot be kept; nothing is signed.
    pub fn answer(&self, body: &str, now: u64) -> Result<Answered, StateError> {
        let Some(request) = Request::parse(body) else {
            return Ok(Answered::Refused(400, "the body is not `old N`, proof lines, an empty line and a checkpoint"));
        };
        let Ok(said) = Checkpoint::unchecked(request.checkpoint) else {
            return Ok(Answered::Refused(400, "the checkpoint cannot be read"));
        };
        let Some(key) = self.logs.get(&said.origin) else {
            return Ok(Answered::Refused(404, "this witness does not know the origin"));
        };
        let Ok(checkpoint) = Checkpoint::open(key, request.checkpoint) else {
            return Ok(Answered::Refused(403, "no signature of the known key fits the checkpoint"));
        };
        if request.old > checkpoint.size {
            return Ok(Answered::Refused(400, "the old size is larger than the checkpoint"));
        }
        // Held until the answer is durable: two questions at once must not both be checked against the same past.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let known = state.of(&said.origin);
        let (size, root) = known.map_or((0, interlock_ledger::Digest::of(b"")), |it| (it.size, it.root));
        if request.old != size {
            return Ok(Answered::Size(size));
        }
        if size == checkpoint.size && root != checkpoint.root {
            return Ok(Answered::Refused(409, "another root of the same size was signed before"));
        }
        let proof_fits = if size == 0 {
            request.proof.is_empty() && (checkpoint.size > 0 || checkpoint.root == root)
        } else {
            verify_consistency(size, checkpoint.size, &root, &checkpoint.root, &request.proof)
        };
        if !proof_fits {
            return Ok(Answered::Refused(422, "the checkpoint does not continue the one that was signed before"));
        }
        state.keep(&checkpoint)?;
        Ok(Answered::Signed(self.signer.cosign(checkpoint.text(), now)))
    }
}

/// The witness as a router.
pub fn router(witness: Arc<Witness>) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add))
        .route("/key", get(|Shared(it): Shared<Arc<Witness>>| async move { format!("{}\n", it.key()) }))
        .layer(DefaultBodyLimit::max(QUESTION))
        .with_state(witness)
}

/// Serves until `shutdown` is done.
///
/// # Errors
/// The socket fails.
pub async fn serve(
    listener: tokio::net::TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await
}

async fn add(Shared(witness): Shared<Arc<Witness>>, body: Bytes) -> Response {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs());
    let answered = tokio::task::spawn_blocking(move || match std::str::from_utf8(&body) {
        Ok(text) => witness.answer(text, now),
        Err(_) => Ok(Answered::Refused(400, "the body is not text")),
    });
    let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    match answered.await {
        Ok(Ok(Answered::Signed(lines))) => (plain, lines).into_response(),
        Ok(Ok(Answered::Size(size))) => {
            (StatusCode::CONFLICT, [(header::CONTENT_TYPE, "text/x.tlog.size")], format!("{size}\n")).into_response()
        }
        Ok(Ok(Answered::Refused(status, why))) => {
            tracing::warn!(status, why, "a checkpoint was not signed");
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            (status, plain, format!("{why}\n")).into_response()
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "what would be signed cannot be kept; nothing is signed");
            (StatusCode::SERVICE_UNAVAILABLE, plain, "the state cannot be kept; nothing was signed\n").into_response()
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, plain, "the question broke off; ask again\n").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use interlock_ledger::{Batch, Ledger, MemoryLedger, NewEntry, cosign::proof_lines};

    const ORIGIN: &str = "test.example/ledger";

    fn ledger() -> MemoryLedger {
        MemoryLedger::new(ORIGIN, [7; 32]).unwrap()
    }

    fn grow(ledger: &MemoryLedger, bodies: &[&str]) {
        let entries = bodies.iter().map(|it| NewEntry { body: it.as_bytes().to_vec() }).collect();
        ledger.append(ledger.head().unwrap().size, &Batch { entries, ..Default::default() }).unwrap();
    }

    fn question(ledger: &MemoryLedger, old: u64) -> String {
        let checkpoint = ledger.checkpoint().unwrap();
        let proof = ledger.consistency(old, checkpoint.size).unwrap();
        format!("old {old}\n{}\n{}", proof_lines(&proof), checkpoint.note)
    }

    fn witness(path: &std::path::Path) -> Witness {
        let signer = WitnessSigner::from_seed("witness.example/w1", &[3; 32]).unwrap();
        Witness::new(signer, [ledger().verifying_key()], State::open(path).unwrap())
    }

    #[test]
    fn a_ledger_that_grows_is_signed_and_the_signature_verifies() {
        let folder = tempfile::tempdir().unwrap();
        let (witness, ledger) = (witness(&folder.path().join("state")), ledger());
        grow(&ledger, &["a", "b", "c"]);
        let Answered::Signed(line) = witness.answer(&question(&ledger, 0), 1000).unwrap() else { panic!() };
        let note = format!("{}{line}", ledger.checkpoint().unwrap().note);
        assert_eq!(witness.key().signed(&note), Ok(Some(1000)));
        // The same again is signed again, with a new time.
        assert!(matches!(witness.answer(&question(&ledger, 3), 1001).unwrap(), Answered::Signed(_)));
        grow(&ledger, &["d"]);
        assert_eq!(witness.answer(&question(&ledger, 0), 1002).unwrap(), Answered::Size(3));
        assert!(matches!(witness.answer(&question(&ledger, 3), 1003).unwrap(), Answered::Signed(_)));
    }

    #[test]
    fn forks_rewinds_and_strangers_are_refused_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let honest = ledger();
        grow(&honest, &["a", "b", "c"]);
        let first = witness(&path);
        assert!(matches!(first.answer(&question(&honest, 0), 1).unwrap(), Answered::Signed(_)));
        assert!(State::open(&path).is_err(), "two witnesses must not share a state");
        drop(first);
        let again = witness(&path);
        let fork = ledger();
        grow(&fork, &["a", "b", "x"]);
        assert_eq!(
            again.answer(&question(&fork, 3), 2).unwrap(),
            Answered::Refused(409, "another root of the same size was signed before")
        );
        grow(&fork, &["y"]);
        assert!(matches!(again.answer(&question(&fork, 3), 2).unwrap(), Answered::Refused(422, _)));
        let rewound = ledger();
        grow(&rewound, &["a"]);
        assert_eq!(again.answer(&question(&rewound, 0), 3).unwrap(), Answered::Size(3));
        assert_eq!(again.answer(&question(&rewound, 1), 3).unwrap(), Answered::Size(3));
        let larger = question(&rewound, 1).replacen("old 1", "old 9", 1);
        assert!(matches!(again.answer(&larger, 3).unwrap(), Answered::Refused(400, _)));
        let stranger = MemoryLedger::new("other.example/ledger", [7; 32]).unwrap();
        assert!(matches!(again.answer(&question(&stranger, 0), 4).unwrap(), Answered::Refused(404, _)));
        let forger = MemoryLedger::new(ORIGIN, [8; 32]).unwrap();
        assert!(matches!(again.answer(&question(&forger, 0), 5).unwrap(), Answered::Refused(403, _)));
        assert!(matches!(again.answer("nonsense", 6).unwrap(), Answered::Refused(400, _)));
        grow(&honest, &["d"]);
        assert!(
            matches!(again.answer(&question(&honest, 3), 7).unwrap(), Answered::Signed(_)),
            "the honest ledger goes on"
        );
    }

    #[test]
    fn a_damaged_state_signs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        std::fs::write(&path, "{").unwrap();
        assert!(matches!(State::open(&path), Err(StateError::Damaged { .. })));
    }
}
