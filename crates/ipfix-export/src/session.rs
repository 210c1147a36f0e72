use std::{collections::VecDeque, io};

use crate::{
    ConfigError, ExporterConfig, MAXIMUM_MESSAGE, MINIMUM_MESSAGE, Output, OutputError, Statistics,
    message::{Message, OPTIONS_TEMPLATE_SET},
};

/// The messages of a transport session, one after the other: their numbers, their times, what they hold.
///
/// The sequence number of a message counts all data records before it, those of lost messages too, so that a collector
/// sees the gap.
#[derive(Debug)]
pub(crate) struct Session<O> {
    output: O,
    message: Message,
    observation_domain: u32,
    /// Of the last call.
    export_time_s: u32,
    sequence_number: u32,
    /// Records of data in the message; each has an octet at least.
    data_records: u16,
    /// Those of them that are of options.
    options_records: u16,
    /// Those of them that describe elements.
    type_records: u16,
    /// Records of templates in the message.
    template_records: u16,
    /// Counts messages from 1; the one being assembled has this number.
    number: u64,
    /// Templates that were announced in an earlier message are to be announced again.
    current_since: u64,
    refreshed_at_s: u32,
    /// `None` where nothing gets lost on the way.
    refresh: Option<Refresh>,
    /// Messages that the output has taken and keeps back; its buffer bounds them.
    held_back: VecDeque<Contents>,
    /// How often a message had not arrived, as far as that can be known, when the last one was sent.
    not_arrived: u64,
    /// Whether messages are to be as small as the path needs it.
    follows_path: bool,
    /// What went wrong since the caller was told last.
    failure: Option<OutputError>,
    statistics: Statistics,
}

/// What a message holds, for the statistics.
#[derive(Clone, Copy, Debug)]
struct Contents {
    octets: u16,
    data_records: u16,
    options_records: u16,
    type_records: u16,
    template_records: u16,
}

#[derive(Clone, Copy, Debug)]
struct Refresh {
    seconds: u32,
    messages: u64,
}

impl<O: Output> Session<O> {
    pub(crate) fn new(output: O, config: &ExporterConfig) -> Result<Self, ConfigError> {
        let (seconds, messages) = config.template_refresh()?;
        let datagrams = output.is_datagram();
        let mut session = Self {
            output,
            message: Message::new(config.message_octets(datagrams)?),
            observation_domain: config.observation_domain(),
            export_time_s: 0,
            sequence_number: 0,
            data_records: 0,
            options_records: 0,
            type_records: 0,
            template_records: 0,
            number: 1,
            current_since: 1,
            refreshed_at_s: 0,
            refresh: datagrams.then(|| Refresh { seconds, messages: messages.into() }),
            held_back: VecDeque::new(),
            not_arrived: 0,
            follows_path: datagrams && config.follows_path(),
            failure: None,
            statistics: Statistics::default(),
        };
        session.follow_path();
        Ok(session)
    }

    /// The message that is being assembled.
    pub(crate) const fn message(&self) -> &Message {
        &self.message
    }

    /// The message that is being assembled, to write a record into its room.
    pub(crate) const fn message_mut(&mut self) -> &mut Message {
        &mut self.message
    }

    /// The number of the message that is being assembled, from 1.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// Whether what was announced in this message is still good; 0 stands for no message.
    #[inline]
    pub(crate) const fn is_current(&self, announced_in: u64) -> bool {
        announced_in >= self.current_since
    }

    /// Takes the time of a call. Everything that was announced before becomes outdated if that was long ago.
    #[inline]
    pub(crate) fn set_export_time(&mut self, export_time_s: u32) {
        self.export_time_s = export_time_s;
        if let Some(refresh) = self.refresh
            // A time that runs far back says no less that it was long ago.
            && export_time_s.abs_diff(self.refreshed_at_s) >= refresh.seconds
        {
            self.outdate();
        }
    }

