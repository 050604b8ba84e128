"""Reads our feed with icalendar and with ics, and compares every event with the entries that the API gives."""

import json
import sys
from datetime import datetime
from pathlib import Path

import ics
from icalendar import Calendar

folder = Path(sys.argv[1])
text = (folder / "feed.ics").read_bytes()


def second(text):
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def sorted_rows(rows):
    return sorted(rows, key=lambda row: (row[0], row[1], row[2] or 0))


entries = json.loads((folder / "entries.json").read_text())["entries"]
wanted = sorted_rows(
    (f"{it['id']}@interlock", second(it["start"]), second(it["end"]) if it["end"] else None, f"{it['kind']}: {it['title']}")
    for it in entries
)


def by_icalendar():
    for event in Calendar.from_ical(text).walk("VEVENT"):
        end = event.get("DTEND")
        yield (
            str(event["UID"]),
            int(event["DTSTART"].dt.timestamp()),
            int(end.dt.timestamp()) if end else None,
            str(event["SUMMARY"]),
        )


def by_ics():
    for event in ics.Calendar(text.decode()).events:
        end = int(event.end.timestamp()) if event.has_end() else None
        yield (event.uid, int(event.begin.timestamp()), end, event.name)


def texts():
    """What the descriptions say, unescaped by the library."""
    return {str(event["UID"]): str(event.get("DESCRIPTION", "")) for event in Calendar.from_ical(text).walk("VEVENT")}


wrong = 0
for name, rows in [("icalendar", by_icalendar()), ("ics", by_ics())]:
    found = sorted_rows(rows)
    if found != wanted:
        wrong += 1
        print(name, "differs:", [it for it in found if it not in wanted][:3], [it for it in wanted if it not in found][:3])
said = texts()
for it in entries:
    if it["reason"] and not said.get(f"{it['id']}@interlock", "").startswith(it["reason"]):
        wrong += 1
        print("text of", it["id"], "differs:", repr(said.get(f"{it['id']}@interlock")), repr(it["reason"]))
print(f"{len(wanted)} events compared")
sys.exit(1 if wrong or not wanted else 0)
