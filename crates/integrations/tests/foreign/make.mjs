// Writes ical-generator.ics with ical-generator (npm, 10.x) and luxon, and beside it what is in it as that library was told.
// npm install ical-generator luxon && node make.mjs

import { writeFileSync } from "node:fs";
import ical, { ICalEventRepeatingFreq } from "ical-generator";
import { DateTime } from "luxon";

const zone = "America/New_York";
const at = (text) => DateTime.fromISO(text, { zone });
const calendar = ical({ name: "Change windows", prodId: { company: "Brightwater", product: "Windows", language: "EN" } });

// Over the change of the clock there, on 8 March 2026: 22:00 is 03:00 UTC before and 02:00 UTC after.
calendar.createEvent({
  id: "night@generator.example",
  summary: "Night shift, maintenance",
  categories: [{ name: "Maintenance" }],
  start: at("2026-03-03T22:00:00"),
  end: at("2026-03-04T02:00:00"),
  timezone: zone,
  stamp: at("2026-01-01T00:00:00"),
  repeating: { freq: ICalEventRepeatingFreq.WEEKLY, count: 3, byDay: ["TU"] },
});
calendar.createEvent({
  id: "day@generator.example",
  summary: "Works outing",
  start: at("2026-05-04T00:00:00"),
  allDay: true,
  timezone: zone,
  stamp: at("2026-01-01T00:00:00"),
});
writeFileSync("ical-generator.ics", calendar.toString() + "\r\n");

const spans = ["2026-03-03", "2026-03-10", "2026-03-17"].map((day) => [at(`${day}T22:00:00`), at(`${day}T22:00:00`).plus({ hours: 4 })]);
// A day without a zone is a day of whoever imports it: Berlin, in the test.
const berlin = (text) => DateTime.fromISO(text, { zone: "Europe/Berlin" });
spans.push([berlin("2026-05-04T00:00:00"), berlin("2026-05-05T00:00:00")]);
const told = { spans: spans.map(([a, b]) => [a.toSeconds(), b.toSeconds()]), left_out: [] };
writeFileSync("ical-generator.json", JSON.stringify(told, null, 1) + "\n");
