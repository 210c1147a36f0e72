use crate::{
    ConfigError, ExportError, ExporterConfig, Output, OutputError, RecordError, RegistrationError,
    Statistics, Template,
    field_layout::FieldLayout,
    message::{OPTIONS_TEMPLATE_SET, SET_HEADER, TEMPLATE_SET},
    record::RecordWriter,
    session::Session,
    type_information::{TYPE_INFORMATION_TEMPLATE, TypeInformation},
};

/// Assembles records into messages and hands these to an [`Output`].
///
/// An exporter is one transport session with one observation domain (RFC 7011 section 2). What is still in the message
/// that is being assembled when the exporter is dropped is lost: [`flush`](Self::flush) before.
#[derive(Debug)]
pub struct Exporter<O> {
    session: Session<O>,
    templates: Vec<Registered>,
    /// `None` if elements of enterprises are not described.
    type_information: Option<TypeInformation>,
    /// Holds a record that has to wait for its template.
    waiting: Vec<u8>,
}

/// A template of an exporter, which [`Exporter::register`] gives and [`Exporter::record`] takes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TemplateHandle {
    index: usize,
    id: u16,
}

impl TemplateHandle {
    /// The template's id.
    pub const fn id(&self) -> u16 {
        self.id
    }
}

impl<O: Output> Exporter<O> {
    /// An exporter that has sent nothing and knows no templates.
    ///
    /// # Errors
    ///
    /// A message size or a refresh interval that cannot work.
    pub fn new(config: ExporterConfig, output: O) -> Result<Self, ConfigError> {
        let session = Session::new(output, &config)?;
        let type_information = config.type_information().then(TypeInformation::new);
        Ok(Self { session, templates: Vec::new(), type_information, waiting: Vec::new() })
    }

    /// Makes a template known; this may happen at any time. It is announced before its first record.
    ///
    /// # Errors
    ///
    /// The id is taken, the template or all its records are too large for a message, or its elements are at odds with
    /// those of another template.
    pub fn register(&mut self, template: &Template) -> Result<TemplateHandle, RegistrationError> {
        let (id, room) = (template.id(), self.session.message().largest_record());
        let described = id == TYPE_INFORMATION_TEMPLATE && self.type_information.is_some();
        if described || self.templates.iter().any(|registered| registered.id == id) {
            return Err(RegistrationError::IdTaken { id });
        }
        let announcement = template.announcement();
        let octets = announcement.len().max(template.shortest_record());
        if octets > room {
            return Err(RegistrationError::TooLarge { id, octets, room });
        }
        let elements = match &mut self.type_information {
            Some(type_information) => type_information.describe(template, room)?,
            None => Vec::new(),
        };
        let handle = TemplateHandle { index: self.templates.len(), id };
        self.templates.push(Registered {
            id,
            layout: template.fields().iter().map(FieldLayout::of).collect(),
            set_id: if template.is_options() { OPTIONS_TEMPLATE_SET } else { TEMPLATE_SET },
            announcement: announcement.into(),
            elements,
            announced_in: 0,
        });
        Ok(handle)
    }

    /// Announces every template that is not known to the other side, or no longer. Nobody has to call this, since
    /// templates are announced with their first records; but it lets a collector or a reader of a file know what to
    /// expect when there are no records.
    ///
    /// # Errors
    ///
    /// The output failed with a message that had to be sent to make room.
    pub fn announce(&mut self, export_time_s: u32) -> Result<(), OutputError> {
        self.session.set_export_time(export_time_s);
        for index in 0..self.templates.len() {
            if self
                .templates
                .get(index)
                .is_some_and(|template| !self.session.is_current(template.announced_in))
            {
                self.announce_template(index);
            }
        }
        self.session.take_failure()
    }

