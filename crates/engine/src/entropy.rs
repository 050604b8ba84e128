//! Where time and randomness come from. The simulator gives its own; everything else uses the machine's.

use interlock_ids::Fresh;
use jiff::Timestamp;
use std::sync::Arc;

/// A source of time.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// A source of randomness.
pub trait Entropy: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}

struct Machine;

impl Clock for Machine {
    /// In whole milliseconds: finer is not known by anybody who compares clocks, and only in the way of who reads it.
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

impl Entropy for Machine {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives randomness once it has started");
    }
}

/// Time and randomness.
#[derive(Clone)]
pub struct Sources {
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

impl Default for Sources {
    fn default() -> Self {
        Self { clock: Arc::new(Machine), entropy: Arc::new(Machine) }
    }
}

impl Sources {
    /// Ids for one decision.
    pub fn ids(&self) -> Fresh {
        let mut seed = [0; 8];
        self.entropy.fill(&mut seed);
        Fresh::new(u64::try_from(self.clock.now().as_millisecond()).unwrap_or_default(), seed)
    }

    /// Random bytes, for secrets and salts.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }
}
