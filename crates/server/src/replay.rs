//! Signed requests are taken once: the memory of the numbers that were used.
//!
//! A nonce is a session (random, one per start of a runner) and a number that grows. Of each session the highest number is kept and
//! which of the last 1,024 below it were used, as IPsec does (RFC 4303, section 3.4.3), so that memory does not grow with traffic.
//! Invariants: a number is taken once; a number too far below the highest is not taken; a request made before this node started, or
//! by a clock that is wrong by more than [`SKEW_S`], is not taken, so that nothing outlives the memory.
//! Deliberately absent: a memory shared by nodes. A request captured within TLS could be sent once to each other node for as long as
//! the skew allows; fences make that harmless to deployments.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// How wrong a runner's clock, or ours, may be, in seconds.
pub const SKEW_S: i64 = 120;
/// Numbers remembered below the highest.
const WINDOW: u64 = 1024;

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Old {
    /// Made at a moment that is too far from now.
    Clock,
    /// Made before this node started.
    BeforeStart,
    /// Its number was used.
    Used,
    /// Its nonce is not of the form.
    Form,
}

struct Session {
    highest: u64,
    used: [u64; (WINDOW / 64) as usize],
    last: i64,
}

/// The sessions of runners.
pub struct Replays {
    started: i64,
    sessions: Mutex<BTreeMap<String, Session>>,
}

impl Replays {
    /// `started`: Unix time in seconds.
    pub fn new(started: i64) -> Self {
        Self { started, sessions: Mutex::default() }
    }

    /// Takes a request whose signature was verified, if it is new. Times are Unix times in seconds.
    ///
    /// # Errors
    /// Why it is not new.
    pub fn take(&self, runner: &str, nonce: &str, created: i64, now: i64) -> Result<(), Old> {
        if (created - now).abs() > SKEW_S {
            return Err(Old::Clock);
        }
        if created < self.started {
            return Err(Old::BeforeStart);
        }
        let (session, number) = nonce.rsplit_once('-').ok_or(Old::Form)?;
        let number = u64::from_str_radix(number, 16).map_err(|_| Old::Form)?;
        if session.len() < 16 || number == u64::MAX {
            return Err(Old::Form);
        }
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let key = format!("{runner} {session}");
        if !sessions.contains_key(&key) {
            sessions.retain(|_, it| now - it.last <= 2 * SKEW_S);
        }
        let it = sessions.entry(key).or_insert(Session { highest: 0, used: [0; 16], last: now });
        it.last = now;
        it.take(number + 1)
    }
}

impl Session {
    /// Numbers begin at 1 here.
    fn take(&mut self, number: u64) -> Result<(), Old> {
        let slot = |number: u64| ((number % WINDOW / 64) as usize, 1u64 << (number % 64));
        if number > self.highest {
            if number - self.highest >= WINDOW {
                self.used = [0; (WINDOW / 64) as usize];
            } else {
                for (word, bit) in (self.highest + 1..=number).map(slot) {
                    self.used[word] &= !bit;
                }
            }
            self.highest = number;
        } else if self.highest - number >= WINDOW {
            return Err(Old::Used);
        }
        let (word, bit) = slot(number);
        if self.used[word] & bit != 0 {
            return Err(Old::Used);
        }
        self.used[word] |= bit;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const S: &str = "0123456789abcdef01234567";

    #[test]
    fn a_request_is_taken_once_in_any_order_and_not_from_before() {
        let it = Replays::new(1000);
        let take = |runner: &str, number: u64, created, now| it.take(runner, &format!("{S}-{number:x}"), created, now);
        assert_eq!(take("a", 0, 1000, 1000), Ok(()));
        assert_eq!(take("a", 0, 1000, 1000), Err(Old::Used));
        assert_eq!(
            (take("a", 5, 1001, 1001), take("a", 3, 1001, 1001), take("a", 3, 1001, 1001)),
            (Ok(()), Ok(()), Err(Old::Used))
        );
        assert_eq!(take("b", 0, 1000, 1000), Ok(()), "another runner's numbers are its own");
        assert_eq!(take("a", 6, 999, 1000), Err(Old::BeforeStart));
        assert_eq!((take("a", 7, 1121, 1000), take("a", 7, 1121, 1001)), (Err(Old::Clock), Ok(())));
        assert_eq!(take("a", 8, 2000, 2121), Err(Old::Clock));
        for bad in
            ["", "x", "0123456789abcdef01234567", "0123456789abcdef01234567-", "0123456789abcdef01234567-g", "ab-1"]
        {
            assert_eq!(it.take("a", bad, 1000, 1000), Err(Old::Form), "{bad}");
        }
    }

    #[test]
    fn sessions_are_forgotten_when_their_requests_are_too_old_anyway() {
        let it = Replays::new(0);
        for n in 0..100 {
            it.take("a", &format!("{S}{n}-0"), n * 10, n * 10).unwrap();
        }
        let kept = it.sessions.lock().unwrap().len();
        assert!(kept <= 26, "{kept}");
    }

    proptest! {
        /// Against a set that forgets nothing.
        #[test]
        fn no_number_is_ever_taken_twice(numbers in prop::collection::vec(prop_oneof![0u64..3000, 0u64..40], 1..300)) {
            let it = Replays::new(0);
            let (mut seen, mut highest) = (BTreeSet::new(), 0);
            for number in numbers {
                let taken = it.take("a", &format!("{S}-{number:x}"), 0, 0).is_ok();
                highest = highest.max(number);
                let in_window = highest - number < WINDOW;
                prop_assert_eq!(taken, in_window && !seen.contains(&number), "{}", number);
                if taken { seen.insert(number); }
            }
        }
    }
}
