use std::{collections::VecDeque, io};

use crate::{
    ConfigError, ExporterConfig, Output, OutputError, Statistics,
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
    /// Records of templates in the message.
    template_records: u16,
    /// Counts messages from 1; the one being assembled has this number.
    number: u64,
    /// Templates that were announced in an earlier message are to be announced again.
    current_since: u64,
    refreshed_at_s: u32,
    /// The number of the message after the last one that was lost.
    lost_before: u64,
    /// `None` where nothing gets lost on the way.
    refresh: Option<Refresh>,
    /// Messages that the output has taken and keeps back; its buffer bounds them.
    held_back: VecDeque<Contents>,
    /// How often the other side had refused a message when the last one was sent.
    refused: u64,
    /// What went wrong since the caller was told last.
    failure: Option<OutputError>,
    statistics: Statistics,
}

/// What a message holds, for the statistics.
#[derive(Clone, Copy, Debug)]
struct Contents {
    octets: u16,
    data_records: u16,
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
        Ok(Self {
            output,
            message: Message::new(config.message_octets(datagrams)?),
            observation_domain: config.observation_domain(),
            export_time_s: 0,
            sequence_number: 0,
            data_records: 0,
            template_records: 0,
            number: 1,
            current_since: 1,
            refreshed_at_s: 0,
            lost_before: 1,
            refresh: datagrams.then(|| Refresh { seconds, messages: messages.into() }),
            held_back: VecDeque::new(),
            refused: 0,
            failure: None,
            statistics: Statistics::default(),
        })
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

    /// Whether no message was lost since this one was begun, not even this one.
    pub(crate) const fn is_known(&self, announced_in: u64) -> bool {
        announced_in >= self.lost_before
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
    pub(crate) fn accept(&mut self, set_id: u16, start: usize, octets: usize) {
        self.message.accept(set_id, start, octets);
        self.data_records += 1;
    }

    /// Makes the octets at `start` the first data record of this message, which is empty.
    pub(crate) fn carry_over(&mut self, set_id: u16, start: usize, octets: usize) {
        self.message.carry_over(set_id, start, octets);
        self.data_records += 1;
    }

    /// Sends the message if a record of this set does not fit behind the others.
    pub(crate) fn make_room(&mut self, set_id: u16, octets: usize) {
        if !self.message.holds(self.message.next_record(set_id), octets) {
            self.send();
        }
    }

    /// Adds a data record that a message can hold, if need be to the next message.
    pub(crate) fn append_data(&mut self, set_id: u16, record: &[u8]) {
        self.append(set_id, record);
        self.data_records += 1;
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
            template_records: self.template_records,
        };
        let outcome = self.output.send(message);
        self.sequence_number = self.sequence_number.wrapping_add(self.data_records.into());
        (self.data_records, self.template_records) = (0, 0);
        self.message.clear();
        self.number += 1;
        match outcome {
            Ok(()) => {
                self.held_back.push_back(contents);
                self.settle();
            }
            Err(error) => self.fail(Some(contents), error),
        }
        self.refresh_after_message();
    }

    /// Sends the message, and has the output hand on what it kept back.
    pub(crate) fn flush(&mut self) {
        self.send();
        match self.output.flush() {
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
        Statistics { refused_messages: self.output.refused(), ..self.statistics }
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
        // Whoever refuses has not heard of any template, and may be there the next time.
        let refused = self.output.refused();
        let old = self.refresh.is_some_and(|refresh| self.number - self.current_since >= refresh.messages);
        if old || refused != self.refused {
            self.outdate();
        }
        self.refused = refused;
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
        }
        self.statistics.lost_messages += lost_messages;
        self.statistics.lost_records += lost_records;
        // The templates in a lost message were never announced.
        self.lost_before = self.number;
        self.outdate();
        let failure = self.failure.get_or_insert(OutputError { lost_messages: 0, lost_records: 0, source });
        failure.lost_messages += lost_messages;
        failure.lost_records += lost_records;
    }
}

/// How often what a record needs is announced again because a message was lost on the way. An output that has failed
/// so often in a row has failed for good.
pub(crate) const ANNOUNCEMENT_ATTEMPTS: u32 = 3;
