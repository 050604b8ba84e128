//! JSON, read strictly: no key twice, no depth and no number of values without bounds, and a path for every complaint.

use crate::{DEPTH, Fault, NODES, fault::shown};
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use std::{cell::RefCell, collections::BTreeMap, fmt};

pub(crate) enum Node {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Object(BTreeMap<String, Node>),
}

impl Node {
    pub fn view(&self) -> View<'_, '_> {
        View { node: Some(self), part: Part::Root, up: None }
    }
}

/// What is counted while reading, and the fault that ended it.
struct Limits {
    left: usize,
    fault: Option<Fault>,
}

#[derive(Clone, Copy)]
struct Seed<'l> {
    limits: &'l RefCell<Limits>,
    depth: usize,
}

pub(crate) fn parse(text: &str) -> Result<Node, Fault> {
    if text.trim_start().starts_with('<') {
        return Err(Fault::new("document-kind", "it begins like XML; expected JSON"));
    }
    let limits = RefCell::new(Limits { left: NODES, fault: None });
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Seed { limits: &limits, depth: 0 }.deserialize(&mut reader);
    let node = read.and_then(|node| reader.end().map(|()| node));
    node.map_err(|error| {
        let told = limits.borrow_mut().fault.take();
        told.unwrap_or_else(|| Fault::new("document-syntax", format!("it is no JSON: {error}")))
    })
}

impl<'l> Seed<'l> {
    fn stop<E: serde::de::Error>(self, fault: Fault) -> E {
        let error = E::custom(&fault.what);
        self.limits.borrow_mut().fault.get_or_insert(fault);
        error
    }

    fn below<E: serde::de::Error>(self) -> Result<Seed<'l>, E> {
        if self.depth == DEPTH {
            let what = format!("lists and objects lie more than {DEPTH} deep in one another");
            return Err(self.stop(Fault::new("document-too-deep", what)));
        }
        Ok(Seed { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let left = self.limits.borrow().left;
        if left == 0 {
            return Err(self.stop(Fault::new("document-too-many", format!("it has more than {NODES} values"))));
        }
        self.limits.borrow_mut().left = left - 1;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, it: bool) -> Result<Node, E> {
        Ok(Node::Bool(it))
    }

    fn visit_u64<E>(self, it: u64) -> Result<Node, E> {
        Ok(Node::Number(it as f64))
    }

    fn visit_i64<E>(self, it: i64) -> Result<Node, E> {
        Ok(Node::Number(it as f64))
    }

    fn visit_f64<E>(self, it: f64) -> Result<Node, E> {
        Ok(Node::Number(it))
    }

    fn visit_str<E>(self, it: &str) -> Result<Node, E> {
        Ok(Node::Text(it.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let below = self.below()?;
        let mut all = Vec::new();
        while let Some(item) = list.next_element_seed(below)? {
            all.push(item);
        }
        Ok(Node::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let below = self.below()?;
        let mut all = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            if all.contains_key(&key) {
                let what = format!("the key `{}` stands twice in one object", shown(&key));
                return Err(self.stop(Fault::new("document-duplicate-key", what)));
            }
            let value = map.next_value_seed(below)?;
            all.insert(key, value);
        }
        Ok(Node::Object(all))
    }
}

#[derive(Clone, Copy)]
enum Part<'d> {
    Root,
    Field(&'d str),
    Item(usize),
}

/// A value that may be absent, and the way to it.
#[derive(Clone, Copy)]
pub(crate) struct View<'d, 'p> {
    node: Option<&'d Node>,
    part: Part<'d>,
    up: Option<&'p View<'d, 'p>>,
}

impl<'d, 'p> View<'d, 'p> {
    /// The field of an object; absent if this is none.
    pub fn get<'q>(&'q self, name: &'d str) -> View<'d, 'q> {
        let node = match self.node {
            Some(Node::Object(fields)) => fields.get(name),
            _ => None,
        };
        View { node, part: Part::Field(name), up: Some(self) }
    }

    pub fn path(&self) -> String {
        let above = self.up.map(View::path).unwrap_or_default();
        match self.part {
            Part::Root => String::new(),
            Part::Field(name) if above.is_empty() => name.to_owned(),
            Part::Field(name) => format!("{above}.{name}"),
            Part::Item(at) => format!("{above}[{at}]"),
        }
    }

    pub fn wrong(&self, wanted: &str) -> Fault {
        let path = self.path();
        Fault::field(if path.is_empty() { "the document".to_owned() } else { path }, wanted)
    }

    /// Whether there is a value other than `null`.
    pub fn is_there(&self) -> bool {
        !matches!(self.node, None | Some(Node::Null))
    }

    /// This, which must be an object.
    pub fn object(self) -> Result<Self, Fault> {
        if matches!(self.node, Some(Node::Object(_))) { Ok(self) } else { Err(self.wrong("an object")) }
    }

    pub fn text(&self) -> Result<&'d str, Fault> {
        self.text_or()?.filter(|text| !text.trim().is_empty()).ok_or_else(|| self.wrong("a text"))
    }

    pub fn text_or(&self) -> Result<Option<&'d str>, Fault> {
        match self.node {
            None | Some(Node::Null) => Ok(None),
            Some(Node::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong("a text")),
        }
    }

    pub fn bool_or(&self) -> Result<Option<bool>, Fault> {
        match self.node {
            None | Some(Node::Null) => Ok(None),
            Some(Node::Bool(it)) => Ok(Some(*it)),
            Some(_) => Err(self.wrong("true or false")),
        }
    }

    /// A number, or a text that is one, as some tools write scores.
    pub fn number_or(&self) -> Result<Option<f64>, Fault> {
        let number = match self.node {
            None | Some(Node::Null) => return Ok(None),
            Some(Node::Number(it)) => Some(*it),
            Some(Node::Text(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        number.filter(|it: &f64| it.is_finite()).map(Some).ok_or_else(|| self.wrong("a number"))
    }

    /// Whole and not below zero.
    pub fn index_or(&self) -> Result<Option<usize>, Fault> {
        let Some(number) = self.number_or()? else { return Ok(None) };
        let whole = number.fract() == 0.0 && (0.0..=1e9).contains(&number);
        if whole { Ok(Some(number as usize)) } else { Err(self.wrong("a whole number of 0 or more")) }
    }

    pub fn items<'q>(&'q self) -> Result<impl Iterator<Item = View<'d, 'q>>, Fault> {
        if !self.is_there() {
            return Err(self.wrong("a list"));
        }
        self.items_or_none()
    }

    /// The items of a list; none if it is absent.
    pub fn items_or_none<'q>(&'q self) -> Result<impl Iterator<Item = View<'d, 'q>>, Fault> {
        let items: &'d [Node] = match self.node {
            None | Some(Node::Null) => &[],
            Some(Node::List(items)) => items,
            Some(_) => return Err(self.wrong("a list")),
        };
        let view = move |(at, node)| View { node: Some(node), part: Part::Item(at), up: Some(self) };
        Ok(items.iter().enumerate().map(view))
    }

    /// A moment, if there is one.
    pub fn moment_or(&self) -> Result<Option<jiff::Timestamp>, Fault> {
        let Some(text) = self.text_or()? else { return Ok(None) };
        crate::text::moment(&self.path(), text).map(Some)
    }
}

/// 32 bytes written as 64 hexadecimal digits, if that is what it is.
pub(crate) fn sha256(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim(), &mut bytes).ok().map(|()| bytes)
}
