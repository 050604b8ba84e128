//! What users of other tools have reported about freezes and windows, each as a test that bears the number of the report: Argo CD,
//! Flux, GitLab, GitOps Promoter, Kargo, Octopus Deploy, Rundeck, ServiceNow. Those about one moment are in the calendar's own tests.

use super::*;
use crate::{calendar::WindowScope, given::names, reason::Refusal};
use interlock_ids::ExceptionId;

const FROM: &str = "2026-03-02T12:00:00Z";
const UNTIL: &str = "2026-03-03T06:00:00Z";

fn once(start: &str, end: &str) -> Schedule {
    Schedule::Once { start: time(start), end: time(end) }
}

fn recurring(start: &str, zone: &str, hours: u32, rule: &str) -> Schedule {
    let start = start.parse().expect("a wall-clock time");
    Schedule::Recurring {
        start,
        zone: zone.into(),
        length_s: hours * 3600,
        rule: rule.into(),
        plus: vec![],
        except: vec![],
    }
}

fn window(title: &str, kind: WindowKind, schedule: Schedule) -> Window {
    Window {
        name: name(title),
        kind,
        schedule,
        scope: WindowScope::default(),
        reason: format!("because of {title}"),
        customer: None,
        exceptions_by: None,
        holds_rollback: false,
    }
}

fn put(it: &mut Given, windows: Vec<Window>) {
    let calendar = Calendar { name: name("finance"), owner: name("controlling"), source: "manifest".into(), windows };
    it.ok("admin", calendar::Command::PutCalendar { calendar });
}

/// A freeze to which approvers may grant exceptions.
fn exceptable(schedule: Schedule) -> Window {
    Window { exceptions_by: Some(name("approver")), ..window("close", WindowKind::Freeze, schedule) }
}

fn plan(it: &mut Given, release: ReleaseId, start: &str) -> Refusal {
    it.refused("rita", Command::Plan { release, start: time(start) })
}

fn planned(it: &Given, release: ReleaseId) -> bool {
    it.world.release.release(release).is_some_and(|it| it.window.is_some() && it.plan_closed.is_empty())
}

fn ask(it: &mut Given, release: ReleaseId, occurrence: &str, until: &str) -> (ExceptionId, calendar::Command) {
    let (exception, reason) = (it.fresh(), it.note());
    let (occurrence, until) = (time(occurrence), time(until));
    let (calendar, window) = (name("finance"), name("close"));
    (exception, calendar::Command::AskException { exception, release, calendar, window, occurrence, until, reason })
}

fn grant(it: &mut Given, exception: ExceptionId, grant: bool) -> calendar::Command {
    calendar::Command::DecideException { exception, grant, reason: it.note() }
}

/// An exception that Rita asked for and Amir granted.
fn except(it: &mut Given, release: ReleaseId, occurrence: &str, until: &str) -> ExceptionId {
    let (exception, command) = ask(it, release, occurrence, until);
    it.ok("rita", command);
    let command = grant(it, exception, true);
    it.ok("amir", command);
    exception
}

fn held(it: &Given, deployment: DeploymentId) -> Vec<String> {
    let found = it.world.deployment.deployment(deployment).expect("the deployment is there");
    found.held.iter().map(|it| it.code.clone()).collect()
}

fn in_staging(it: &mut Given, release: &str) -> ReleaseId {
    let id = it.fresh();
    let mut spec = spec(it, release, NEW);
    spec.environment = name("staging");
    spec.model = Model::BigBang;
    it.ok("rita", Command::Draft { release: id, spec });
    id
}

// ------------------------------------------------------------------ what is wanted at all

