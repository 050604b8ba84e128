"""Says when windows are, by icalendar (which reads the file) and python-dateutil (which expands the rule), and compares.

Reads lines of JSON: `ics` (one event), `from` and `until` (seconds since 1970), `spans` (what Interlock says touches that stretch),
`at` (an instant), `open` and `next_open` (what Interlock says of it, if the event is a freeze). Clocks are resolved here anew from
Python's zoneinfo: a time in a gap is the first instant after the gap, one that comes twice is the first of the two.
Prints every disagreement as a line of JSON and a count at the end; exit code 1 if there is a disagreement.
"""

import json
import sys
from datetime import datetime, timedelta, timezone

from dateutil.rrule import rrulestr
from icalendar import Calendar

UTC = timezone.utc


def instant(zone, wall):
    """Seconds since 1970 at which a clock on the wall of a zone shows a time."""
    at = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == wall:
        return int(at.timestamp())
    # In a gap. The clock changed within the day before; where exactly, is found by halving.
    offset = lambda second: datetime.fromtimestamp(second, zone).utcoffset()
    early, late = int(at.timestamp()) - 26 * 3600, int(at.timestamp())
    while late - early > 1:
        middle = (early + late) // 2
        early, late = (middle, late) if offset(middle) == offset(early) else (early, middle)
    return late


def naive_until(rule, zone):
    """dateutil wants UNTIL without a zone where the start has none."""
    parts = []
    for part in rule.split(";"):
        name, value = part.split("=")
        if name == "UNTIL" and value.endswith("Z"):
            at = datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            value = at.astimezone(zone).strftime("%Y%m%dT%H%M%S")
        elif name == "UNTIL" and "T" not in value:
            value += "T235959"
        parts.append(f"{name}={value}")
    return ";".join(parts)


def dates(event, name):
    found = event.get(name)
    lists = [] if found is None else found if isinstance(found, list) else [found]
    return {it.dt.replace(tzinfo=None) for one in lists for it in one.dts}


def spans(case):
    event = Calendar.from_ical(case["ics"]).walk("VEVENT")[0]
    start = event["DTSTART"].dt
    zone, wall = start.tzinfo, start.replace(tzinfo=None)
    length = event["DURATION"].dt
    near = datetime.fromtimestamp(case["from"], zone).replace(tzinfo=None) - length - timedelta(days=1, hours=2)
    far = datetime.fromtimestamp(case["until"], zone).replace(tzinfo=None) + timedelta(days=1, hours=2)
    rule = rrulestr(naive_until(event["RRULE"].to_ical().decode(), zone), dtstart=wall)
    starts = set(rule.between(near, far, inc=True)) | {wall} | dates(event, "RDATE")
    starts -= dates(event, "EXDATE")
    found = sorted((instant(zone, it), instant(zone, it + length)) for it in starts)
    return [[begin, end] for begin, end in found if begin < end and begin < case["until"] and case["from"] < end]


def union(found):
    merged = []
    for begin, end in found:
        if merged and begin <= merged[-1][1]:
            merged[-1][1] = max(end, merged[-1][1])
        else:
            merged.append([begin, end])
    return merged


def main():
    count = wrong = 0
    for line in open(sys.argv[1], encoding="utf-8"):
        case = json.loads(line)
        count += 1
        found = spans(case)
        shut = [it for it in union(found) if it[0] <= case["at"] < it[1]]
        problem = None
        if found != case["spans"]:
            problem = {"spans": [it for it in found if it not in case["spans"]][:3], "ours": [it for it in case["spans"] if it not in found][:3]}
        elif bool(shut) == case["open"]:
            problem = {"open": not shut, "ours": case["open"]}
        elif shut and shut[0][1] < case["until"] and shut[0][1] != case["next_open"]:
            problem = {"next_open": shut[0][1], "ours": case["next_open"]}
        if problem:
            wrong += 1
            print(json.dumps({"ics": case["ics"], **problem}))
    print(f"{count} compared, {wrong} disagree")
    sys.exit(1 if wrong or not count else 0)


main()
