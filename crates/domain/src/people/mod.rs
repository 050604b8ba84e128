//! People: accounts, roles, groups, tokens, delegation, leave.
//!
//! Invariants: an e-mail address is linked to at most one account; a robot has an owner; a token never outlives a year, is kept
//! as a hash only and never may more than its account; an account outlives the person behind it. Deliberately absent: names,
//! addresses and passwords. They are kept outside the ledger, where a person can be erased; here is only that it was done.

mod command;
mod decide;
mod event;
mod state;

pub use command::{AccountSpec, Command};
pub use decide::decide;
pub use event::*;
pub use state::{Account, AccountKind, Delegation, Setup, State, Token};

#[cfg(test)]
mod tests;
