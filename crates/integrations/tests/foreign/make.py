"""Writes icalendar.ics, with icalendar, and ics.ics, with ics, and beside each what is in it as these libraries were told.

icalendar 7.3.2 and ics 0.7.3 (requirements.txt of ../oracle). `make.mjs` does the same with ical-generator for Node.
"""

import json
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import ics
from icalendar import Alarm, Calendar, Event

HERE = Path(__file__).parent
BERLIN = ZoneInfo("Europe/Berlin")
UTC = timezone.utc


def seconds(at):
    return int(at.timestamp())


def with_icalendar():
    calendar = Calendar()
    calendar.add("prodid", "-//Brightwater//Works calendar//EN")
    calendar.add("version", "2.0")

    weekly = Event()
    weekly.add("uid", "weekly@brightwater.example")
    weekly.add("summary", "Lagerinventur – Büro, Halle 3; „Nord“, und ein langer Text, damit die Zeile gefaltet werden muß")
    weekly.add("dtstamp", datetime(2026, 1, 1, tzinfo=UTC))
    weekly.add("dtstart", datetime(2026, 3, 20, 18, 0, tzinfo=BERLIN))
    weekly.add("dtend", datetime(2026, 3, 20, 22, 30, tzinfo=BERLIN))
    weekly.add("rrule", {"freq": "weekly", "byday": "fr", "count": 5})
    weekly.add("exdate", datetime(2026, 4, 3, 18, 0, tzinfo=BERLIN))
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", "soon")
    alarm.add("trigger", timedelta(minutes=-30))
    weekly.add_component(alarm)
    calendar.add_component(weekly)

    moved = Event()
    moved.add("uid", "weekly@brightwater.example")
    moved.add("recurrence-id", datetime(2026, 4, 10, 18, 0, tzinfo=BERLIN))
    moved.add("summary", "Lagerinventur, verschoben")
    moved.add("dtstamp", datetime(2026, 1, 1, tzinfo=UTC))
    moved.add("dtstart", datetime(2026, 4, 11, 8, 0, tzinfo=BERLIN))
    moved.add("dtend", datetime(2026, 4, 11, 12, 0, tzinfo=BERLIN))
    calendar.add_component(moved)

    easter = Event()
    easter.add("uid", "easter@brightwater.example")
    easter.add("summary", "Ostern")
    easter.add("categories", ["Holiday"])
    easter.add("dtstamp", datetime(2026, 1, 1, tzinfo=UTC))
    easter.add("dtstart", date(2026, 4, 3))
    easter.add("dtend", date(2026, 4, 7))
    calendar.add_component(easter)

    note = Event()
    note.add("uid", "note@brightwater.example")
    note.add("summary", "A reminder, which lasts no time")
    note.add("dtstamp", datetime(2026, 1, 1, tzinfo=UTC))
    note.add("dtstart", datetime(2026, 4, 1, 9, 0, tzinfo=BERLIN))
    calendar.add_component(note)
    calendar.add_missing_timezones()
    (HERE / "icalendar.ics").write_bytes(calendar.to_ical())

    at = lambda *when: datetime(*when, tzinfo=BERLIN)
    spans = [(at(2026, 3, day, 18, 0), at(2026, 3, day, 22, 30)) for day in (20, 27)]
    spans += [(at(2026, 4, 17, 18, 0), at(2026, 4, 17, 22, 30)), (at(2026, 4, 11, 8, 0), at(2026, 4, 11, 12, 0))]
    spans += [(at(2026, 4, 3), at(2026, 4, 7))]
    told = {"spans": sorted([seconds(a), seconds(b)] for a, b in spans), "left_out": ["note@brightwater.example"]}
    (HERE / "icalendar.json").write_text(json.dumps(told, indent=1) + "\n")


def with_ics():
    calendar = ics.Calendar()
    spans = []
    for uid, begin, length in [
        ("one@ics.example", datetime(2026, 6, 1, 6, 0, tzinfo=UTC), timedelta(hours=5)),
        ("two@ics.example", datetime(2026, 10, 24, 22, 0, tzinfo=UTC), timedelta(hours=6)),
    ]:
        calendar.events.add(ics.Event(name="Move: racks, cables", begin=begin, duration=length, uid=uid, created=datetime(2026, 1, 1, tzinfo=UTC)))
        spans.append((begin, begin + length))
    day = ics.Event(name="Company day", begin="2026-07-01", uid="day@ics.example", created=datetime(2026, 1, 1, tzinfo=UTC))
    day.make_all_day()
    calendar.events.add(day)
    spans.append((datetime(2026, 7, 1, tzinfo=BERLIN), datetime(2026, 7, 2, tzinfo=BERLIN)))
    (HERE / "ics.ics").write_bytes(calendar.serialize().replace("\r\n", "\n").replace("\n", "\r\n").encode())
    told = {"spans": sorted([seconds(a), seconds(b)] for a, b in spans), "left_out": []}
    (HERE / "ics.json").write_text(json.dumps(told, indent=1) + "\n")


with_icalendar()
with_ics()