/// Kargo 1328; Flux 748 and 2712, Helm controller 1232, source controller 531: a change-freeze button.
#[test]
fn kargo_1328_flux_748_a_holiday_a_freeze_of_the_books_and_an_emergency_stop_each_stop_a_stage() {
    for kind in [WindowKind::Holiday, WindowKind::FiscalClose, WindowKind::Freeze] {
        let mut it = shop();
        put(&mut it, vec![window("w", kind, once(FROM, UNTIL))]);
        let (release, _) = drafted(&mut it, "r1", NEW);
        assert_eq!(codes(&plan(&mut it, release, FROM)), ["calendar-closed"], "{kind:?}");
        it.ok("rita", Command::Plan { release, start: time(UNTIL) });
    }
    let mut it = shop();
    let (_, deployment) = deploying(&mut it, "r1", NEW);
    let (lockdown, reason) = (it.fresh(), it.note());
    it.ok("rita", calendar::Command::CallLockdown { lockdown, scope: WindowScope::default(), reason });
    assert!(lease(&mut it).is_empty());
    assert_eq!(held(&it, deployment), ["calendar-closed"]);
    it.ok("rita", calendar::Command::LiftLockdown { lockdown });
    assert!(!lease(&mut it).is_empty());
}

/// Kargo 5544, Flux 3164: changes are taken in during maintenance windows only.
#[test]
fn kargo_5544_flux_3164_a_change_waits_for_its_maintenance_window() {
    let mut it = shop();
    let saturday = recurring("2026-03-07T20:00", "Europe/Berlin", 4, "FREQ=WEEKLY;BYDAY=SA");
    put(&mut it, vec![window("saturday", WindowKind::Maintenance, saturday)]);
    let (release, change) = drafted(&mut it, "r1", NEW);
    let refusal = plan(&mut it, release, "2026-03-04T12:00:00Z");
    assert_eq!((codes(&refusal), refusal.slots[0].start), (vec!["calendar-closed"], time("2026-03-07T19:00:00Z")));
    it.ok("rita", Command::Plan { release, start: time("2026-03-07T19:30:00Z") });
    it.ok("rita", Command::Freeze { release });
    approve(&mut it, "amir", change);
    it.ok("rita", Command::Authorise { release });
    let deployment = it.fresh();
    let early = it.refused("olu", deployment::Command::Start { deployment, release });
    assert_eq!(codes(&early), ["no-valid-permit"], "its permit is good from the beginning of the window on");
    it.at("2026-03-07T19:30:00Z").ok("olu", deployment::Command::Start { deployment, release });
    assert!(!lease(&mut it).is_empty());
}

/// GitOps Promoter 1734: only in the hours of the place.
#[test]
fn gitops_promoter_1734_a_window_is_in_the_hours_of_its_place_all_year() {
    let mut it = shop();
    let hours = recurring("2026-01-05T09:00", "America/New_York", 8, "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR");
    put(&mut it, vec![window("office", WindowKind::Maintenance, hours)]);
    let (release, _) = drafted(&mut it, "r1", NEW);
    // The clocks there go forward on 8 March 2026: nine o'clock is at 14:00 UTC before, and at 13:00 UTC after.
    assert_eq!(codes(&plan(&mut it, release, "2026-03-06T13:00:00Z")), ["calendar-closed"]);
    it.ok("rita", Command::Plan { release, start: time("2026-03-06T14:00:00Z") });
    it.ok("rita", Command::Plan { release, start: time("2026-03-09T13:00:00Z") });
    assert_eq!(codes(&plan(&mut it, release, "2026-03-09T12:59:59Z")), ["calendar-closed"]);
}

/// Rundeck 3549: a temporary blackout.
#[test]
fn rundeck_3549_a_temporary_blackout_ends_by_itself() {
    let mut it = shop();
    put(&mut it, vec![window("move", WindowKind::Freeze, once("2026-03-02T08:00:00Z", "2026-03-02T10:00:00Z"))]);
    let (release, _) = drafted(&mut it, "r1", NEW);
    assert_eq!(codes(&plan(&mut it, release, "2026-03-02T09:00:00Z")), ["calendar-closed"]);
    it.at("2026-03-02T10:00:00Z").ok("rita", Command::Plan { release, start: time("2026-03-02T10:00:00Z") });
}

// ------------------------------------------------------------------ evaluated at the moment of each step

