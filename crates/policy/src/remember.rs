//! Verdicts that were given, by what was asked.
//!
//! **Invariant:** a verdict is a function of the policy set and the request and of nothing else, and what is remembered belongs to
//! one compiled set; so a remembered verdict is the verdict, and remembering can change no result, only its time.
//! **Deliberately absent:** an order, a way to look through it, and a way to take anything out. It is bounded by forgetting the
//! older half.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::request::{Fact, Request};
use crate::verdict::Verdict;

/// Verdicts in each of the two halves.
const HALF: usize = 2048;
/// Bytes of text above which a request is not worth keeping.
const BYTES: usize = 2048;

/// See the module.
#[derive(Default)]
pub(crate) struct Remembered(Mutex<Halves>);

#[derive(Default)]
struct Halves {
    young: HashMap<Request, Verdict>,
    old: HashMap<Request, Verdict>,
}

impl Halves {
    fn put(&mut self, request: Request, verdict: Verdict) {
        if self.young.len() >= HALF {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(request, verdict);
    }
}

impl Remembered {
    /// The verdict on this very request, if it is remembered.
    pub fn get(&self, request: &Request) -> Option<Verdict> {
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verdict) = halves.young.get(request) {
            return Some(verdict.clone());
        }
        let (request, verdict) = halves.old.remove_entry(request)?;
        halves.put(request, verdict.clone());
        Some(verdict)
    }

    /// Keeps a verdict.
    pub fn put(&self, request: &Request, verdict: &Verdict) {
        if bytes(request) <= BYTES {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).put(request.clone(), verdict.clone());
        }
    }
}

/// About how much text a request holds.
fn bytes(request: &Request) -> usize {
    let names = request.principal.roles.iter().chain(&request.principal.groups).map(String::len);
    let facts = request.facts.0.iter().map(|(name, fact)| {
        name.len()
            + match fact {
                Fact::Bool(_) | Fact::Long(_) => 8,
                Fact::Text(text) | Fact::Unknown(text) => text.len(),
                Fact::Set(items) => items.iter().map(|item| item.len() + 24).sum(),
            }
    });
    request.principal.id.len() + request.resource.id.len() + names.chain(facts).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Action;
    use crate::compile::PolicySet;
    use crate::pack::shipped;
    use crate::request::{Facts, Principal, Resource};

    fn request(open: i64) -> Request {
        Request {
            principal: Principal::system(),
            action: Action::GATE_CONDITIONS,
            resource: Resource::new("release", "rel_1"),
            facts: Facts::new().with("open_conditions", open),
        }
    }

    #[test]
    fn what_is_remembered_is_what_is_computed() {
        let (warm, requests) = (PolicySet::compile(&shipped()).unwrap(), (0..50).map(request));
        for request in requests.clone() {
            warm.check(&request);
        }
        let cold = PolicySet::compile(&shipped()).unwrap();
        for request in requests {
            assert!(warm.0.remembered.get(&request).is_some());
            assert_eq!(warm.check(&request), cold.check(&request));
        }
    }

    #[test]
    fn the_older_half_is_forgotten_and_the_rest_is_found() {
        let (remembered, set) = (Remembered::default(), PolicySet::compile(&shipped()).unwrap());
        let verdict = set.check(&request(0));
        for open in 0..3 * HALF as i64 {
            remembered.put(&request(open), &verdict);
        }
        assert!(remembered.get(&request(0)).is_none());
        assert!(remembered.get(&request(3 * HALF as i64 - 1)).is_some());
        let halves = remembered.0.lock().unwrap();
        assert!(halves.young.len() <= HALF && halves.old.len() <= HALF);
    }

    #[test]
    fn a_request_with_much_text_is_not_kept() {
        let (remembered, set) = (Remembered::default(), PolicySet::compile(&shipped()).unwrap());
        let mut large = request(0);
        large.facts = large.facts.with("windows", vec!["x".repeat(BYTES)]);
        remembered.put(&large, &set.check(&large));
        assert!(remembered.get(&large).is_none());
    }
}
