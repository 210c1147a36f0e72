use std::time::Duration;

/// When the judge states what.
///
/// The first four numbers are suggestions for calibration, between Flowmon's 20 attempts, Splunk's 10 an hour and what
/// Microsoft saw of slow attacks: a few tries an hour for days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JudgeConfig {
    /// Failed logons of one source within [`Self::fast_window`] that are guessing.
    pub fast_failures: u32,
    /// What is fast.
    pub fast_window: Duration,
    /// Failed logons of one source within [`Self::slow_window`] that are guessing.
    pub slow_failures: u32,
    /// What is remembered at all: no more than a day of it is used.
    pub slow_window: Duration,
    /// Failed logons at one server within the slow window, by several sources, that are guessing.
    pub distributed_failures: u32,
    /// How many sources that takes.
    pub distributed_sources: u32,
    /// Connections that left at a logon screen count as this part of a failed logon: what was typed there cannot be seen.
    pub logon_screen_weight: f64,
    /// A connection that stayed longer at a logon screen is somebody who reads it, or works.
    pub logon_screen_time: Duration,
    /// Servers that one source fails at before it is said to spray over servers.
    pub sprayed_servers: u32,
    /// Names that one source fails with before it is said to spray over names.
    pub sprayed_users: u32,
    /// Failures before a success that make the success a finding, if they came faster than people type or had several names.
    pub failures_before_success: u32,
    /// The same for one name at the pace of people.
    pub typed_failures_before_success: u32,
    /// Failures of one name that are forgiven when it succeeds: typing errors.
    pub forgiven_failures: u32,
    /// The shortest pause between tries that people keep.
    pub typing_pause: Duration,
    /// A source that failed with one name at one server and a steady period of at least this has expired credentials saved.
    pub steady_period: Duration,
    /// Connections of one source and name this soon after each other, with fewer protocols each, are one logon's ladder.
    pub ladder_pause: Duration,
    /// Connections that servers refused in the negotiation, of one source within the fast window, that are worth a finding of low
    /// severity.
    pub refusals: u32,
}

impl Default for JudgeConfig {
    fn default() -> Self {
        Self {
            fast_failures: 10,
            fast_window: Duration::from_mins(10),
            slow_failures: 20,
            slow_window: Duration::from_hours(24),
            distributed_failures: 30,
            distributed_sources: 3,
            logon_screen_weight: 0.5,
            logon_screen_time: Duration::from_secs(30),
            sprayed_servers: 5,
            sprayed_users: 5,
            failures_before_success: 10,
            typed_failures_before_success: 20,
            forgiven_failures: 5,
            typing_pause: Duration::from_secs(4),
            steady_period: Duration::from_secs(20),
            ladder_pause: Duration::from_secs(5),
            refusals: 20,
        }
    }
}