/// Argo CD 11817: progressive syncs ignore deny windows, and whoever may edit the status gets past them.
#[test]
fn argocd_11817_no_wave_begins_in_a_freeze_whatever_state_its_deployment_is_brought_into() {
    let mut it = shop();
    let (_, deployment) = deploying(&mut it, "r1", NEW);
    run(&mut it);
    put(&mut it, vec![window("close", WindowKind::Freeze, once("2026-03-02T09:00:00Z", UNTIL))]);
    conclude(&mut it, deployment, Verdict::Pass);
    assert!(run(&mut it).is_empty(), "the next wave is not begun");
    let reason = it.note();
    it.ok("olu", deployment::Command::Pause { deployment, reason });
    it.ok("olu", deployment::Command::Resume { deployment });
    it.system(deployment::Command::Wake { deployment });
    assert!(run(&mut it).is_empty());
    assert_eq!(held(&it, deployment), ["calendar-closed"]);
}

/// Argo CD 29307: a sync begins in a denied window and occupies the slot that others wait for.
#[test]
fn argocd_29307_what_may_not_begin_keeps_no_place_that_others_need() {
    let mut it = shop();
    let (release, change) = frozen(&mut it, "r1", NEW);
    approve(&mut it, "amir", change);
    it.ok("rita", Command::Authorise { release });
    let mut close = window("close", WindowKind::Freeze, once("2026-03-02T09:00:00Z", UNTIL));
    close.scope.environments = names(&["production"]);
    put(&mut it, vec![close]);
    let deployment = it.fresh();
    it.refused("olu", deployment::Command::Start { deployment, release });
    assert!(it.world.deployment.running_in(&name("production")).is_none(), "nothing runs there");
    let other = in_staging(&mut it, "r2");
    let start = it.now;
    it.ok("rita", Command::Plan { release: other, start });
    assert!(planned(&it, other), "another environment is not concerned");
}

/// Argo CD 21692: what was held does not go on when the deny window ends.
#[test]
fn argocd_21692_what_was_held_goes_on_by_itself_when_the_window_ends() {
    let mut it = shop();
    let (_, deployment) = deploying(&mut it, "r1", NEW);
    put(&mut it, vec![window("short", WindowKind::Freeze, once("2026-03-02T09:05:00Z", "2026-03-02T09:20:00Z"))]);
    it.at("2026-03-02T09:06:00Z");
    assert!(lease(&mut it).is_empty());
    assert_eq!(held(&it, deployment), ["calendar-closed"]);
    it.at("2026-03-02T09:20:00Z");
    let due = |it: &Given| {
        let woken = owed(&it.world).into_iter().filter_map(|due| match due {
            Obligation::WakeDeployment { deployment: of, at, .. } if of == deployment => Some(at),
            _ => None,
        });
        woken.min().is_some_and(|at| at <= it.now)
    };
    assert!(due(&it), "nobody has to ask");
    it.system(deployment::Command::Wake { deployment });
    assert_eq!(held(&it, deployment), Vec::<String>::new());
    assert!(!lease(&mut it).is_empty());
}

/// Argo CD 26215 and 25361: at the end of its window a sync is stuck, and nobody can do anything about it.
#[test]
fn argocd_26215_25361_what_a_window_stopped_half_way_can_be_taken_back_or_aborted() {
    for abort in [false, true] {
        let mut it = shop();
        let (release, deployment) = deploying(&mut it, "r1", NEW);
        let (_, reports): (Vec<_>, Vec<_>) = lease(&mut it).into_iter().unzip();
        put(&mut it, vec![window("close", WindowKind::Freeze, once("2026-03-02T09:00:00Z", UNTIL))]);
        report(&mut it, reports);
        assert!(lease(&mut it).is_empty());
        let reason = it.note();
        if abort {
            it.ok("olu", deployment::Command::Abort { deployment, reason: Some(reason) });
            assert_eq!(status(&it, deployment), Status::Aborted);
        } else {
            let cause = rollback::Cause::Person { account: it.id("olu") };
            it.ok("olu", rollback::Command::Start { release, cause, reason: Some(reason) });
            assert!(!lease(&mut it).is_empty(), "the way back is open");
        }
    }
}

