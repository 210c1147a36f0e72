use crate::{MAXIMUM_MESSAGE, MINIMUM_MESSAGE};

/// What an [`Exporter`](crate::Exporter) does by itself; the defaults suit most collectors.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ExporterConfig {
    observation_domain: u32,
    maximum_message: Option<u16>,
    template_refresh_s: u32,
    template_refresh_messages: u32,
    type_information: bool,
}

impl ExporterConfig {
    /// The defaults for an observation domain.
    ///
    /// Collectors tell sources apart by transport session and domain, some by the domain alone: give every probe its
    /// own. 0 says that no single domain applies (RFC 7011 section 3.1).
    pub const fn new(observation_domain: u32) -> Self {
        Self {
            observation_domain,
            maximum_message: None,
            template_refresh_s: DEFAULT_TEMPLATE_REFRESH_S,
            template_refresh_messages: DEFAULT_TEMPLATE_REFRESH_MESSAGES,
            type_information: true,
        }
    }

    /// The largest message in octets, from [`MINIMUM_MESSAGE`] to [`MAXIMUM_MESSAGE`]. Over UDP the path must carry it
    /// in one piece.
    ///
    /// Otherwise 65535, or 1400 where each message is a datagram and as much less as the path is known to carry
    /// ([`Output::path_octets`](crate::Output::path_octets)).
    #[must_use]
    pub const fn with_maximum_message(mut self, octets: u16) -> Self {
        self.maximum_message = Some(octets);
        self
    }

    /// How many seconds of export time a template stays good where each message is a datagram, 60 by default. RFC 6728
    /// section 4.4.2 has 600, for which a collector that has started anew would drop what it gets.
    #[must_use]
    pub const fn with_template_refresh_s(mut self, seconds: u32) -> Self {
        self.template_refresh_s = seconds;
        self
    }

    /// For how many messages a template stays good where each message is a datagram, 1000 by default: so a busy
    /// exporter is understood soon after its collector has started anew.
    #[must_use]
    pub const fn with_template_refresh_messages(mut self, messages: u32) -> Self {
        self.template_refresh_messages = messages;
        self
    }

    /// Whether templates that use elements of an enterprise are preceded by records that describe those elements
    /// (RFC 5610); they are by default.
    ///
    /// The options template of these records takes the id [`TYPE_INFORMATION_TEMPLATE`](crate::TYPE_INFORMATION_TEMPLATE).
    #[must_use]
    pub const fn with_type_information(mut self, described: bool) -> Self {
        self.type_information = described;
        self
    }

    /// The observation domain.
    pub const fn observation_domain(&self) -> u32 {
        self.observation_domain
    }

    pub(crate) const fn type_information(&self) -> bool {
        self.type_information
    }

    /// Whether messages are to be as small as the path needs it.
    pub(crate) const fn follows_path(&self) -> bool {
        self.maximum_message.is_none()
    }

    pub(crate) fn message_octets(&self, datagrams: bool) -> Result<u16, ConfigError> {
        let default = if datagrams { DEFAULT_DATAGRAM } else { MAXIMUM_MESSAGE };
        let octets = self.maximum_message.unwrap_or(default);
        if octets < MINIMUM_MESSAGE { Err(ConfigError::MaximumMessage { octets }) } else { Ok(octets) }
    }

    /// Seconds and messages.
    pub(crate) const fn template_refresh(&self) -> Result<(u32, u32), ConfigError> {
        if self.template_refresh_s == 0 || self.template_refresh_messages == 0 {
            return Err(ConfigError::TemplateRefresh);
        }
        Ok((self.template_refresh_s, self.template_refresh_messages))
    }
}

/// Why an exporter cannot work as configured.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Smaller messages have no room for records.
    #[error(
        "messages of at most {octets} octets have no room for records: allow {MINIMUM_MESSAGE} to {MAXIMUM_MESSAGE}"
    )]
    MaximumMessage {
        /// The size that was given.
        octets: u16,
    },
    /// Templates cannot be good for nothing.
    #[error(
        "templates would have to be repeated all the time: refresh them after at least 1 second and 1 message"
    )]
    TemplateRefresh,
}

/// Fits into the Ethernet frames of a path with a tunnel or two.
const DEFAULT_DATAGRAM: u16 = 1_400;
/// A few hundred octets a minute are cheap, and collectors forget templates after half an hour at the earliest.
const DEFAULT_TEMPLATE_REFRESH_S: u32 = 60;
const DEFAULT_TEMPLATE_REFRESH_MESSAGES: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_are_small_by_default() {
        let config = ExporterConfig::new(1);
        assert_eq!(config.message_octets(true), Ok(1_400));
        assert_eq!(config.message_octets(false), Ok(65_535));
        assert_eq!(config.with_maximum_message(512).message_octets(false), Ok(512));
    }

    #[test]
    fn sizes_and_intervals_that_cannot_work_are_refused() {
        let config = ExporterConfig::new(1);
        let error = ConfigError::MaximumMessage { octets: 63 };
        assert_eq!(config.with_maximum_message(63).message_octets(true), Err(error));
        assert_eq!(config.with_template_refresh_s(0).template_refresh(), Err(ConfigError::TemplateRefresh));
        assert_eq!(
            config.with_template_refresh_messages(0).template_refresh(),
            Err(ConfigError::TemplateRefresh)
        );
    }
}