    /// Exports one record, a data record or an options data record as its template says: `write` hands in the values
    /// in the order of the template, and returns the first error that the writer gives.
    ///
    /// A refused record leaves no trace in the message, but its template may have been announced for it.
    ///
    /// A message carries the export time of the call that completes it, in seconds since 1970. A caller whose records
    /// hold times relative to it, such as `flowStartDeltaMicroseconds`, has to flush whenever it changes.
    ///
    /// # Errors
    ///
    /// [`ExportError::Record`] if the record is refused, [`ExportError::Output`] if the output failed with earlier ones.
    #[inline]
    pub fn record<F>(
        &mut self,
        template: &TemplateHandle,
        export_time_s: u32,
        write: F,
    ) -> Result<(), ExportError>
    where
        F: FnOnce(&mut RecordWriter<'_>) -> Result<(), RecordError>,
    {
        let TemplateHandle { index, id } = *template;
        self.session.set_export_time(export_time_s);
        let is_options = match self.templates.get(index) {
            Some(template) if template.id == id => {
                let is_options = template.is_options();
                if !self.session.is_current(template.announced_in) {
                    self.announce_template(index);
                }
                is_options
            }
            _ => return Err(self.refuse(id, 0, RecordError::UnknownTemplate)),
        };
        let layout = self.templates.get(index).map(|template| &*template.layout).unwrap_or_default();
        let message = self.session.message_mut();
        let start = message.next_record(id);
        let room = message.room(start);
        let free = room.len();
        let mut writer = RecordWriter::new(layout, room);
        let outcome = write(&mut writer).and_then(|()| writer.complete());
        let (octets, missing) = (free - writer.free_octets(), writer.missing_fields());
        if let Err(error) = outcome {
            let written = layout.len() - missing;
            return Err(self.refuse(id, written, error));
        }
        if self.session.message().holds(start, octets) {
            self.session.accept(id, start, octets, is_options);
        } else {
            self.begin_message_with(index, id, start, octets);
        }
        Ok(self.session.take_failure()?)
    }

    /// Sends the message that is being assembled, with this export time, and has the output hand on what it keeps.
    ///
    /// # Errors
    ///
    /// The output failed.
    pub fn flush(&mut self, export_time_s: u32) -> Result<(), OutputError> {
        self.session.set_export_time(export_time_s);
        self.session.flush();
        self.session.take_failure()
    }

    /// Octets of the largest record that a message can hold now, as far as the path carries it in one piece. It may change with each message.
    ///
    /// A record that is larger than the path needs it, but not than what was configured, is accepted all the same, and sent in a message of
    /// its own.
    pub const fn largest_record(&self) -> usize {
        self.session.message().largest_within_limit()
    }

    /// Sends the message that is being assembled, with this export time, and has the output hand on all that is left, if need be after
    /// waiting for the other side. Nothing can be exported afterwards.
    ///
    /// # Errors
    ///
    /// The output failed, or could not hand everything on.
    pub fn close(&mut self, export_time_s: u32) -> Result<(), OutputError> {
        self.session.set_export_time(export_time_s);
        self.session.close();
        self.session.take_failure()
    }

    /// What was done so far.
    pub fn statistics(&self) -> Statistics {
        self.session.statistics()
    }

    /// Where the messages go.
    pub const fn output(&self) -> &O {
        self.session.output()
    }

    /// Where the messages go. Whoever sends by oneself disturbs the sequence numbers.
    pub const fn output_mut(&mut self) -> &mut O {
        self.session.output_mut()
    }

    /// Gives the output back; [`flush`](Self::flush) before, or the last records are lost.
    pub fn into_output(self) -> O {
        self.session.into_output()
    }

    /// Puts the octets at `start`, which run over the end of the message, into the next one.
    #[cold]
    fn begin_message_with(&mut self, index: usize, id: u16, start: usize, octets: usize) {
        self.session.send();
        let template = self.templates.get(index);
        let is_options = template.is_some_and(Registered::is_options);
        if template.is_some_and(|template| self.session.is_current(template.announced_in)) {
            self.session.carry_over(id, start, octets, is_options);
            return;
        }
        let mut record = std::mem::take(&mut self.waiting);
        record.clear();
        record.extend_from_slice(self.session.message().beyond_end(start, octets));
        self.announce_template(index);
        self.session.append_data(id, &record, is_options);
        self.waiting = record;
    }

    /// Appends the template, and before it what describes its elements. All of it stands in one message if that is
    /// possible: so a message that gets lost does not take half of it along.
    #[cold]
    fn announce_template(&mut self, index: usize) {
        let Some(template) = self.templates.get_mut(index) else { return };
        let octets = template.announcement.len() + SET_HEADER;
        if let Some(types) = &mut self.type_information {
            self.session.keep_together(octets + types.announcement_octets(&template.elements, &self.session));
            types.announce(&template.elements, &mut self.session);
        }
        self.session.append_template(template.set_id, &template.announcement);
        template.announced_in = self.session.number();
    }

    #[cold]
    fn refuse(&mut self, template: u16, written: usize, error: RecordError) -> ExportError {
        self.session.refuse_record();
        let field = u16::try_from(written.saturating_add(1)).unwrap_or(u16::MAX);
        ExportError::Record { template, field, error }
    }
}

#[derive(Debug)]
struct Registered {
    id: u16,
    layout: Box<[FieldLayout]>,
    /// The set of its announcement.
    set_id: u16,
    announcement: Box<[u8]>,
    /// Which of the described elements it uses.
    elements: Vec<usize>,
    /// The number of the message that announced it last; 0 for none.
    announced_in: u64,
}

impl Registered {
    const fn is_options(&self) -> bool {
        self.set_id == OPTIONS_TEMPLATE_SET
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DataType, InformationElement, MemoryOutput, iana};

    #[test]
    fn a_refused_record_leaves_the_message_as_it_was() {
        let mut exporter = Exporter::new(ExporterConfig::new(1), MemoryOutput::stream()).unwrap();
        let template =
            Template::new(256, [iana::PROTOCOL_IDENTIFIER.field(), iana::VLAN_ID.field()]).unwrap();
        let template = exporter.register(&template).unwrap();
        exporter.announce(0).unwrap();
        let error = exporter
            .record(&template, 0, |record| {
                record.u8(6)?;
                record.u32(7)
            })
            .unwrap_err();
        let text = "template 256, field 2: the value is of type unsigned32 and the field is not: write the values in the \
                    order of the template";
        assert_eq!(error.to_string(), text);
        let error = exporter.record(&template, 0, |record| record.u8(6)).unwrap_err();
        assert!(
            matches!(error, ExportError::Record { error: RecordError::Incomplete { missing: 1 }, .. }),
            "{error}"
        );
        exporter.flush(0).unwrap();
        assert_eq!(exporter.output().octets()[16..], [0, 2, 0, 16, 1, 0, 0, 2, 0, 4, 0, 1, 0, 58, 0, 2]);
        assert_eq!(exporter.statistics().refused_records, 2);
    }

