//! A decoder written from RFC 7011 alone. It shares no line with the encoder, and it forgives nothing.

use std::collections::BTreeMap;

/// A message and where its records stand.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) octets: usize,
    pub(crate) export_time: u32,
    pub(crate) sequence_number: u32,
    pub(crate) observation_domain: u32,
    pub(crate) records: Vec<Record>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Record {
    Template(Template),
    Data { template: u16, values: Vec<Vec<u8>> },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template {
    pub(crate) id: u16,
    /// 0 for templates of data records.
    pub(crate) scope_count: u16,
    /// Enterprise, number, length.
    pub(crate) fields: Vec<(u32, u16, u16)>,
}

impl Message {
    pub(crate) fn data_records(&self) -> impl Iterator<Item = (u16, &Vec<Vec<u8>>)> {
        self.records.iter().filter_map(|record| match record {
            Record::Data { template, values } => Some((*template, values)),
            Record::Template(_) => None,
        })
    }

    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        self.records.iter().filter_map(|record| match record {
            Record::Template(template) => Some(template),
            Record::Data { .. } => None,
        })
    }
}

/// What a collector remembers of a session.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    templates: BTreeMap<u16, Template>,
}

impl Decoder {
    /// Decodes messages that follow each other, as in a file.
    pub(crate) fn stream(&mut self, mut octets: &[u8]) -> Result<Vec<Message>, String> {
        let mut messages = Vec::new();
        while !octets.is_empty() {
            let mut header = octets;
            take::<2>(&mut header)?;
            let length = usize::from(u16::from_be_bytes(take(&mut header)?));
            let (message, rest) = octets.split_at_checked(length).ok_or("a message is cut")?;
            messages.push(self.message(message)?);
            octets = rest;
        }
        Ok(messages)
    }

    /// Decodes one message, as in a datagram.
    pub(crate) fn message(&mut self, octets: &[u8]) -> Result<Message, String> {
        let mut rest = octets;
        if u16::from_be_bytes(take(&mut rest)?) != 10 {
            return Err("the version is not 10".into());
        }
        if usize::from(u16::from_be_bytes(take(&mut rest)?)) != octets.len() {
            return Err("the length is not that of the message".into());
        }
        let mut message = Message {
            octets: octets.len(),
            export_time: u32::from_be_bytes(take(&mut rest)?),
            sequence_number: u32::from_be_bytes(take(&mut rest)?),
            observation_domain: u32::from_be_bytes(take(&mut rest)?),
            records: Vec::new(),
        };
        while !rest.is_empty() {
            let id = u16::from_be_bytes(take(&mut rest)?);
            let length = usize::from(u16::from_be_bytes(take(&mut rest)?));
            let length = length.checked_sub(4).ok_or("a set is shorter than its header")?;
            let (set, after) = rest.split_at_checked(length).ok_or("a set runs over the message")?;
            self.set(id, set, &mut message.records)?;
            rest = after;
        }
        Ok(message)
    }

    fn set(&mut self, id: u16, mut set: &[u8], records: &mut Vec<Record>) -> Result<(), String> {
        let before = records.len();
        while !set.is_empty() {
            match id {
                2 | 3 => {
                    let template = template(&mut set, id == 3)?;
                    if let Some(known) = self.templates.get(&template.id).filter(|known| **known != template)
                    {
                        return Err(format!("template {} has changed from {known:?}", known.id));
                    }
                    self.templates.insert(template.id, template.clone());
                    records.push(Record::Template(template));
                }
                256.. => {
                    let template =
                        self.templates.get(&id).ok_or_else(|| format!("data before template {id}"))?;
                    let values = template
                        .fields
                        .iter()
                        .map(|field| value(&mut set, field.2))
                        .collect::<Result<_, _>>()?;
                    records.push(Record::Data { template: id, values });
                }
                _ => return Err(format!("set {id} is reserved")),
            }
        }
        match (id, records.len() - before) {
            (_, 0) => Err(format!("set {id} is empty")),
            (3, 2..) => Err("two options templates share a set".into()),
            _ => Ok(()),
        }
    }
}

fn template(set: &mut &[u8], options: bool) -> Result<Template, String> {
    let id = u16::from_be_bytes(take(set)?);
    let count = u16::from_be_bytes(take(set)?);
    let scope_count = if options { u16::from_be_bytes(take(set)?) } else { 0 };
    if id < 256 || count == 0 || scope_count > count || (options && scope_count == 0) {
        return Err(format!("template {id} has {count} fields, {scope_count} of them of the scope"));
    }
    let mut fields = Vec::new();
    for _ in 0..count {
        let element = u16::from_be_bytes(take(set)?);
        let length = u16::from_be_bytes(take(set)?);
        let enterprise = if element & 0x8000 == 0 { 0 } else { u32::from_be_bytes(take(set)?) };
        fields.push((enterprise, element & 0x7fff, length));
    }
    Ok(Template { id, scope_count, fields })
}

fn value(set: &mut &[u8], length: u16) -> Result<Vec<u8>, String> {
    let length = match length {
        65_535 => match take::<1>(set)? {
            [255] => u16::from_be_bytes(take(set)?),
            [short] => short.into(),
        },
        fixed => fixed,
    };
    let (value, rest) = set.split_at_checked(length.into()).ok_or("a value runs over its set")?;
    *set = rest;
    Ok(value.to_vec())
}

fn take<const N: usize>(octets: &mut &[u8]) -> Result<[u8; N], String> {
    let (taken, rest) = octets.split_first_chunk::<N>().ok_or("the octets end too early")?;
    *octets = rest;
    Ok(*taken)
}
