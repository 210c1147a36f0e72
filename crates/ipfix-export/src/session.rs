use std::io;

use crate::{
    ConfigError, ExporterConfig, Output, Statistics,
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
    /// Of the last record in the message.
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
    /// `None` where nothing gets lost on the way.
    refresh: Option<Refresh>,
    statistics: Statistics,
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
            refresh: datagrams.then(|| Refresh { seconds, messages: messages.into() }),
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

    /// Makes everything that was announced before outdated if the time has come.
    #[inline]
    pub(crate) fn refresh(&mut self, export_time_s: u32) {
        if let Some(refresh) = self.refresh
            && export_time_s.saturating_sub(self.refreshed_at_s) >= refresh.seconds
        {
            self.current_since = self.number;
            self.refreshed_at_s = export_time_s;
        }
    }

    /// Makes the octets at `start` a data record of this message, which holds them.
    #[inline]
    pub(crate) fn accept(&mut self, set_id: u16, start: usize, octets: usize, export_time_s: u32) {
        self.message.accept(set_id, start, octets);
        self.count_data(export_time_s);
    }

    /// Makes the octets at `start` the first data record of this message, which is empty.
    pub(crate) fn carry_over(&mut self, set_id: u16, start: usize, octets: usize, export_time_s: u32) {
        self.message.carry_over(set_id, start, octets);
        self.count_data(export_time_s);
    }

    /// Whether a record of this set fits behind the others.
    pub(crate) fn has_room(&mut self, set_id: u16, octets: usize) -> bool {
        if set_id == OPTIONS_TEMPLATE_SET {
            // Some collectors cannot read two options templates in one set.
            self.message.close_set();
        }
        self.message.holds(self.message.next_record(set_id), octets)
    }

    /// Adds a data record, for which there is room.
    pub(crate) fn append_data(&mut self, set_id: u16, record: &[u8], export_time_s: u32) {
        self.append(set_id, record);
        self.count_data(export_time_s);
    }

    /// Adds a template record, for which there is room.
    pub(crate) fn append_template(&mut self, set_id: u16, record: &[u8], export_time_s: u32) {
        self.append(set_id, record);
        self.template_records += 1;
        self.export_time_s = export_time_s;
    }

    /// Counts a data record that no message will hold.
    pub(crate) fn lose_record(&mut self) {
        self.sequence_number = self.sequence_number.wrapping_add(1);
        self.statistics.lost_records += 1;
    }

    /// Counts a data record that its writer did not complete.
    pub(crate) fn refuse_record(&mut self) {
        self.statistics.refused_records += 1;
    }

    /// Sends the message, if there is anything in it, and begins the next one.
    pub(crate) fn send(&mut self) -> io::Result<()> {
        if self.message.is_empty() {
            return Ok(());
        }
        let message = self.message.complete(self.export_time_s, self.sequence_number, self.observation_domain);
        let outcome = self.output.send(message);
        let statistics = &mut self.statistics;
        if outcome.is_ok() {
            statistics.messages += 1;
            statistics.octets += u64::try_from(message.len()).unwrap_or(u64::MAX);
            statistics.data_records += u64::from(self.data_records);
            statistics.template_records += u64::from(self.template_records);
        } else {
            statistics.lost_messages += 1;
            statistics.lost_records += u64::from(self.data_records);
        }
        self.sequence_number = self.sequence_number.wrapping_add(self.data_records.into());
        (self.data_records, self.template_records) = (0, 0);
        self.message.clear();
        self.number += 1;
        if self.refresh.is_some_and(|refresh| self.number - self.current_since >= refresh.messages) {
            self.current_since = self.number;
            self.refreshed_at_s = self.export_time_s;
        }
        outcome
    }

    /// Sends the message at a time of its own, and has the output hand on what it kept back.
    pub(crate) fn flush(&mut self, export_time_s: u32) -> io::Result<()> {
        self.export_time_s = export_time_s;
        self.send()?;
        self.output.flush()
    }

    /// The time of the last record.
    pub(crate) const fn export_time_s(&self) -> u32 {
        self.export_time_s
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
        let start = self.message.next_record(set_id);
        if let Some(room) = self.message.room(start).get_mut(..record.len()) {
            room.copy_from_slice(record);
            self.message.accept(set_id, start, record.len());
        }
    }

    #[inline]
    fn count_data(&mut self, export_time_s: u32) {
        self.data_records += 1;
        self.export_time_s = export_time_s;
    }
}