    #[test]
    fn a_record_larger_than_a_message_is_refused() {
        let config = ExporterConfig::new(1).with_maximum_message(64);
        let mut exporter = Exporter::new(config, MemoryOutput::stream()).unwrap();
        let template = Template::new(256, [iana::APPLICATION_NAME.field()]).unwrap();
        let template = exporter.register(&template).unwrap();
        exporter.record(&template, 0, |record| record.string(&"x".repeat(43))).unwrap();
        let error = exporter.record(&template, 0, |record| record.string(&"x".repeat(44))).unwrap_err();
        assert!(matches!(error, ExportError::Record { error: RecordError::NoRoom, .. }), "{error}");
    }

    #[test]
    fn a_handle_of_another_exporter_is_refused() {
        let mut one = Exporter::new(ExporterConfig::new(1), MemoryOutput::stream()).unwrap();
        let mut other = Exporter::new(ExporterConfig::new(2), MemoryOutput::stream()).unwrap();
        one.register(&template(256)).unwrap();
        let foreign = other.register(&template(300)).unwrap();
        let error = one.record(&foreign, 0, |record| record.u8(1)).unwrap_err();
        assert!(matches!(
            error,
            ExportError::Record { template: 300, error: RecordError::UnknownTemplate, .. }
        ));
    }

    #[test]
    fn templates_that_cannot_work_are_refused_when_they_are_registered() {
        let config = ExporterConfig::new(1).with_maximum_message(64);
        let mut exporter = Exporter::new(config, MemoryOutput::stream()).unwrap();
        exporter.register(&template(256)).unwrap();
        assert_eq!(exporter.register(&template(256)), Err(RegistrationError::IdTaken { id: 256 }));
        let types = template(TYPE_INFORMATION_TEMPLATE);
        assert_eq!(exporter.register(&types), Err(RegistrationError::IdTaken { id: 65_535 }));
        let long = Template::new(257, vec![iana::PROTOCOL_IDENTIFIER.field(); 11]).unwrap();
        let error = RegistrationError::TooLarge { id: 257, octets: 48, room: 44 };
        assert_eq!(exporter.register(&long), Err(error));
        let wide =
            Template::new(257, [iana::SOURCE_IPV6_PREFIX.field(), iana::INTERFACE_NAME.with_length(40)])
                .unwrap();
        let error = RegistrationError::TooLarge { id: 257, octets: 56, room: 44 };
        assert_eq!(exporter.register(&wide), Err(error));
        // What was refused has not taken the id.
        exporter.register(&template(257)).unwrap();
    }

    #[test]
    fn two_elements_of_one_number_are_refused() {
        let mut exporter = Exporter::new(ExporterConfig::new(1), MemoryOutput::stream()).unwrap();
        let element =
            |name| InformationElement::new(32_473, 1001, name, DataType::Unsigned8).unwrap().field();
        exporter.register(&Template::new(256, [element("one")]).unwrap()).unwrap();
        exporter.register(&Template::new(257, [element("one")]).unwrap()).unwrap();
        let error = exporter.register(&Template::new(258, [element("other")]).unwrap()).unwrap_err();
        let text = "template 258: other has the number 32473/1001 of another element, one: define each element once \
                    and use it in all templates";
        assert_eq!(error.to_string(), text);
    }

    /// A template and what describes its elements would have been torn apart by the loss of one message.
    #[test]
    fn announcements_share_a_message_although_part_would_fit_into_the_one_before() {
        let config = ExporterConfig::new(1).with_maximum_message(200);
        let mut exporter = Exporter::new(config, MemoryOutput::datagram()).unwrap();
        let plain = exporter.register(&template(256)).unwrap();
        let own = InformationElement::new(32_473, 1001, "own", DataType::Unsigned8).unwrap();
        let own = exporter.register(&Template::new(257, [own.field()]).unwrap()).unwrap();
        for _ in 0..100 {
            exporter.record(&plain, 0, |record| record.u8(6)).unwrap();
        }
        exporter.record(&own, 0, |record| record.u8(1)).unwrap();
        exporter.flush(0).unwrap();
        let octets = exporter.output().octets();
        // The first message: header, template, set of 100 records. It had room for the options template.
        assert_eq!(octets[..4], [0, 10, 0, 132]);
        assert_eq!(octets[132 + 16..][..8], [0, 3, 0, 46, 0xff, 0xff, 0, 9]);
        assert_eq!(exporter.statistics().messages, 2);
    }

    fn template(id: u16) -> Template {
        Template::new(id, [iana::PROTOCOL_IDENTIFIER.field()]).unwrap()
    }
}
