//! One event as a window.

use super::Source;
use calcard::{
    common::PartialDateTime,
    icalendar::{
        ICalendarComponent, ICalendarDuration, ICalendarEntry, ICalendarParameterName, ICalendarProperty,
        ICalendarValue,
    },
};
use interlock_domain::calendar::{Schedule, Window, WindowKind};
use interlock_ids::Name;
use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use sha2::{Digest, Sha256};

/// Characters of a summary that are kept as a window's reason.
const REASON: usize = 500;
/// Categories with which Interlock's own feed marks what is no window.
const NO_WINDOWS: [&str; 3] = ["release", "claim", "lockdown"];

/// A moment as a file states it.
pub(super) struct Moment {
    /// On the clock on the wall of the zone.
    pub wall: DateTime,
    pub zone: TimeZone,
    pub zone_name: String,
    /// A day without a time.
    pub day: bool,
}

impl Moment {
    fn instant(&self) -> Result<Timestamp, String> {
        let at = self.zone.to_ambiguous_timestamp(self.wall).compatible();
        at.map_err(|_| format!("{} is out of range", self.wall))
    }
}

pub(super) fn text(it: &ICalendarComponent, property: &ICalendarProperty) -> String {
    let value = it.property(property).and_then(|entry| entry.values.first());
    let text = match value {
        Some(ICalendarValue::Text(text)) => text.as_str(),
        _ => "",
    };
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(REASON).collect::<String>().trim().to_owned()
}

impl Source<'_> {
    /// The window of an event, or why it is none.
    pub(super) fn window(
        &self,
        uid: &str,
        at: Option<DateTime>,
        it: &ICalendarComponent,
        except: &[DateTime],
    ) -> Result<Window, String> {
        let kind = match self.kind(it) {
            Ok(kind) => kind,
            Err(other) => return Err(format!("it is a {other} of an Interlock, not a window")),
        };
        let schedule = self.when(it, except)?;
        interlock_domain::calendar::validate(&schedule)?;
        Ok(Window {
            name: name(uid, at)?,
            kind,
            schedule,
            scope: self.settings.scope.clone(),
            reason: text(it, &ICalendarProperty::Summary),
            customer: None,
            exceptions_by: None,
            holds_rollback: false,
        })
    }

    /// The kind that a category names, or the kind of the import; what our own feed says is no window is an error.
    fn kind(&self, it: &ICalendarComponent) -> Result<WindowKind, &'static str> {
        let categories = it.properties(&ICalendarProperty::Categories).flat_map(|entry| entry.values.iter());
        for category in categories {
            let ICalendarValue::Text(category) = category else { continue };
            let word = category.trim().to_ascii_lowercase().replace([' ', '-'], "_");
            if let Some(none) = NO_WINDOWS.iter().find(|it| **it == word) {
                return Err(none);
            }
            match word.as_str() {
                "freeze" => return Ok(WindowKind::Freeze),
                "holiday" | "holidays" => return Ok(WindowKind::Holiday),
                "fiscal_close" => return Ok(WindowKind::FiscalClose),
                "maintenance" => return Ok(WindowKind::Maintenance),
                _ => {}
            }
        }
        Ok(self.settings.kind)
    }

    fn when(&self, it: &ICalendarComponent, except: &[DateTime]) -> Result<Schedule, String> {
        if it.has_property(&ICalendarProperty::Exrule) {
            return Err("it uses EXRULE, which RFC 5545 has withdrawn; use EXDATE".into());
        }
        let start = it.property(&ICalendarProperty::Dtstart).ok_or("it has no DTSTART")?;
        let start = self.moment(start)?.into_iter().next().ok_or("its DTSTART is no date")?;
        let length = self.length(it, &start)?;
        if length <= SignedDuration::ZERO {
            return Err("it ends when it begins, so it covers nothing".into());
        }
        let end = |wall: DateTime| wall.checked_add(length).map_err(|_| "its end is out of range".to_owned());
        let rules: Vec<&ICalendarEntry> = it.properties(&ICalendarProperty::Rrule).collect();
        let plus = self.dates(it, &ICalendarProperty::Rdate, &start)?;
        if rules.is_empty() && plus.is_empty() {
            if except.contains(&start.wall) {
                return Err("its only occurrence was replaced".into());
            }
            let until = Moment { wall: end(start.wall)?, ..start_of(&start) };
            return Ok(Schedule::Once { start: start.instant()?, end: until.instant()? });
        }
        let rule = match rules.as_slice() {
            [] => String::from("FREQ=DAILY;COUNT=1"),
            [rule] => match rule.values.first() {
                Some(ICalendarValue::RecurrenceRule(rule)) => rule.to_string(),
                _ => return Err("its RRULE cannot be read".into()),
            },
            _ => return Err("it has several RRULEs, of which RFC 5545 allows one".into()),
        };
        let mut without = self.dates(it, &ICalendarProperty::Exdate, &start)?;
        without.extend(except);
        without.sort();
        without.dedup();
        // The start counts (RFC 5545, 3.8.5.3), whether or not the rule would give it.
        let mut plus = plus;
        plus.insert(0, start.wall);
        let length_s = u32::try_from(length.as_secs()).map_err(|_| "it lasts longer than a window may")?;
        Ok(Schedule::Recurring { start: start.wall, zone: start.zone_name, length_s, rule, plus, except: without })
    }

    /// How long it lasts by the clock on the wall.
    fn length(&self, it: &ICalendarComponent, start: &Moment) -> Result<SignedDuration, String> {
        if let Some(entry) = it.property(&ICalendarProperty::Dtend) {
            let end = self.moment(entry)?.into_iter().next().ok_or("its DTEND is no date")?;
            // An end in another zone is brought to the clock of the start.
            let wall = if end.zone_name == start.zone_name { end.wall } else { start.zone.to_datetime(end.instant()?) };
            return Ok(wall.duration_since(start.wall));
        }
        match it.property(&ICalendarProperty::Duration).and_then(|entry| entry.values.first()) {
            Some(ICalendarValue::Duration(it)) => Ok(duration(it)),
            Some(_) => Err("its DURATION cannot be read".into()),
            None if start.day => Ok(SignedDuration::from_hours(24)),
            None => Ok(SignedDuration::ZERO),
        }
    }

    /// `RDATE` or `EXDATE` on the clock of the start.
    fn dates(
        &self,
        it: &ICalendarComponent,
        property: &ICalendarProperty,
        start: &Moment,
    ) -> Result<Vec<DateTime>, String> {
        let mut found = Vec::new();
        for entry in it.properties(property) {
            for at in self.moment(entry)? {
                let same = at.zone_name == start.zone_name || at.day;
                found.push(if same { at.wall } else { start.zone.to_datetime(at.instant()?) });
            }
        }
        Ok(found)
    }

    /// The moments a property states.
    pub(super) fn moment(&self, entry: &ICalendarEntry) -> Result<Vec<Moment>, String> {
        let (zone, zone_name) = self.zone_of(entry)?;
        let day_only = entry.params.iter().any(|param| param.name == ICalendarParameterName::Value);
        let moments = entry.values.iter().map(|value| {
            let ICalendarValue::PartialDateTime(at) = value else {
                return Err(match value {
                    ICalendarValue::Period(_) => "it uses periods in RDATE, which are not supported".to_owned(),
                    _ => "one of its dates cannot be read".to_owned(),
                });
            };
            let wall = wall(at)?;
            let day = at.hour.is_none();
            let utc = at.tz_hour.is_some();
            if utc && (at.tz_hour != Some(0) || at.tz_minute.unwrap_or(0) != 0) {
                return Err("one of its times has an offset, which RFC 5545 does not know".to_owned());
            }
            let (zone, zone_name) = match (utc, day) {
                (true, _) => (TimeZone::UTC, "UTC".to_owned()),
                (false, true) if day_only => (self.zone.clone(), self.settings.zone.clone()),
                (false, _) => (zone.clone(), zone_name.clone()),
            };
            Ok(Moment { wall, zone, zone_name, day })
        });
        moments.collect()
    }
}