    /// Makes the octets at `start` a data record of this message, which holds them.
    #[inline]
    pub(crate) fn accept(&mut self, set_id: u16, start: usize, octets: usize, is_options: bool) {
        self.message.accept(set_id, start, octets);
        self.data_records += 1;
        self.options_records += u16::from(is_options);
    }

    /// Makes the octets at `start` the first data record of this message, which is empty.
    pub(crate) fn carry_over(&mut self, set_id: u16, start: usize, octets: usize, is_options: bool) {
        self.message.carry_over(set_id, start, octets);
        self.data_records += 1;
        self.options_records += u16::from(is_options);
    }

    /// Sends the message if it cannot hold this many octets more; then all of them go into the next one.
    pub(crate) fn keep_together(&mut self, octets: usize) {
        if !self.message.holds(self.message.end(), octets) {
            self.send();
        }
    }

    /// Sends the message if a record of this set does not fit behind the others.
    fn make_room(&mut self, set_id: u16, octets: usize) {
        if !self.message.holds(self.message.next_record(set_id), octets) {
            self.send();
        }
    }

    /// Adds a data record that a message can hold, if need be to the next message.
    pub(crate) fn append_data(&mut self, set_id: u16, record: &[u8], is_options: bool) {
        self.append(set_id, record);
        self.data_records += 1;
        self.options_records += u16::from(is_options);
    }

    /// Adds a data record that describes an element, if need be to the next message.
    pub(crate) fn append_type_record(&mut self, set_id: u16, record: &[u8]) {
        self.append_data(set_id, record, true);
        self.type_records += 1;
    }

    /// Adds a template record that a message can hold, if need be to the next message.
    pub(crate) fn append_template(&mut self, set_id: u16, record: &[u8]) {
        self.append(set_id, record);
        if set_id == OPTIONS_TEMPLATE_SET {
            // Some collectors cannot read two options templates in one set.
            self.message.close_set();
        }
        self.template_records += 1;
    }

    /// Counts a data record that its writer did not complete.
    pub(crate) fn refuse_record(&mut self) {
        self.statistics.refused_records += 1;
    }

    /// Sends the message, if there is anything in it, and begins the next one.
    pub(crate) fn send(&mut self) {
        if self.message.is_empty() {
            return;
        }
        let message =
            self.message.complete(self.export_time_s, self.sequence_number, self.observation_domain);
        let contents = Contents {
            // The maximum of a message bounds its length.
            octets: u16::try_from(message.len()).unwrap_or(u16::MAX),
            data_records: self.data_records,
            options_records: self.options_records,
            type_records: self.type_records,
            template_records: self.template_records,
        };
        let outcome = self.output.send(message);
        self.sequence_number = self.sequence_number.wrapping_add(self.data_records.into());
        (self.data_records, self.options_records) = (0, 0);
        (self.type_records, self.template_records) = (0, 0);
        self.message.clear();
        self.number += 1;
        match outcome {
            Ok(()) => {
                self.held_back.push_back(contents);
                self.settle();
            }
            Err(error) => self.fail(Some(contents), error),
        }
        self.follow_path();
        self.refresh_after_message();
    }

    /// Sends the message, and has the output hand on what it kept back.
    pub(crate) fn flush(&mut self) {
        self.send();
        match self.output.flush() {
            Ok(()) => self.settle(),
            Err(error) => self.fail(None, error),
        }
        self.follow_path();
        self.refresh_after_message();
    }

    /// Sends the message, and has the output hand on all that is left and end.
    pub(crate) fn close(&mut self) {
        self.send();
        match self.output.close() {
            Ok(()) => self.settle(),
            Err(error) => self.fail(None, error),
        }
    }

    /// What went wrong since this was asked last.
    #[inline]
    pub(crate) fn take_failure(&mut self) -> Result<(), OutputError> {
        self.failure.take().map_or(Ok(()), Err)
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let Statistics { refused_records, .. } = self.statistics;
        match self.output.statistics() {
            Some(statistics) => Statistics { refused_records, ..statistics },
            None => Statistics {
                refused_messages: self.output.refused(),
                too_long_messages: self.output.too_long(),
                ..self.statistics
            },
        }
    }

