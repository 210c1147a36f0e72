use crate::{
    ConfigError, ExportError, ExporterConfig, Output, OutputError, RecordError, RegistrationError,
    Statistics, Template,
    message::{OPTIONS_TEMPLATE_SET, TEMPLATE_SET},
    record::{FieldLayout, RecordWriter},
    session::{ANNOUNCEMENT_ATTEMPTS, Session},
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
        match self.templates.get(index) {
            Some(template) if template.id == id => {
                if !self.session.is_current(template.announced_in) {
                    self.announce_template(index);
                }
            }
            _ => return Err(self.refuse(id, 0, RecordError::UnknownTemplate)),
        }
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
            self.session.accept(id, start, octets);
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
        if self.templates.get(index).is_some_and(|template| self.session.is_current(template.announced_in)) {
            self.session.carry_over(id, start, octets);
            return;
        }
        let mut record = std::mem::take(&mut self.waiting);
        record.clear();
        record.extend_from_slice(self.session.message().beyond_end(start, octets));
        for _ in 0..ANNOUNCEMENT_ATTEMPTS {
            self.announce_template(index);
            self.session.make_room(id, octets);
            if self.templates.get(index).is_some_and(|template| self.session.is_known(template.announced_in))
            {
                break;
            }
        }
        self.session.append_data(id, &record);
        self.waiting = record;
    }

    /// Appends the template, and before it what describes its elements.
    #[cold]
    fn announce_template(&mut self, index: usize) {
        let Some(template) = self.templates.get_mut(index) else { return };
        if let Some(type_information) = &mut self.type_information {
            type_information.announce(&template.elements, &mut self.session);
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
