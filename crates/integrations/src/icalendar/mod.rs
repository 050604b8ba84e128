//! Calendars of other programs (RFC 5545) as windows.
//!
//! Invariants: an event becomes windows or is left out with a reason, never half; the same file gives the same windows with the
//! same names, so that a second import of it changes nothing; text that is no iCalendar object is an error and changes nothing.
//! A moment without a zone, and a day without a time, are of the zone that the importer states. A time zone is looked up by its
//! name in our own database; what a file itself says of a zone of that name (`VTIMEZONE`) is not believed.
//! Deliberately absent: fetching, tasks, journals, alarms, free/busy, and changes to "this and all that follow".

mod event;
mod feed;
#[cfg(test)]
mod tests;

pub use feed::HttpFeeds;

use calcard::{
    Entry, Parser,
    common::timezone::Tz,
    icalendar::{
        ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarParameterName, ICalendarParameterValue,
        ICalendarProperty, ICalendarStatus,
    },
};
use interlock_domain::calendar::{Window, WindowKind, WindowScope};
use jiff::{civil::DateTime, tz::TimeZone};
use std::collections::BTreeMap;

/// The largest file, in bytes.
pub const LARGEST: usize = 4 * 1024 * 1024;
/// Events of one file; more windows than a calendar may have would be refused later anyway.
const EVENTS: usize = 10_000;

/// What a file does not say itself.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What its events are, unless a category of an event names a kind of window.
    pub kind: WindowKind,
    /// IANA name: of moments without a zone, and of whole days.
    pub zone: String,
    /// What all of its windows are about.
    pub scope: WindowScope,
}

/// An event that has become no window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    pub uid: String,
    pub summary: String,
    pub why: String,
}

/// What a file has to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// By name.
    pub windows: Vec<Window>,
    pub left_out: Vec<LeftOut>,
}

/// Why a file cannot be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the file has {0} bytes, and {LARGEST} are the most")]
    TooLarge(usize),
    #[error("this is no iCalendar file (RFC 5545): {0}")]
    NotACalendar(String),
    #[error("the file is not UTF-8 as RFC 5545 asks for: byte {0} cannot be read")]
    Encoding(usize),
    #[error("the file has more than {EVENTS} events")]
    TooMany,
    #[error("`{0}` is not a time zone of the IANA database; write it as `Europe/Berlin`")]
    Zone(String),
}

/// Reads a file. Every event is a window or is left out with a reason.
///
/// # Errors
/// It is too large, no iCalendar object, has too many events, or the zone of the settings is unknown.
pub fn read(text: &str, settings: &Settings) -> Result<Reading, Unreadable> {
    if text.len() > LARGEST {
        return Err(Unreadable::TooLarge(text.len()));
    }
    let zone = jiff::tz::db().get(&settings.zone).map_err(|_| Unreadable::Zone(settings.zone.clone()))?;
    let mut reading = Reading::default();
    let mut windows = BTreeMap::new();
    let mut events = 0;
    for calendar in parse(text)? {
        let source = Source { calendar: &calendar, settings, zone: &zone };
        for (uid, parts) in source.series() {
            events += parts.len();
            if events > EVENTS {
                return Err(Unreadable::TooMany);
            }
            source.one(&uid, &parts, &mut windows, &mut reading.left_out);
        }
    }
    reading.windows = windows.into_values().collect();
    Ok(reading)
}

/// The text of a file: UTF-8, with or without a mark at its beginning.
///
/// # Errors
/// It is in another encoding.
pub fn decoded(bytes: &[u8]) -> Result<&str, Unreadable> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| Unreadable::Encoding(error.valid_up_to()))
}

fn parse(text: &str) -> Result<Vec<ICalendar>, Unreadable> {
    let not = |why: String| Unreadable::NotACalendar(why);
    // The parser is lenient about an end that is missing; whoever imports half a calendar would open what the rest closes.
    let count = |line: &str| text.lines().filter(|it| it.trim_end().eq_ignore_ascii_case(line)).count();
    if count("BEGIN:VCALENDAR") > count("END:VCALENDAR") || count("BEGIN:VEVENT") > count("END:VEVENT") {
        return Err(not("what is begun is not ended: the file seems to be cut short".into()));
    }
    let mut parser = Parser::new(text);
    let mut found = Vec::new();
    loop {
        match parser.entry() {
            Entry::ICalendar(it) => found.push(it),
            Entry::Eof if found.is_empty() => return Err(not("it holds no VCALENDAR".into())),
            Entry::Eof => return Ok(found),
            Entry::VCard(_) => return Err(not("it holds a business card (vCard)".into())),
            Entry::InvalidLine(line) => {
                let shown: String = line.chars().take(60).collect();
                return Err(not(format!("`{shown}` stands where BEGIN:VCALENDAR is expected")));
            }
            Entry::UnexpectedComponentEnd { expected, found } => {
                return Err(not(format!("END:{} stands where END:{} is expected", found.as_str(), expected.as_str())));
            }
            Entry::UnterminatedComponent(name) => {
                return Err(not(format!("{name} is not ended: the file seems to be cut short")));
            }
            Entry::TooManyComponents => return Err(not("it is nested too deeply or has too many parts".into())),
            // The parser may come to tell more.
            _ => return Err(not("it cannot be read".into())),
        }
    }
}