    pub(crate) const fn output(&self) -> &O {
        &self.output
    }

    pub(crate) const fn output_mut(&mut self) -> &mut O {
        &mut self.output
    }

    pub(crate) fn into_output(self) -> O {
        self.output
    }

    fn append(&mut self, set_id: u16, record: &[u8]) {
        self.make_room(set_id, record.len());
        let start = self.message.next_record(set_id);
        if let Some(room) = self.message.room(start).get_mut(..record.len()) {
            room.copy_from_slice(record);
            self.message.accept(set_id, start, record.len());
        }
    }

    /// Makes everything that was announced in an earlier message outdated, if the protocol or a mishap asks for it.
    fn refresh_after_message(&mut self) {
        // Whoever has not heard of any template may be there the next time.
        let not_arrived = self.output.refused() + self.output.too_long();
        let old = self.refresh.is_some_and(|refresh| self.number - self.current_since >= refresh.messages);
        if old || not_arrived != self.not_arrived {
            self.outdate();
        }
        self.not_arrived = not_arrived;
    }

    /// Has the next message, of which there is nothing yet, be as small as the path needs it.
    fn follow_path(&mut self) {
        if self.follows_path {
            let octets = self.output.path_octets().unwrap_or(MAXIMUM_MESSAGE);
            self.message.limit_to(octets.max(MINIMUM_MESSAGE));
        }
    }

    const fn outdate(&mut self) {
        self.current_since = self.number;
        self.refreshed_at_s = self.export_time_s;
    }

    /// Counts the messages that the output no longer keeps back as sent.
    fn settle(&mut self) {
        let held_back = self.output.held_back();
        while self.held_back.len() > held_back
            && let Some(contents) = self.held_back.pop_front()
        {
            let statistics = &mut self.statistics;
            statistics.messages += 1;
            statistics.octets += u64::from(contents.octets);
            statistics.data_records += u64::from(contents.data_records);
            statistics.options_records += u64::from(contents.options_records);
            statistics.type_records += u64::from(contents.type_records);
            statistics.template_records += u64::from(contents.template_records);
        }
    }

    /// Counts what the output kept back as lost, and the message that it did not take.
    #[cold]
    fn fail(&mut self, message: Option<Contents>, source: io::Error) {
        self.settle();
        let (mut lost_messages, mut lost_records) = (0, 0);
        for contents in self.held_back.drain(..).chain(message) {
            lost_messages += 1;
            lost_records += u64::from(contents.data_records);
            self.statistics.lost_options_records += u64::from(contents.options_records);
            self.statistics.lost_type_records += u64::from(contents.type_records);
        }
        self.statistics.lost_messages += lost_messages;
        self.statistics.lost_records += lost_records;
        // The templates in a lost message were never announced.
        self.outdate();
        let failure = self.failure.get_or_insert(OutputError { lost_messages: 0, lost_records: 0, source });
        failure.lost_messages += lost_messages;
        failure.lost_records += lost_records;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Exporter, MemoryOutput, Template, TemplateHandle, iana};

    #[test]
    fn sequence_numbers_start_over_after_the_last() {
        let mut session = Session::new(MemoryOutput::stream(), &ExporterConfig::new(1)).unwrap();
        session.sequence_number = u32::MAX;
        session.append_data(256, &[1], false);
        session.append_data(256, &[2], false);
        session.send();
        session.append_data(256, &[3], false);
        session.send();
        let octets = session.output().octets();
        assert_eq!(octets[8..12], [0xff; 4]);
        assert_eq!(octets[22 + 8..22 + 12], [0, 0, 0, 1]);
    }

