//! Limits how often somebody may try a password: per login and address, and per address.
//!
//! Invariants: only failures count; the table never grows beyond its bound, and when it is full the older half goes.
//! Deliberately absent: a memory that outlives the process. Passwords are slow to check by themselves (argon2id).

use jiff::{SignedDuration, Timestamp};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

const SPAN: SignedDuration = SignedDuration::from_mins(5);
/// Failures within `SPAN` after which a login from one address has to wait.
const PER_LOGIN: usize = 5;
/// The same for all logins from one address.
const PER_ADDRESS: usize = 50;
const KEYS: usize = 10_000;

/// Counts failed sign-ins.
#[derive(Default)]
pub struct Limiter(Mutex<BTreeMap<String, Vec<Timestamp>>>);

impl Limiter {
    /// Seconds to wait before another try is taken; `None`: now.
    pub fn wait(&self, login: &str, address: &str, now: Timestamp) -> Option<u64> {
        self.blocked(&pair(login, address), PER_LOGIN, now).max(self.wait_address(address, now))
    }

    /// The same where nobody has said who he is: by address only.
    pub fn wait_address(&self, address: &str, now: Timestamp) -> Option<u64> {
        self.blocked(address, PER_ADDRESS, now)
    }

    fn blocked(&self, key: &str, most: usize, now: Timestamp) -> Option<u64> {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent: Vec<_> = table.get(key)?.iter().filter(|at| now.duration_since(**at) < SPAN).collect();
        let oldest = (recent.len() >= most).then(|| recent[recent.len() - most])?;
        u64::try_from((SPAN - now.duration_since(*oldest)).as_secs() + 1).ok()
    }

    /// Notes a failure.
    pub fn failed(&self, login: &str, address: &str, now: Timestamp) {
        self.note(&[pair(login, address), address.to_owned()], now);
    }

    /// Notes a failure of somebody who has not said who he is.
    pub fn failed_address(&self, address: &str, now: Timestamp) {
        self.note(&[address.to_owned()], now);
    }

    fn note(&self, keys: &[String], now: Timestamp) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if table.len() + 2 > KEYS {
            let mut newest: Vec<Timestamp> = table.values().filter_map(|failures| failures.last().copied()).collect();
            newest.sort_unstable();
            let middle = newest.get(newest.len() / 2).copied().unwrap_or(now);
            // All at the same moment: then whichever comes first goes.
            let mut spare = KEYS / 2;
            table.retain(|_, failures| {
                let kept = failures.last().is_some_and(|at| *at >= middle) && spare > 0;
                spare -= usize::from(kept);
                kept
            });
        }
        for key in keys {
            let failures = table.entry(key.clone()).or_default();
            failures.retain(|at| now.duration_since(*at) < SPAN);
            failures.push(now);
        }
    }

    /// Forgets the failures of a login after it succeeded.
    pub fn succeeded(&self, login: &str, address: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&pair(login, address));
    }
}

fn pair(login: &str, address: &str) -> String {
    format!("{} {address}", login.chars().take(100).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn five_failures_make_one_login_wait_and_time_or_success_lets_it_go() {
        let limiter = Limiter::default();
        for second in 0..5 {
            assert_eq!(limiter.wait("ann", "10.0.0.1", at(second)), None);
            limiter.failed("ann", "10.0.0.1", at(second));
        }
        assert_eq!(limiter.wait("ann", "10.0.0.1", at(5)), Some(296));
        assert_eq!(limiter.wait("ann", "10.0.0.2", at(5)), None);
        assert_eq!(limiter.wait("bob", "10.0.0.1", at(5)), None);
        assert_eq!(limiter.wait("ann", "10.0.0.1", at(300)), None);
        limiter.succeeded("ann", "10.0.0.1");
        assert_eq!(limiter.wait("ann", "10.0.0.1", at(5)), None);
    }

    #[test]
    fn an_address_that_tries_many_logins_waits_too() {
        let limiter = Limiter::default();
        (0..50).for_each(|n| limiter.failed(&format!("user{n}"), "10.0.0.1", at(0)));
        assert!(limiter.wait("somebody", "10.0.0.1", at(1)).is_some());
        assert!(limiter.wait("somebody", "10.0.0.2", at(1)).is_none());
    }

    #[test]
    fn the_table_stays_small() {
        let limiter = Limiter::default();
        (0..KEYS + 100).for_each(|n| limiter.failed("ann", &format!("a{n}"), at(0)));
        assert!(limiter.0.lock().unwrap().len() <= KEYS);
    }
}
