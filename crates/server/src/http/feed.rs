//! Feeds: from which address a calendar is filled.

use super::calendar::{kind_in, kind_out, scope_in, scope_out};
use crate::{
    act::{self, Done},
    auth::Caller,
    extract::{At, Body, Key, parse},
    lens::Lens,
    problem::{Answer, Failure},
    state::App,
};
use axum::extract::State;
use interlock_domain::{
    calendar::{self, Command as Calendars},
    core::{Command, Subject},
};
use interlock_ids::Name;
use interlock_wire::{
    calendar::{Feed, FeedRequest},
    length::Length,
    reason::{Nothing, Receipt},
};

pub fn show(it: &calendar::Fed) -> Feed {
    let read = it.read.as_ref().map(|(_, read)| read);
    let names = |of: fn(&calendar::Read) -> &Vec<Name>| {
        read.map_or_else(Vec::new, |read| of(read).iter().map(Name::to_string).collect())
    };
    Feed {
        address: it.feed.address.clone(),
        kind: kind_out(it.feed.kind),
        zone: it.feed.zone.clone(),
        scope: scope_out(&it.feed.scope),
        every: Length(it.feed.every_s),
        changed_at: it.read.as_ref().map(|(at, _)| *at),
        added: names(|read| &read.added),
        changed: names(|read| &read.changed),
        removed: names(|read| &read.removed),
        counts: read.map_or([0; 3], |read| read.counts),
        left_out: read.map_or(0, |read| read.left_out),
        failing: it.failing.clone(),
        failing_since: it.failing_since,
    }
}

/// Fills a calendar from an address, now and again and again. It is made if there is none of that name.
#[utoipa::path(post, path = "/calendars/{calendar}/subscribe", params(("calendar" = String, Path)), request_body = FeedRequest, responses((status = 200, body = Receipt)))]
pub async fn put_feed(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(name): At<String>,
    Body(it): Body<FeedRequest>,
) -> Answer<Done> {
    let calendar: Name = parse("calendar", &name)?;
    let feed = calendar::Feed {
        calendar: calendar.clone(),
        owner: parse("owner", &it.owner)?,
        address: it.address,
        kind: kind_in(it.kind),
        zone: it.zone,
        scope: scope_in("scope", &it.scope)?,
        every_s: it.every.0,
    };
    let about = Some(Lens::new(&app, &caller).subject(&Subject::Calendar(calendar)));
    act::carry_out(&app, &caller, key, about, Command::Calendar(Calendars::PutFeed { feed })).await
}

/// Leaves a calendar as it is, and reads no more.
#[utoipa::path(post, path = "/calendars/{calendar}/unsubscribe", params(("calendar" = String, Path)), request_body = Nothing, responses((status = 200, body = Receipt)))]
pub async fn remove_feed(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(name): At<String>,
    Body(_nothing): Body<Nothing>,
) -> Answer<Done> {
    let calendar: Name = parse("calendar", &name)?;
    let about = Some(Lens::new(&app, &caller).subject(&Subject::Calendar(calendar.clone())));
    act::carry_out(&app, &caller, key, about, Command::Calendar(Calendars::RemoveFeed { calendar })).await
}

/// Removes a calendar: its windows hold no more, and nothing is read for it.
#[utoipa::path(post, path = "/calendars/{calendar}/remove", params(("calendar" = String, Path)), request_body = Nothing, responses((status = 200, body = Receipt)))]
pub async fn remove_calendar(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(name): At<String>,
    Body(_nothing): Body<Nothing>,
) -> Answer<Done> {
    let calendar: Name = parse("calendar", &name)?;
    let about = Some(Lens::new(&app, &caller).subject(&Subject::Calendar(calendar.clone())));
    act::carry_out(&app, &caller, key, about, Command::Calendar(Calendars::RemoveCalendar { calendar })).await
}

/// Reads a feed now, without waiting for its time. Answers with what has been found; the same rules hold as for any reading.
#[utoipa::path(post, path = "/calendars/{calendar}/refresh", params(("calendar" = String, Path)), request_body = Nothing, responses((status = 200, body = Feed)))]
pub async fn refresh_feed(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
    Body(_nothing): Body<Nothing>,
) -> Answer<axum::Json<Feed>> {
    let calendar: Name = parse("calendar", &name)?;
    let unknown = || Failure::not_found("feed of calendar", &name);
    let known = app.engine().world().calendar.feed(&calendar).cloned().ok_or_else(unknown)?;
    // Whoever may enter the same feed again may have it read.
    let again = Command::Calendar(Calendars::PutFeed { feed: known.feed.clone() });
    app.engine().try_out(&caller.actor, &again)?;
    app.engine().read_feed(&known.feed, known.fence).await;
    app.engine().world().calendar.feed(&calendar).map(|it| axum::Json(show(it))).ok_or_else(unknown)
}