/// GitLab 336354: a freeze does not hold for pipelines that exist already.
#[test]
fn gitlab_336354_a_freeze_entered_later_holds_for_what_was_planned_authorised_and_begun_before() {
    let close = || window("close", WindowKind::Freeze, once("2026-03-02T09:00:00Z", UNTIL));
    let mut it = shop();
    let (release, _) = frozen(&mut it, "r1", NEW);
    put(&mut it, vec![close()]);
    assert!(!planned(&it, release));

    let mut it = shop();
    let (release, change) = frozen(&mut it, "r1", NEW);
    approve(&mut it, "amir", change);
    it.ok("rita", Command::Authorise { release });
    put(&mut it, vec![close()]);
    assert_eq!(stage(&it, release), Stage::Frozen, "its permit was revoked");

    let mut it = shop();
    let (_, deployment) = deploying(&mut it, "r1", NEW);
    put(&mut it, vec![close()]);
    assert!(lease(&mut it).is_empty());
    assert_eq!(held(&it, deployment), ["calendar-closed"]);
}

/// Octopus 9599: not the time that was planned is judged.
#[test]
fn octopus_9599_the_time_that_is_planned_is_judged_and_not_the_time_of_asking() {
    let mut it = shop();
    put(&mut it, vec![window("now", WindowKind::Freeze, once("2026-03-02T08:00:00Z", FROM))]);
    let (release, _) = drafted(&mut it, "r1", NEW);
    it.ok("rita", Command::Plan { release, start: time(FROM) });
    assert_eq!(codes(&plan(&mut it, release, "2026-03-02T11:30:00Z")), ["calendar-closed"]);
}

// ------------------------------------------------------------------ who, why, and all of it

/// Argo CD 22403: nobody knows who made a window, or why.
#[test]
fn argocd_22403_whoever_is_stopped_hears_whose_window_it_is_from_where_and_why() {
    let mut it = shop();
    put(&mut it, vec![window("close", WindowKind::Freeze, once(FROM, UNTIL))]);
    let (release, _) = drafted(&mut it, "r1", NEW);
    let refusal = plan(&mut it, release, FROM);
    let blocker = &refusal.blockers[0];
    assert_eq!(blocker.who, "controlling (source: manifest)");
    assert!(blocker.message.contains("`close` of calendar `finance`") && blocker.message.contains("because of close"));
    assert_eq!(blocker.by, Some(time(UNTIL)));
    let entries = it.world.trail.of(&crate::core::Subject::Calendar(name("finance"))).count();
    assert_eq!(entries, 1, "the entry says who entered it");
}

/// ServiceNow community 3112618 and 898518: the conflict check shows one of eighty; a blackout of a business service cannot be said.
#[test]
fn servicenow_3112618_898518_a_refusal_names_every_window_and_a_window_may_be_about_one_service() {
    let mut it = shop();
    it.service("books", &[]);
    let windows = (0..80).map(|n| {
        let mut window = window(&format!("w{n}"), WindowKind::Freeze, once(FROM, UNTIL));
        window.scope.services = names(&["checkout"]);
        window
    });
    let mut other = window("other", WindowKind::Freeze, once(FROM, UNTIL));
    other.scope.services = names(&["books"]);
    put(&mut it, windows.chain([other]).collect());
    let (release, _) = drafted(&mut it, "r1", NEW);
    let refusal = plan(&mut it, release, FROM);
    assert_eq!(refusal.blockers.len(), 80);
    assert!(refusal.blockers.iter().all(|it| !it.message.contains("other")));
}

// ------------------------------------------------------------------ exceptions