    #[test]
    fn options_templates_never_share_a_set() {
        let mut session = Session::new(MemoryOutput::stream(), &ExporterConfig::new(1)).unwrap();
        session.append_template(OPTIONS_TEMPLATE_SET, &[1]);
        session.append_template(OPTIONS_TEMPLATE_SET, &[2]);
        session.send();
        assert_eq!(session.output().octets()[16..], [0, 3, 0, 5, 1, 0, 3, 0, 5, 2]);
    }

    #[test]
    fn nothing_is_sent_when_there_is_nothing() {
        let mut session = Session::new(MemoryOutput::stream(), &ExporterConfig::new(1)).unwrap();
        session.flush();
        assert_eq!(session.output().octets(), []);
        assert_eq!(session.statistics(), Statistics::default());
    }

    /// Of three messages that an output kept back, it says, one had been handed on before it failed.
    #[test]
    fn what_an_output_kept_back_is_counted_once_as_sent_or_lost() {
        let mut session = Session::new(Hoard::default(), &ExporterConfig::new(1)).unwrap();
        for _ in 0..3 {
            session.append_data(256, &[1], false);
            session.send();
        }
        assert_eq!(session.statistics().messages, 0);
        session.output_mut().fails = true;
        session.flush();
        let error = session.take_failure().unwrap_err();
        assert_eq!((error.lost_messages, error.lost_records), (2, 2));
        let statistics = session.statistics();
        assert_eq!((statistics.messages, statistics.data_records), (1, 1));
        assert_eq!((statistics.lost_messages, statistics.lost_records), (2, 2));
        session.flush();
        assert_eq!(session.take_failure().unwrap_err().lost_messages, 0, "told once");
    }

    #[test]
    fn the_templates_of_a_lost_message_are_announced_again() {
        let (mut exporter, template) = exporter(Hoard { fails: true, ..Hoard::default() });
        exporter.record(&template, 0, |record| record.u8(1)).unwrap();
        exporter.flush(0).unwrap_err();
        exporter.output_mut().fails = false;
        exporter.record(&template, 0, |record| record.u8(1)).unwrap();
        exporter.flush(0).unwrap();
        assert_eq!(exporter.output().last[16..], [0, 2, 0, 12, 1, 0, 0, 1, 0, 4, 0, 1, 1, 0, 0, 5, 1]);
    }

    #[test]
    fn a_time_far_back_refreshes_as_one_far_ahead() {
        let config = ExporterConfig::new(1).with_template_refresh_s(10);
        for (later, templates) in [(1_009, 1), (1_010, 2), (991, 1), (990, 2)] {
            let mut exporter = Exporter::new(config, MemoryOutput::datagram()).unwrap();
            let template = exporter.register(&protocol()).unwrap();
            for export_time_s in [1_000, later] {
                exporter.record(&template, export_time_s, |record| record.u8(1)).unwrap();
                exporter.flush(export_time_s).unwrap();
            }
            assert_eq!(exporter.statistics().template_records, templates, "at {later}");
        }
    }

    /// Keeps everything back, and reports two of three messages as lost when it fails.
    #[derive(Debug, Default)]
    struct Hoard {
        fails: bool,
        last: Vec<u8>,
        held_back: usize,
    }

    impl Output for Hoard {
        fn send(&mut self, message: &[u8]) -> io::Result<()> {
            self.last = message.to_vec();
            self.held_back += 1;
            Ok(())
        }

        fn flush(&mut self) -> io::Result<()> {
            if self.fails {
                self.held_back = self.held_back.min(2);
                return Err(io::Error::other("full"));
            }
            self.held_back = 0;
            Ok(())
        }

        fn held_back(&self) -> usize {
            self.held_back
        }

        fn is_datagram(&self) -> bool {
            true
        }
    }

    fn exporter<O: Output>(output: O) -> (Exporter<O>, TemplateHandle) {
        let mut exporter = Exporter::new(ExporterConfig::new(1), output).unwrap();
        let template = exporter.register(&protocol()).unwrap();
        (exporter, template)
    }

    fn protocol() -> Template {
        Template::new(256, [iana::PROTOCOL_IDENTIFIER.field()]).unwrap()
    }
}
