//! Change risk: the probability that a change fails, learnt one outcome at a time, and how well that is calibrated.
//!
//! Invariants: outcomes are taken in order, so a prediction never knows its own future; every probability lies strictly
//! between 0 and 1. Deliberately absent: any decision that follows from a risk, and names: effects are keyed by opaque
//! strings.

mod model;
mod score;

pub use model::{Features, Model, Prediction, Priors, RiskError};
pub use score::{Bin, Scores, brier, reliability};