/// Argo CD 8470: a single application is to be let through.
#[test]
fn argocd_8470_one_release_is_let_through_and_no_other() {
    let mut it = shop();
    put(&mut it, vec![exceptable(once(FROM, UNTIL))]);
    let ((one, _), (other, _)) = (drafted(&mut it, "r1", NEW), drafted(&mut it, "r2", NEW));
    let refusal = plan(&mut it, one, FROM);
    assert!(refusal.blockers[0].clears.contains("exception") && refusal.blockers[0].clears.contains(FROM));
    except(&mut it, one, FROM, UNTIL);
    it.ok("rita", Command::Plan { release: one, start: time(FROM) });
    assert_eq!(codes(&plan(&mut it, other, FROM)), ["calendar-closed"]);
}

/// Octopus 8793: an override fails where there is more than one environment.
#[test]
fn octopus_8793_a_freeze_of_two_environments_is_excepted_in_each() {
    let mut it = shop();
    put(&mut it, vec![exceptable(once(FROM, UNTIL))]);
    let (production, _) = drafted(&mut it, "r1", NEW);
    let staging = in_staging(&mut it, "r2");
    for release in [production, staging] {
        except(&mut it, release, FROM, UNTIL);
        it.ok("rita", Command::Plan { release, start: time(FROM) });
    }
}

/// Octopus 9173: recurring freezes, and what was overridden each time.
#[test]
fn octopus_9173_a_recurring_freeze_is_excepted_one_occurrence_at_a_time() {
    let mut it = shop();
    put(&mut it, vec![exceptable(recurring("2026-03-02T22:00", "UTC", 6, "FREQ=DAILY"))]);
    let (release, _) = drafted(&mut it, "r1", NEW);
    let exception = except(&mut it, release, "2026-03-03T22:00:00Z", "2026-03-04T04:00:00Z");
    it.ok("rita", Command::Plan { release, start: time("2026-03-03T23:00:00Z") });
    for other in ["2026-03-02T23:00:00Z", "2026-03-04T23:00:00Z"] {
        assert_eq!(codes(&plan(&mut it, release, other)), ["calendar-closed"], "{other}");
    }
    let known = it.world.calendar.exception(exception).expect("it is there");
    let decided = known.decided.as_ref().expect("it was decided");
    assert_eq!((known.asked_by, decided.by), (Some(it.id("rita")), Some(it.id("amir"))));
    assert_eq!(known.occurrence, time("2026-03-03T22:00:00Z"));
}

/// GitLab 198403: an override is wanted. It is another person's decision, with the role that the window names, and it ends.
#[test]
fn gitlab_198403_an_exception_is_anothers_decision_by_a_named_role_and_it_ends() {
    let mut it = shop();
    put(&mut it, vec![exceptable(once(FROM, UNTIL))]);
    it.account("rita", &["release-manager", "approver"]);
    let (release, _) = drafted(&mut it, "r1", NEW);
    let (exception, command) = ask(&mut it, release, FROM, "2026-03-02T20:00:00Z");
    it.ok("rita", command);
    assert_eq!(codes(&plan(&mut it, release, FROM)), ["calendar-closed"], "asking opens nothing");
    let command = grant(&mut it, exception, true);
    assert_eq!(codes(&it.refused("rita", command.clone())), ["segregation.exception-requester"]);
    assert_eq!(codes(&it.refused("olu", command.clone())), ["base.not-the-named-role"]);
    it.ok("amir", command.clone());
    assert_eq!(codes(&it.refused("bea", command)), ["already-decided"]);
    it.ok("rita", Command::Plan { release, start: time("2026-03-02T19:00:00Z") });
    assert_eq!(
        codes(&plan(&mut it, release, "2026-03-02T19:00:01Z")),
        ["calendar-closed"],
        "it ends before the release would"
    );
    let reason = it.note();
    it.ok("rita", calendar::Command::EndException { exception, reason });
    assert!(!planned(&it, release), "taken back, it opens nothing, and whoever planned is told");
}

