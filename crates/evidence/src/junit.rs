//! JUnit XML, as Ant began it and Maven Surefire, pytest, Node.js, gotestsum and others write it.
//!
//! There is no one schema, so what all of them share is read: `testsuites`, `testsuite`, `testcase`, and the elements within a case
//! that say what became of it. Counts that a suite declares are held against the cases it lists: a report cut short, or one whose
//! failures were taken out, is a contradiction.

use crate::{Content, DEPTH, Fault, NODES, Summary, fault::shown, summary, text};
use jiff::Timestamp;
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

#[derive(Clone, Copy, Default)]
struct Counts {
    cases: u32,
    failures: u32,
    errors: u32,
    failed: u32,
    skipped: u32,
}

/// An element that has not ended.
enum Open {
    Suite { declared: Counts, counted: Counts, says: [bool; 3], name: String },
    Case(Case),
    Other,
}

#[derive(Clone, Copy, Default)]
struct Case {
    failures: u32,
    errors: u32,
    skipped: bool,
}

pub(crate) fn read(text: &str) -> Result<Summary, Fault> {
    if matches!(text.trim_start().as_bytes().first(), Some(b'{' | b'[')) {
        return Err(Fault::new("document-kind", "it begins like JSON; expected JUnit XML"));
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut it = Reading { open: Vec::new(), all: Counts::default(), made: None, suites: 0, rooted: false };
    let mut elements = 0;
    loop {
        let at = reader.buffer_position();
        let event = reader.read_event().map_err(|error| syntax(at, &error.to_string()))?;
        elements += usize::from(matches!(event, Event::Start(_) | Event::Empty(_)));
        if elements > NODES {
            return Err(Fault::new("document-too-many", format!("it has more than {NODES} elements")));
        }
        match event {
            Event::Decl(declared) => {
                if let Some(Ok(encoding)) = declared.encoding()
                    && !encoding.eq_ignore_ascii_case(b"utf-8")
                    && !encoding.eq_ignore_ascii_case(b"us-ascii")
                {
                    let named = shown(&String::from_utf8_lossy(&encoding));
                    return Err(Fault::new(
                        "document-encoding",
                        format!("it declares the encoding {named}; expected UTF-8"),
                    ));
                }
            }
            Event::DocType(_) => {
                let what = "it declares a document type, which no test report needs, and which is never followed";
                return Err(Fault::new("document-doctype", what));
            }
            Event::Start(tag) => it.begin(&tag)?,
            Event::Empty(tag) => {
                it.begin(&tag)?;
                it.end()?;
            }
            Event::End(_) => it.end()?,
            Event::GeneralRef(named) => {
                let sound = named.is_char_ref()
                    || matches!(named.as_ref() as &[u8], b"amp" | b"lt" | b"gt" | b"quot" | b"apos");
                if !sound {
                    let named = shown(&String::from_utf8_lossy(&named));
                    return Err(syntax(at, &format!("`&{named};` is no entity of XML itself")));
                }
            }
            Event::Text(words) if it.open.is_empty() && !words.iter().all(u8::is_ascii_whitespace) => {
                return Err(syntax(at, "there is text outside of the root element"));
            }
            Event::Text(_) | Event::CData(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    it.finish(text.len())
}

fn syntax(at: u64, what: &str) -> Fault {
    Fault::new("document-syntax", format!("it is no XML: at byte {at}, {}", shown(what)))
}

struct Reading {
    open: Vec<Open>,
    all: Counts,
    made: Option<Timestamp>,
    suites: u32,
    rooted: bool,
}

impl Reading {
    fn begin(&mut self, tag: &BytesStart<'_>) -> Result<(), Fault> {
        if self.open.len() == DEPTH {
            let what = format!("elements lie more than {DEPTH} deep in one another");
            return Err(Fault::new("document-too-deep", what));
        }
        let name = tag.local_name();
        let name = name.as_ref();
        if self.open.is_empty() {
            if self.rooted {
                return Err(Fault::new("document-syntax", "it is no XML: it has a second root element"));
            }
            self.rooted = true;
            if !matches!(name, b"testsuites" | b"testsuite") {
                let named = shown(&String::from_utf8_lossy(name));
                return Err(Fault::new(
                    "document-kind",
                    format!("its root is `{named}`; expected `testsuites` or `testsuite`"),
                ));
            }
        }
        let attributes = attributes(tag)?;
        let within_case = self.open.iter().any(|it| matches!(it, Open::Case(_)));
        let opened = match (name, self.open.last_mut()) {
            (b"testsuites", None) => Open::Other,
            (b"testsuite", None | Some(Open::Suite { .. } | Open::Other)) if !within_case => self.suite(&attributes)?,
            (b"testcase", _) if !within_case => Open::Case(Case::default()),
            (b"testcase" | b"testsuite", _) => {
                return Err(Fault::new("document-syntax", "a `testcase` holds a test case or a suite"));
            }
            (b"failure", Some(Open::Case(case))) => {
                case.failures += 1;
                Open::Other
            }
            (b"error", Some(Open::Case(case))) => {
                case.errors += 1;
                Open::Other
            }
            (b"skipped", Some(Open::Case(case))) => {
                case.skipped = true;
                Open::Other
            }
            _ => Open::Other,
        };
        self.open.push(opened);
        Ok(())
    }

    fn suite(&mut self, attributes: &[(String, String)]) -> Result<Open, Fault> {
        self.suites += 1;
        let mut declared = Counts::default();
        let mut says = [false; 3];
        let mut name = String::new();
        for (key, value) in attributes {
            let number = || {
                value
                    .trim()
                    .parse::<u32>()
                    .map_err(|_| Fault::field(format!("testsuite `{}`, {key}", shown(&name)), "a whole number"))
            };
            match key.as_str() {
                "tests" => (declared.cases, says[0]) = (number()?, true),
                "failures" => (declared.failures, says[1]) = (number()?, true),
                "errors" => (declared.errors, says[2]) = (number()?, true),
                "name" => name = shown(value),
                "timestamp" if !value.trim().is_empty() => {
                    let moment = text::moment("timestamp", value)?;
                    self.made = Some(self.made.map_or(moment, |made| made.min(moment)));
                }
                _ => {}
            }
        }
        Ok(Open::Suite { declared, counted: Counts::default(), says, name })
    }

    fn end(&mut self) -> Result<(), Fault> {
        match self.open.pop() {
            Some(Open::Case(case)) => {
                let counts = Counts {
                    cases: 1,
                    failures: case.failures,
                    errors: case.errors,
                    failed: u32::from(case.failures + case.errors > 0),
                    skipped: u32::from(case.skipped && case.failures + case.errors == 0),
                };
                self.all.add(counts);
                for open in &mut self.open {
                    if let Open::Suite { counted, .. } = open {
                        counted.add(counts);
                    }
                }
                Ok(())
            }
            Some(Open::Suite { declared, counted, says, name }) => agree(&name, declared, counted, says),
            Some(Open::Other) | None => Ok(()),
        }
    }

    fn finish(self, length: usize) -> Result<Summary, Fault> {
        if !self.open.is_empty() {
            return Err(syntax(length as u64, "it ends before its elements do"));
        }
        if !self.rooted {
            return Err(Fault::new("document-kind", "it has no element; expected `testsuites` or `testsuite`"));
        }
        let Counts { cases, failed, skipped, .. } = self.all;
        let content = Content::Tests { total: cases, passed: cases - failed - skipped, failed, skipped };
        Ok(Summary { tool: None, made: self.made, subjects: Vec::new(), content })
    }
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.cases = self.cases.saturating_add(other.cases);
        self.failures = self.failures.saturating_add(other.failures);
        self.errors = self.errors.saturating_add(other.errors);
        self.failed = self.failed.saturating_add(other.failed);
        self.skipped = self.skipped.saturating_add(other.skipped);
    }
}

/// A suite may list more than it declares (some tools count a suite's own cases only), and never less.
fn agree(name: &str, declared: Counts, counted: Counts, says: [bool; 3]) -> Result<(), Fault> {
    let of = |what: &str, declared: u32, counted: u32| {
        let what = format!("suite `{}` declares {declared} {what} and lists {counted}", summary::word(name));
        Err(Fault::new("document-contradiction", what))
    };
    if says[0] && declared.cases > counted.cases {
        return of("tests", declared.cases, counted.cases);
    }
    let bad = counted.failures.saturating_add(counted.errors);
    if (says[1] || says[2]) && declared.failures.saturating_add(declared.errors) > bad {
        return of("failures and errors", declared.failures.saturating_add(declared.errors), bad);
    }
    Ok(())
}

fn attributes(tag: &BytesStart<'_>) -> Result<Vec<(String, String)>, Fault> {
    let mut all: Vec<(String, String)> = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| {
            let twice = matches!(error, quick_xml::events::attributes::AttrError::Duplicated(..));
            let code = if twice { "document-duplicate-key" } else { "document-syntax" };
            Fault::new(code, format!("it is no XML: {}", shown(&error.to_string())))
        })?;
        // Only entities of XML itself are resolved; any other is an error, so nothing can be multiplied.
        let value = attribute
            .unescape_value()
            .map_err(|error| Fault::new("document-syntax", format!("it is no XML: {}", shown(&error.to_string()))))?;
        all.push((String::from_utf8_lossy(attribute.key.local_name().as_ref()).into_owned(), value.into_owned()));
    }
    Ok(all)
}
