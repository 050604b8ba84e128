//! People: accounts, roles, groups, tokens, delegation, leave; and who is believed about people and programs from outside.
//!
//! Invariants: an e-mail address is linked to at most one account; a robot has an owner; a token never outlives a year, is kept
//! as a hash only and never may more than its account; what an identity provider gives is kept apart from what administrators
//! gave, and is judged anew at each sign-in; an account is never taken over because an address is equal, and outlives the person
//! behind it. Deliberately absent: names, addresses and passwords. They are kept outside the ledger, where a person can be erased;
//! here is only that it was done.

mod command;
mod decide;
mod event;
mod outside;
mod state;

pub use command::{AccountSpec, Command};
pub use decide::decide;
pub use event::*;
pub(crate) use outside::secret_reference;
pub use outside::{Admission, Claimed, Grant, Issuer, Provider, Rule, matches};
pub use state::{Account, AccountKind, Delegation, Given, Setup, State, Token};

#[cfg(test)]
mod outside_tests;
#[cfg(test)]
mod tests;