#[test]
fn an_exception_is_to_one_window_and_whatever_overlaps_it_stays_shut() {
    let mut it = shop();
    let longer = window("longer", WindowKind::Freeze, once("2026-03-02T13:00:00Z", UNTIL));
    put(&mut it, vec![exceptable(once(FROM, UNTIL)), longer]);
    let (release, _) = drafted(&mut it, "r1", NEW);
    except(&mut it, release, FROM, UNTIL);
    let refusal = plan(&mut it, release, "2026-03-02T12:30:00Z");
    assert!(refusal.blockers.len() == 1 && refusal.blockers[0].message.contains("longer"));
    it.ok("rita", Command::Plan { release, start: time(FROM) });
    let (lockdown, reason) = (it.fresh(), it.note());
    it.ok("rita", calendar::Command::CallLockdown { lockdown, scope: WindowScope::default(), reason });
    assert!(!planned(&it, release), "a lockdown knows no exceptions");
}

#[test]
fn an_exception_is_worth_nothing_once_its_window_is_moved_or_lets_nobody_through_any_more() {
    let moved = || exceptable(once("2026-03-02T12:30:00Z", UNTIL));
    let strict = || Window { exceptions_by: None, ..exceptable(once(FROM, UNTIL)) };
    let other = || Window { exceptions_by: Some(name("auditor")), ..exceptable(once(FROM, UNTIL)) };
    for edited in [moved(), strict(), other()] {
        let mut it = shop();
        put(&mut it, vec![exceptable(once(FROM, UNTIL))]);
        let (release, _) = drafted(&mut it, "r1", NEW);
        except(&mut it, release, FROM, UNTIL);
        it.ok("rita", Command::Plan { release, start: time(FROM) });
        assert!(planned(&it, release));
        put(&mut it, vec![edited]);
        assert!(!planned(&it, release));
    }
}

#[test]
fn an_exception_that_cannot_be_is_refused_with_everything_that_is_wrong_with_it() {
    let mut it = shop();
    it.service("books", &[]);
    let mut other = window("close", WindowKind::Freeze, once(FROM, UNTIL));
    other.scope.services = names(&["books"]);
    put(&mut it, vec![other]);
    let (release, _) = drafted(&mut it, "r1", NEW);
    let (_, command) = ask(&mut it, release, "2026-03-02T12:00:01Z", UNTIL);
    assert_eq!(codes(&it.refused("rita", command)), ["not-concerned", "no-exceptions", "no-occurrence"]);
    put(&mut it, vec![exceptable(once(FROM, UNTIL))]);
    let (_, command) = ask(&mut it, release, FROM, "2026-03-03T06:00:01Z");
    assert_eq!(codes(&it.refused("rita", command)), ["exception-end"]);
    let (_, command) = ask(&mut it, release, FROM, UNTIL);
    assert_eq!(it.refused("olu", command.clone()).kind, RefusalKind::Denied);
    it.ok("rita", command.clone());
    let (_, again) = ask(&mut it, release, FROM, UNTIL);
    assert_eq!(codes(&it.refused("rita", again)), ["exception-there"]);
}

// ------------------------------------------------------------------ the way back

#[test]
fn a_window_holds_the_way_back_only_if_it_says_so_and_lets_it_go_on_at_its_end() {
    for holds in [false, true] {
        let mut it = shop();
        let (release, _) = deploying(&mut it, "r1", NEW);
        let (_, reports): (Vec<_>, Vec<_>) = lease(&mut it).into_iter().unzip();
        let mut close = window("close", WindowKind::Freeze, once("2026-03-02T09:00:00Z", "2026-03-02T09:30:00Z"));
        close.holds_rollback = holds;
        put(&mut it, vec![close]);
        report(&mut it, reports);
        let (cause, reason) = (rollback::Cause::Person { account: it.id("olu") }, Some(it.note()));
        it.ok("olu", rollback::Command::Start { release, cause, reason });
        assert_eq!(lease(&mut it).is_empty(), holds);
        it.at("2026-03-02T09:30:00Z");
        let back = it.world.deployment.running.iter().next().copied().expect("the way back runs");
        it.system(deployment::Command::Wake { deployment: back });
        assert!(!lease(&mut it).is_empty());
    }
}
