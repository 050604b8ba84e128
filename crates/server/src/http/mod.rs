//! The HTTP API: one file per noun. The only place where wire meets the core.
//!
//! A handler parses, builds a command, submits it, and maps the answer; what may be done is decided by the core, and the `actions`
//! of an object are dry runs of the same decisions.

pub mod activity;
pub mod agenda;
pub mod artifact;
pub mod calendar;
pub mod calendar_import;
pub mod catalog;
pub mod change;
pub mod control;
pub mod criterion;
pub mod deployment;
pub mod environment;
pub mod erasure;
pub mod evidence;
pub mod intake;
pub mod learning;
pub mod ledger;
pub mod live;
pub mod manifest;
pub mod may;
pub mod operations;
pub mod page;
pub mod people;
pub mod policy;
pub mod release;
pub mod replay;
pub mod rollback;
pub mod runner;
pub mod schedule;
pub mod search;
pub mod session;
pub mod simulate;
pub mod source;
pub mod tlog;
pub mod today;
pub mod verification;

use crate::state::App;
use utoipa_axum::{router::OpenApiRouter, routes};

pub use source::take_names_out;

/// Every endpoint below `/api/v1`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(session::health))
        .routes(routes!(session::ready))
        .routes(routes!(session::version))
        .routes(routes!(session::set_up))
        .routes(routes!(session::read, session::sign_in, session::sign_out))
        .routes(routes!(session::begin_sign_in))
        .routes(routes!(session::end_sign_in))
        .routes(routes!(session::back_channel_logout))
        .routes(routes!(session::exchange_token))
        .routes(routes!(intake::webhooks))
        .routes(routes!(intake::deliver))
        .routes(routes!(people::accounts, people::put_account))
        .routes(routes!(people::account))
        .routes(routes!(people::close_account))
        .routes(routes!(people::link_account))
        .routes(routes!(people::put_leave))
        .routes(routes!(erasure::erase_person))
        .routes(routes!(erasure::export_person))
        .routes(routes!(erasure::redact_note))
        .routes(routes!(erasure::erasures))
        .routes(routes!(people::change_password))
        .routes(routes!(people::tokens, people::issue_token))
        .routes(routes!(people::revoke_token))
        .routes(routes!(people::delegations, people::delegate))
        .routes(routes!(people::end_delegation))
        .routes(routes!(catalog::services))
        .routes(routes!(catalog::service))
        .routes(routes!(catalog::graph))
        .routes(routes!(environment::environments))
        .routes(routes!(environment::environment))
        .routes(routes!(environment::matrix))
        .routes(routes!(environment::claim_environment))
        .routes(routes!(environment::record_installed))
        .routes(routes!(environment::claims))
        .routes(routes!(environment::end_claim))
        .routes(routes!(calendar::calendars))
        .routes(routes!(calendar::calendar))
        .routes(routes!(calendar::check))
        .routes(routes!(calendar_import::import))
        .routes(routes!(calendar_import::preview_lockdown))
        .routes(routes!(calendar::lockdowns, calendar::call_lockdown))
        .routes(routes!(calendar::lift_lockdown))
        .routes(routes!(agenda::entries))
        .routes(routes!(agenda::feed))
        .routes(routes!(artifact::put_blob))
        .routes(routes!(artifact::get_blob))
        .routes(routes!(artifact::artifacts, artifact::register))
        .routes(routes!(artifact::artifact))
        .routes(routes!(artifact::quarantine))
        .routes(routes!(artifact::quarantines))
        .routes(routes!(artifact::lift_quarantine))
        .routes(routes!(artifact::keys))
        .routes(routes!(artifact::revoke_key))
        .routes(routes!(deployment::pipelines))
        .routes(routes!(deployment::pipeline))
        .routes(routes!(policy::policies, policy::install))
        .routes(routes!(policy::check))
        .routes(routes!(change::changes))
        .routes(routes!(change::change))
        .routes(routes!(change::approve))
        .routes(routes!(change::reject))
        .routes(routes!(change::withdraw))
        .routes(routes!(change::meet))
        .routes(routes!(release::releases, release::draft))
        .routes(routes!(release::release))
        .routes(routes!(release::gates))
        .routes(routes!(release::explain))
        .routes(routes!(release::timeline))
        .routes(routes!(release::plan))
        .routes(routes!(release::freeze))
        .routes(routes!(release::authorise))
        .routes(routes!(release::revoke_permit))
        .routes(routes!(release::deploy))
        .routes(routes!(release::roll_back))
        .routes(routes!(release::cancel))
        .routes(routes!(release::close))
        .routes(routes!(deployment::deployments, deployment::start))
        .routes(routes!(deployment::deployment))
        .routes(routes!(deployment::pause))
        .routes(routes!(deployment::resume))
        .routes(routes!(deployment::retry))
        .routes(routes!(deployment::skip))
        .routes(routes!(deployment::abort))
        .routes(routes!(deployment::output))
        .routes(routes!(deployment::output_live))
        .routes(routes!(verification::analysis))
        .routes(routes!(verification::course))
        .routes(routes!(verification::resolve))
        .routes(routes!(rollback::rollbacks, rollback::start))
        .routes(routes!(rollback::rollback))
        .routes(routes!(rollback::check_again))
        .routes(routes!(learning::reviews))
        .routes(routes!(learning::review))
        .routes(routes!(learning::complete_review))
        .routes(routes!(learning::figures))
        .routes(routes!(today::today))
        .routes(routes!(search::search))
        .routes(routes!(may::may))
        .routes(routes!(simulate::simulate))
        .routes(routes!(ledger::head))
        .routes(routes!(ledger::checkpoint))
        .routes(routes!(ledger::entries))
        .routes(routes!(ledger::entry))
        .routes(routes!(ledger::consistency))
        .routes(routes!(activity::activity))
        .routes(routes!(activity::export))
        .routes(routes!(replay::world))
        .routes(routes!(replay::knowledge))
        .routes(routes!(replay::recompute_entry))
        .routes(routes!(replay::recompute))
        .routes(routes!(ledger::witnesses))
        .routes(routes!(tlog::checkpoint))
        .routes(routes!(evidence::take))
        .routes(routes!(evidence::attached, evidence::attach))
        .routes(routes!(evidence::one))
        .routes(routes!(evidence::sign))
        .routes(routes!(control::controls))
        .routes(routes!(control::report))
        .routes(routes!(criterion::criteria))
        .routes(routes!(criterion::except))
        .routes(routes!(manifest::apply))
        .routes(routes!(manifest::schema))
        .routes(routes!(live::live))
        .routes(routes!(runner::runners))
        .routes(routes!(runner::invite))
        .routes(routes!(runner::enrol))
        .routes(routes!(runner::rotate_key))
        .routes(routes!(runner::artifact))
        .routes(routes!(runner::runner))
        .routes(routes!(runner::withdraw))
        .routes(routes!(runner::revoke))
        .routes(routes!(runner::drain))
        .routes(routes!(runner::undrain))
        .routes(routes!(runner::lease))
        .routes(routes!(runner::report))
        .routes(routes!(runner::output))
        .routes(routes!(runner::permit_keys))
}