fn start_of(it: &Moment) -> Moment {
    Moment { wall: it.wall, zone: it.zone.clone(), zone_name: it.zone_name.clone(), day: it.day }
}

fn wall(at: &PartialDateTime) -> Result<DateTime, String> {
    let bad = || "one of its dates is none".to_owned();
    let (Some(year), Some(month), Some(day)) = (at.year, at.month, at.day) else { return Err(bad()) };
    let small = |value: u8| i8::try_from(value).map_err(|_| bad());
    let date = Date::new(i16::try_from(year).map_err(|_| bad())?, small(month)?, small(day)?).map_err(|_| bad())?;
    let Some(hour) = at.hour else { return Ok(date.at(0, 0, 0, 0)) };
    // A leap second is the second before it, as RFC 5545 (3.3.12) allows.
    let second = at.second.unwrap_or(0).min(59);
    let (hour, minute) = (small(hour)?, small(at.minute.unwrap_or(0))?);
    if hour > 23 || minute > 59 {
        return Err(bad());
    }
    Ok(date.at(hour, minute, small(second)?, 0))
}

fn duration(it: &ICalendarDuration) -> SignedDuration {
    let days = i64::from(it.weeks) * 7 + i64::from(it.days);
    let seconds = days * 86_400 + i64::from(it.hours) * 3_600 + i64::from(it.minutes) * 60 + i64::from(it.seconds);
    SignedDuration::from_secs(if it.neg { -seconds } else { seconds })
}

/// Made from what identifies the event, so that it is the same at the next import.
fn name(uid: &str, at: Option<DateTime>) -> Result<Name, String> {
    let digest = hex::encode(&Sha256::digest(uid.as_bytes())[..8]);
    let of = at.map_or_else(String::new, |at| format!("-{}", at.strftime("%Y%m%dt%H%M%S")));
    format!("event-{digest}{of}").parse().map_err(|_| "no name can be made for it".into())
}