/// The parts of one series: the event itself, and occurrences that were moved or changed.
#[derive(Default)]
struct Series<'a> {
    master: Option<&'a ICalendarComponent>,
    changed: Vec<&'a ICalendarComponent>,
}

impl Series<'_> {
    fn len(&self) -> usize {
        usize::from(self.master.is_some()) + self.changed.len()
    }
}

struct Source<'a> {
    calendar: &'a ICalendar,
    settings: &'a Settings,
    zone: &'a TimeZone,
}

impl<'a> Source<'a> {
    /// Events by UID; one without a UID is a series of its own, named by its place.
    fn series(&self) -> BTreeMap<String, Series<'a>> {
        let mut series: BTreeMap<String, Series> = BTreeMap::new();
        let events = self.calendar.components.iter().enumerate();
        for (place, it) in events.filter(|(_, it)| it.component_type == ICalendarComponentType::VEvent) {
            let uid = it.uid().map_or_else(|| format!("event {place}"), str::to_owned);
            let entry = series.entry(uid).or_default();
            if it.is_recurrence_override() {
                entry.changed.push(it);
            } else if entry.master.is_none() {
                entry.master = Some(it);
            } else {
                // A UID that is used twice is a mistake of the program that wrote the file; both are kept.
                series.entry(format!("{} ({place})", it.uid().unwrap_or("event"))).or_default().master = Some(it);
            }
        }
        series
    }

    fn one(&self, uid: &str, series: &Series<'a>, windows: &mut BTreeMap<String, Window>, left_out: &mut Vec<LeftOut>) {
        let mut leave = |it: &ICalendarComponent, why: String| {
            left_out.push(LeftOut { uid: uid.to_owned(), summary: event::text(it, &ICalendarProperty::Summary), why });
        };
        let mut except = Vec::new();
        let mut moved = Vec::new();
        for it in &series.changed {
            match self.changed(it) {
                Ok((at, whole)) => {
                    except.push(at);
                    moved.extend(whole.then_some((at, *it)));
                }
                Err(why) => {
                    // What replaces an occurrence cannot be told, so the series cannot be either.
                    leave(it, why.clone());
                    if let Some(master) = series.master {
                        leave(
                            master,
                            format!("one of its occurrences was changed in a way that cannot be read: {why}"),
                        );
                    }
                    return;
                }
            }
        }
        if let Some(master) = series.master.filter(|it| !cancelled(it)) {
            match self.window(uid, None, master, &except) {
                Ok(window) => drop(windows.insert(window.name.to_string(), window)),
                Err(why) => return leave(master, why),
            }
        }
        for (at, it) in moved {
            match self.window(uid, Some(at), it, &[]) {
                Ok(window) => drop(windows.insert(window.name.to_string(), window)),
                Err(why) => leave(it, why),
            }
        }
    }

    /// Which occurrence a change replaces, on the clock on the wall of its zone, and whether something stands in its place.
    fn changed(&self, it: &ICalendarComponent) -> Result<(DateTime, bool), String> {
        let entry = it.property(&ICalendarProperty::RecurrenceId).ok_or("it has no RECURRENCE-ID")?;
        let following = entry.params.iter().any(|param| param.name == ICalendarParameterName::Range);
        if following {
            return Err("it changes this occurrence and all that follow (RANGE), which is not supported".into());
        }
        let at = self.moment(entry)?.first().map(|at| at.wall).ok_or("its RECURRENCE-ID is no date")?;
        Ok((at, !cancelled(it)))
    }

    /// The zone named by a property, and how it is written in a schedule.
    fn zone_of(&self, entry: &calcard::icalendar::ICalendarEntry) -> Result<(TimeZone, String), String> {
        let tzid = entry.params.iter().find_map(|param| match (&param.name, &param.value) {
            (ICalendarParameterName::Tzid, ICalendarParameterValue::Text(name)) => Some(name.as_str()),
            _ => None,
        });
        let Some(tzid) = tzid else { return Ok((self.zone.clone(), self.settings.zone.clone())) };
        let unknown = || format!("its time zone `{tzid}` is not one of the IANA database");
        let name = match jiff::tz::db().get(tzid) {
            Ok(_) => tzid.to_owned(),
            Err(_) => match tzid.parse::<Tz>() {
                Ok(known @ Tz::Tz(_)) => known.name().ok_or_else(unknown)?.into_owned(),
                Ok(Tz::Fixed(_) | Tz::Floating) | Err(()) => return Err(unknown()),
            },
        };
        let zone = jiff::tz::db().get(&name).map_err(|_| unknown())?;
        Ok((zone, name))
    }
}

fn cancelled(it: &ICalendarComponent) -> bool {
    matches!(it.status(), Some(ICalendarStatus::Cancelled))
}
